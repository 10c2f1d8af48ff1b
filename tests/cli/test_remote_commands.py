"""The same commands ask a server instead of a store, and print the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, engine_on
from click.testing import CliRunner, Result
from served_process import Served, serving

from admit.cli import main

Ask = Callable[..., Result]


@pytest.fixture
def server(path: Path) -> Iterator[Served]:
    """A server on the store in which Ada waits."""
    with serving(path.parent, "--dev", store=path.name) as served:
        yield served


@pytest.fixture
def key(path: Path) -> str:
    """An owner's admin key."""
    with engine_on(path) as engine:
        engine.create("bob@example.com", PASSWORD)
        return engine.admin_keys.create("desk", scope="owner").private_key.reveal()


@pytest.fixture
def ask(key: str, server: Served) -> Ask:
    """Call the command in this process, on the server."""

    def invoke(*arguments: str, input: str | None = None) -> Result:
        remote = {"ADMIT_REMOTE_URL": server.url, "ADMIT_REMOTE_KEY": key}
        return CliRunner().invoke(main, [*arguments], input=input, env=remote)

    return invoke


def ageless(printed: str) -> str:
    """Return what was printed without the seconds that passed between two looks."""
    return re.sub(r"\d+ seconds?", "some seconds", printed)


LOOKS = [
    ["users", "list"],
    ["users", "list", "--json"],
    ["users", "list", "--search", "ada"],
    ["users", "list", "--in", "pending", "--limit", "1", "--newest"],
    ["users", "show", "ada@example.com"],
    ["users", "why", "ada@example.com"],
    ["users", "timeline", "ada@example.com", "--json"],
    ["users", "rerun", "--all", "--dry-run"],
    ["sessions", "list", "bob@example.com"],
    ["flow", "list"],
    ["runs"],
    ["runs", "--in", "failed", "--json"],
    ["events", "tail", "--json", "--last", "2"],
    ["keys", "list"],
    ["admin-keys", "list", "--json"],
]


def test_what_is_looked_at_is_printed_the_same(call: Call, ask: Ask) -> None:
    """Given a store and a server on it, then each look prints the same to both."""
    for look in LOOKS:
        here, there = call(*look), ask(*look)

        assert (0, 0) == (here.exit_code, there.exit_code), there.stderr
        # When a key was last used changes with each use of it.
        if look[0] != "admin-keys":
            assert ageless(here.stdout) == ageless(there.stdout)


def test_what_is_done_there_is_printed_and_done(call: Call, ask: Ask) -> None:
    """Given a stuck user, when she is confirmed through the server, then the store has her so, with
    who did it and why."""
    done = ask("users", "confirm", "ada@example.com", "--reason", "she called")

    assert (0, "ada@example.com is confirmed.\n") == (done.exit_code, done.stdout)
    assert "confirmed" in call("users", "show", "ada@example.com").stdout
    timeline = call("users", "timeline", "ada@example.com", "--json").stdout
    assert "she called" in timeline


def test_users_are_given_out_and_taken_in_there(ask: Ask, call: Call) -> None:
    """Given a file of users from a server, when it takes them in again, they are there already."""
    given = ask("users", "export", "--all")
    taken = ask("users", "import", "-", input=given.stdout)

    assert (0, 0) == (given.exit_code, taken.exit_code), given.stderr + taken.stderr
    assert 2 == len(given.stdout.splitlines())
    assert "2 there already" in taken.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["users", "show", "nobody@example.com"], 3, "user-not-found"),
        (["users", "rerun", "bob@example.com"], 4, "not-allowed"),
        (["users", "list", "--after", "x"], 2, "cursor"),
        (["settings", "set", "token_lifetime", "1 year"], 2, "invalid-setting"),
        (["users", "merge", "bob@example.com", "ada@example.com", "--yes"], 2, "not-remote"),
    ],
)
def test_errors_have_the_same_codes(ask: Ask, arguments: list[str], code: int, says: str) -> None:
    """As of a local store; what a server does not do is said."""
    refused = ask(*arguments)

    assert code == refused.exit_code, refused.stderr
    assert says in refused.stderr


def test_a_server_needs_a_key_and_an_answer(tmp_path: Path) -> None:
    """Given none of either, then it is said, with the exit codes of usage and of later."""
    run = CliRunner()
    without = run.invoke(main, ["users", "list", "--server", "http://127.0.0.1:9"])
    nobody = run.invoke(main, ["users", "list", "--server", "http://127.0.0.1:9", "--key", "k"])

    assert (2, 5) == (without.exit_code, nobody.exit_code)
    assert "ADMIT_REMOTE_KEY" in without.stderr
    assert "server-unreachable" in nobody.stderr


def test_a_key_in_the_environment_is_for_its_server_alone() -> None:
    """Given the environment's server and key, when another server is named, the key stays home."""
    env = {"ADMIT_REMOTE_URL": "https://a.example", "ADMIT_REMOTE_KEY": "key"}
    refused = CliRunner().invoke(main, ["users", "list", "--server", "http://127.0.0.1:9"], env=env)

    assert 2 == refused.exit_code
    assert "there is none for http://127.0.0.1:9" in refused.stderr


def test_a_key_in_the_environment_is_not_for_a_profiles_other_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the environment's server and key, when a profile without a key names another server,
    then the key stays home; the same server gets it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    profiles = tmp_path / "admit" / "profiles.toml"
    profiles.parent.mkdir()
    profiles.write_text('[other]\nserver = "http://127.0.0.1:9"\n')
    profiles.chmod(0o600)

    def asked(at: str) -> Result:
        env = {"ADMIT_REMOTE_URL": at, "ADMIT_REMOTE_KEY": "key"}
        return CliRunner().invoke(main, ["users", "list", "--profile", "other"], env=env)

    refused, let = asked("https://a.example"), asked("http://127.0.0.1:9")

    assert (2, 5) == (refused.exit_code, let.exit_code)
    assert "there is none for http://127.0.0.1:9" in refused.stderr


def test_a_profile_names_server_and_key(
    tmp_path: Path, key: str, server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a file that others cannot read; one that they can is refused, with what to do."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    profiles = tmp_path / "admit" / "profiles.toml"
    profiles.parent.mkdir()
    profiles.write_text(f'[shop]\nserver = "{server.url}"\nkey = "{key}"\n')
    profiles.chmod(0o600)
    good = CliRunner().invoke(main, ["users", "list", "--profile", "shop"])
    unknown = CliRunner().invoke(main, ["users", "list", "--profile", "other"])
    profiles.chmod(0o644)
    open_to_all = CliRunner().invoke(main, ["users", "list", "--profile", "shop"])

    assert "bob@example.com" in good.stdout, good.stderr
    assert (2, 2) == (unknown.exit_code, open_to_all.exit_code)
    assert "there is: shop" in unknown.stderr
    assert "chmod 600" in open_to_all.stderr
