"""What a shell sees: exit codes, stderr, colours."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from contextlib import redirect_stdout, suppress
from pathlib import Path

import click
import pytest
from cli_calls import Call, MakePlugin, RunProcess, engine_on
from click.testing import CliRunner

from admit.cli import main

VETO = """
import admit

@admit.hookimpl
def before_delete(user):
    return "\\x1b[31mNot this one.\\nreally"
"""

BUSY = """
import admit
from admit.errors import TryLater

class Busy:
    name = "busy"
    def check(self, services):
        raise TryLater("the service is busy")
    def begin(self, entry, services):
        return admit.Outcome.pending()

@admit.hookimpl
def register_confirmation_flows():
    return [Busy()]
"""


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ("users", "show", "ada@example.com")),
        (1, ("--config", "{folder}/keyless.toml", "users", "rerun", "ada@example.com")),
        (2, ("users", "show", "not-an-id")),
        (2, ("users", "shwo")),
        (2, ("users", "show", "ada@example.com", "--store", "{folder}/other.json")),
        (3, ("users", "show", "grace@example.com")),
        (4, ("users", "create", "ada@example.com")),
    ],
    ids=["done", "failed", "bad input", "bad command", "no store", "not found", "not now"],
)
def test_the_exit_code_tells_what_kind_of_error_it_was(
    run_process: RunProcess, path: Path, code: int, arguments: tuple[str, ...]
) -> None:
    """One code for each class of errors; what is wrong is on stderr, never on stdout."""
    path.with_name("keyless.toml").write_text('confirmation_flow = "email"\n')

    done = run_process(*(argument.format(folder=path.parent) for argument in arguments))

    assert code == done.returncode
    assert (code == 0) == (done.stdout != "")
    assert (code == 0) == (done.stderr == "")


def test_a_database_that_is_away_is_exit_code_5(call: Call) -> None:
    """Given the URL of a database that is not there, when anything is asked of it, then the code
    says that the same call may succeed later."""
    away = "postgresql+psycopg://127.0.0.1:1/shop"

    refused = call("users", "list", "--store", away, ADMIT_KEY="ab" * 32)

    assert 5 == refused.exit_code
    assert "could not be reached" in refused.stderr
    assert "[store-unreachable]" in refused.stderr


def test_try_later_is_exit_code_5(call: Call, path: Path, make_plugin: MakePlugin) -> None:
    """
    Given a flow that cannot be entered at this moment,
    when a user is re-run,
    then the code says that the same call may succeed later.
    """
    make_plugin(BUSY, more='confirmation_flow = "busy"\n')

    refused = call("users", "rerun", "ada@example.com")

    assert 5 == refused.exit_code
    assert "Not now: the service is busy." in refused.stderr


def test_a2_what_a_plugin_says_cannot_colour_the_terminal(
    call: Call, path: Path, make_plugin: MakePlugin
) -> None:
    """A veto is a stranger's text: its control characters are shown, not obeyed."""
    make_plugin(VETO)

    refused = call("users", "delete", "ada@example.com", "--yes")

    assert 4 == refused.exit_code
    assert r"error: \x1b[31mNot this one.\nreally" == refused.stderr.splitlines()[-2]


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "dumb"}, False),
    ],
    ids=["a terminal", "NO_COLOR", "a dumb terminal"],
)
def test_a_terminal_is_coloured_unless_it_is_not_wanted(
    path: Path, environment: dict[str, str], coloured: bool
) -> None:
    """Only where somebody looks at it, and never with NO_COLOR."""
    kept = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    mine, theirs = pty.openpty()

    subprocess.run(
        [sys.executable, "-m", "admit.cli", "users", "list", "--store", str(path)],
        stdout=theirs,
        stderr=theirs,
        env={**kept, **environment},
        check=True,
        timeout=60,
    )
    shown = os.read(mine, 65536)
    os.close(theirs)
    os.close(mine)

    assert b"ada@example.com" in shown
    assert coloured == (b"\x1b[" in shown)


def test_what_is_piped_is_not_coloured(run_process: RunProcess, path: Path) -> None:
    """Whoever reads a pipe wants the text."""
    assert "\x1b" not in run_process("users", "list", TERM="xterm").stdout


def test_a_terminal_that_lacks_a_letter_gets_its_escape(
    run_process: RunProcess, path: Path
) -> None:
    """The arrows of a timeline are no reason to fail on an older terminal."""
    done = run_process("users", "timeline", "ada@example.com", PYTHONIOENCODING="latin-1")

    assert 0 == done.returncode
    assert r"new \u2192 pending" in done.stdout


def test_warnings_of_the_engine_are_one_line_on_stderr(call: Call, path: Path) -> None:
    """Where the mails land in development mode is said once, beside what was asked for."""
    result = call("users", "rerun", "ada@example.com")

    assert [f"warning: development mode: mails land in {path}.mail"] == result.stderr.splitlines()


def test_what_is_not_configured_is_said_in_words_of_the_command_line(path: Path) -> None:
    """The error itself speaks Python: `dev=True` is `--dev` here."""
    refused = CliRunner().invoke(main, ["--store", str(path), "users", "rerun", "ada@example.com"])

    assert 1 == refused.exit_code
    assert "or pass --dev. [not-configured]" in refused.stderr


@pytest.mark.parametrize(("answer", "state"), [("n", "pending"), ("y", "deleted")])
def test_n3_on_a_terminal_it_is_asked(
    path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, state: str
) -> None:
    """
    Given somebody at a terminal,
    when a user is to be deleted,
    then only a yes does it.
    """
    mine, theirs = pty.openpty()
    os.write(mine, f"{answer}\n".encode())
    with engine_on(path) as engine:
        user_id = engine.users.find("ada@example.com").id

    with os.fdopen(theirs) as terminal, redirect_stdout(io.StringIO()), suppress(click.Abort):
        monkeypatch.setattr("sys.stdin", terminal)
        main(["users", "delete", user_id, "--store", str(path)], standalone_mode=False)
    os.close(mine)

    with engine_on(path) as engine:
        assert (state == "deleted") == (engine.users.count("deleted") == 1)
