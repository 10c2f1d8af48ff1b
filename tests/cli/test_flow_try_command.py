"""`admit flow try`: golden screens of what a flow would do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_calls import Call, RunProcess

PENDING = """\
STEP         WHAT             PLUGIN           \x20
asks         before_password  password-policy  no objection
would write  register                          new → pending; flow email, provider local-userpass
would enter  email            email            for somebody@example.com, answers pending
would send   folder           folder           to somebody@example.com: Confirm your e-mail address
would write  dispatched                        flow email, reason register, attempt 1

somebody@example.com would be pending.
"""


def squeezed(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_it_shows_each_hook_message_and_transition(run_process: RunProcess, path: Path) -> None:
    """Of somebody new, on a copy of the data."""
    before = path.read_bytes()

    done = run_process("--dev", "flow", "try", "email")

    assert squeezed(PENDING) == squeezed(done.stdout)
    assert 0 == done.returncode
    assert "This was a rehearsal: nothing was changed, nothing sent." in done.stderr
    assert before == path.read_bytes()


@pytest.mark.parametrize(
    ("outcome", "code", "said"),
    [
        ("success", 0, "somebody@example.com would be confirmed."),
        ("proved", 0, "somebody@example.com would be confirmed."),
        ("fail", 4, "No account would be left."),
        ("error", 1, "somebody@example.com would be pending."),
        ("delayed", 0, "somebody@example.com would be pending."),
    ],
)
def test_it_ends_as_the_flow_would(
    call: Call, path: Path, outcome: str, code: int, said: str
) -> None:
    """With the exit code that registering would have."""
    done = call("flow", "try", "email", "--outcome", outcome)

    assert (code, said) == (done.exit_code, done.stdout.splitlines()[-1])


def test_it_can_be_tried_for_somebody_who_waits(call: Call, path: Path) -> None:
    """And the link of the message pressed."""
    done = call("flow", "try", "email", "--for", "ada@example.com", "--press")

    assert "ada@example.com would be confirmed." == done.stdout.splitlines()[-1]
    assert "cause token" in done.stdout
    assert "pending" in call("users", "list").stdout


def test_the_message_can_be_read(call: Call, path: Path) -> None:
    """As it would be sent."""
    done = call("flow", "try", "email", "--show-message")
    told = json.loads(call("flow", "try", "email", "--show-message", "--json").stdout)

    assert "Please confirm that this is your e-mail address" in done.stdout
    messages = [step["message"] for step in told["steps"] if step["message"]]
    assert "Please confirm" in messages[0]["text"]
    assert (["pending"], None) == ([told["user"]["state"]], told["error"])


def test_what_cannot_be_tried_is_told_as_ever(call: Call, path: Path) -> None:
    """A flow that is not loaded, or not configured; a user who does not wait."""
    call("users", "create", "grace@example.com")

    unknown = call("flow", "try", "carrier-pigeon")
    unset = call("flow", "try", "function")
    confirmed = call("flow", "try", "email", "--for", "grace@example.com")

    assert [3, 1, 4] == [unknown.exit_code, unset.exit_code, confirmed.exit_code]
    assert "Known: auto, email, function." in unknown.stderr
