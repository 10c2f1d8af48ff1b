"""`--dry-run` on every command that writes: it tells what it would do, and does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from cli_calls import PASSWORD, Call, engine_on

from admit.cli import main

READS = {
    *("completion", "demo", "diagram", "doctor", "plugins", "runs", "serve"),
    *("admin-keys list", "export appservices"),
    *("api-keys list", "audit verify", "events tail", "flow list", "flow try"),
    *("keys jwks", "keys list", "sessions list", "settings list"),
    *("store backup", "store check", "store export", "store stats"),
    *("users data get", "users erasures", "users export", "users identities", "users list"),
    *("users show", "users timeline", "users why"),
}
"""Commands that change nothing in the store: they look at it, or write a file of their own."""


def commands(group: click.Group = main, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


def test_every_command_that_writes_can_be_run_dry() -> None:
    """A new command is either on the list of those that read, or has the option."""
    without = {
        name
        for name, command in commands()
        if not any("--dry-run" in option.opts for option in command.params)
    }

    assert READS == without


@pytest.fixture
def filled(path: Path) -> tuple[Path, str]:
    """A store with Ada, who waits, Grace, who is confirmed, and a key of the server's."""
    with engine_on(path) as engine:
        engine.create("grace@example.com", PASSWORD)
        key = engine.api_keys.create_server_key(name="nightly").key
    path.with_name("data.json").write_text("{}")
    path.with_name("rows.jsonl").write_text(
        '{"identities": [{"provider": "local-userpass", "login_key": "joan@example.com"}]}\n'
    )
    return path, key.id


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("users", "rerun", "ada@example.com"), "ada@example.com is pending."),
        (("users", "rerun", "--all"), "1 user would be re-run."),
        (("users", "resend", "ada@example.com"), "ada@example.com is pending."),
        (("users", "create", "joan@example.com"), "joan@example.com is confirmed."),
        (("users", "confirm", "ada@example.com"), "ada@example.com is confirmed."),
        (("users", "correct-address", "ada@example.com", "a@b.example"), "a@b.example is pending."),
        (("users", "disable", "ada@example.com"), "ada@example.com is pending, disabled."),
        (("users", "enable", "ada@example.com"), "ada@example.com is pending."),
        (("users", "log-out", "grace@example.com"), "grace@example.com is confirmed."),
        (("users", "delete", "ada@example.com"), "ada@example.com is deleted."),
        (("users", "delete", "ada@example.com", "grace@example.com"), "grace@example.com is"),
        (("users", "restore", "grace@example.com"), "grace@example.com is confirmed."),
        (("users", "data", "set", "grace@example.com", "{folder}/data.json"), "Kept, in version 1"),
        (("users", "import", "{folder}/rows.jsonl"), "1 would be imported"),
        (("users", "change-address", "grace@example.com", "g@b.example"), "g@b.example is"),
        (("sessions", "end", "grace@example.com", "--all"), "0 sessions"),
        (("flow", "use", "auto"), "The active flow is auto"),
        (("settings", "set", "cool_down", "5s"), "cool_down is 5 seconds"),
        (("settings", "unset", "cool_down"), "cool_down is"),
        (("keys", "rotate"), ""),
        (("api-keys", "create", "weekly"), ""),
        (("api-keys", "disable", "{key}"), "The key nightly is disabled."),
        (("api-keys", "enable", "{key}"), "The key nightly is enabled."),
        (("api-keys", "delete", "{key}"), "The key nightly is gone."),
        (("work", "--once"), "Took up"),
        (("recover",), "Took up 0 users."),
        (("sweep",), "tombstones"),
        (("store", "compact"), "Would compact"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_dry_run_does_as_if_and_changes_nothing(
    call: Call, filled: tuple[Path, str], arguments: tuple[str, ...], told: str
) -> None:
    """
    Given a store,
    when a command is run dry, without a question,
    then it prints what it would, exits with 0, sends nothing, and no byte of the store changed.
    """
    path, key = filled
    before = bytes_of(path)

    done = call(*(word.format(folder=path.parent, key=key) for word in arguments), "--dry-run")

    assert 0 == done.exit_code, done.stderr
    assert told in done.stdout
    assert before == bytes_of(path)
    assert "othing was changed" in done.stderr + done.stdout


def bytes_of(path: Path) -> dict[str, bytes]:
    return {
        str(file): file.read_bytes()
        for file in path.parent.rglob("*")
        if file.is_file() and file.suffix != ".lock"
    }


def test_a_dry_run_tells_which_message_it_held_back(call: Call, path: Path) -> None:
    """And what would be refused is refused, with its exit code."""
    done = call("users", "resend", "ada@example.com", "--dry-run")
    refused = call("users", "create", "ada@example.com", "--dry-run")

    assert "Would send: to ada@example.com: Confirm your e-mail address" in done.stderr
    assert 4 == refused.exit_code


def test_working_on_and_on_cannot_be_rehearsed(call: Call, path: Path) -> None:
    """What would come is not known."""
    assert 2 == call("work", "--dry-run").exit_code


@pytest.mark.parametrize(
    "arguments",
    [
        ("users", "disable", "ada@example.com", "--dry-run"),
        ("users", "rerun", "ada@example.com", "--dry-run"),
        ("flow", "try", "email"),
        ("doctor",),
    ],
    ids=" ".join,
)
def test_what_needs_the_store_itself_is_refused_for_a_server(
    call: Call, path: Path, arguments: tuple[str, ...]
) -> None:
    """
    Given a server instead of a store,
    when a command would be run dry there,
    then it is refused before anything is asked: it is neither done for real nor to the store here.
    """
    refused = call(*arguments, "--server", "http://127.0.0.1:1", "--key", "k" * 64)

    assert 2 == refused.exit_code
    assert "needs the store itself" in refused.stderr
