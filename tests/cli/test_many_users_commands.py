"""Commands for several users: ids and addresses as arguments, or on standard input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, engine_on


@pytest.fixture
def two(path: Path) -> Path:
    """A store with Ada, who waits, and Grace, who is confirmed."""
    with engine_on(path) as engine:
        engine.create("grace@example.com", PASSWORD)
    return path


def test_several_users_are_done_one_after_the_other(call: Call, two: Path) -> None:
    """A line for each."""
    done = call("users", "disable", "ada@example.com", "grace@example.com")

    assert 0 == done.exit_code
    assert [
        "ada@example.com is pending, disabled.",
        "grace@example.com is confirmed, disabled.",
    ] == done.stdout.splitlines()


def test_users_are_read_from_standard_input(call: Call, two: Path) -> None:
    """
    Given a list, as another command printed it, with an id first in each line,
    when it is piped,
    then each of them is meant; blank lines are let pass.
    """
    with engine_on(two) as engine:
        grace = engine.users.find("grace@example.com").id

    done = call("users", "disable", "-", input=f"ada@example.com  pending\n\n{grace}\n")

    assert 0 == done.exit_code
    with engine_on(two) as engine:
        assert 2 == engine.users.count("disabled")


def test_nobody_on_standard_input_is_a_usage_error(call: Call, two: Path) -> None:
    """An empty pipe is a slip somewhere before it."""
    assert 2 == call("users", "disable", "-", input="\n").exit_code


def test_one_that_fails_does_not_stop_the_others_and_the_exit_code_is_1(
    call: Call, two: Path
) -> None:
    """
    Given three users, one of whom nobody knows,
    when all are disabled,
    then the two are, the third is named on stderr, and the exit code is that of a bulk that failed
    in part.
    """
    who = ("ada@example.com", "nobody@example.com", "grace@example.com")

    done = call("users", "disable", *who)
    told = call("users", "enable", *who, "--json")

    assert (1, 1) == (done.exit_code, told.exit_code)
    assert 2 == len(done.stdout.splitlines())
    assert "error: nobody@example.com: No user has this address." in done.stderr
    assert 2 == len([json.loads(line) for line in told.stdout.splitlines()])
    error = json.loads(told.stderr.splitlines()[-1])
    assert ("nobody@example.com", "user-not-found") == (error["about"], error["error"]["code"])


def test_deleting_several_asks_once(call: Call, two: Path) -> None:
    """How many, for nobody reads a list of a thousand."""
    refused = call("users", "delete", "ada@example.com", "grace@example.com")
    done = call("users", "delete", "ada@example.com", "grace@example.com", "--yes")

    assert 2 == refused.exit_code
    assert "Delete 2 users?" in refused.stderr
    assert (0, 2) == (done.exit_code, len(done.stdout.splitlines()))


def test_resend_sends_again_where_a_flow_sends(call: Call, two: Path) -> None:
    """
    Given a user who waits for a mail,
    when it is resent, then a second one is there;
    when the active flow sends none, then it is refused, and `rerun` is named.
    """
    done = call("users", "resend", "ada@example.com")
    assert 0 == done.exit_code
    assert 2 == len(list(two.with_name("users.json.mail").glob("*.eml")))

    call("flow", "use", "auto")
    refused = call("users", "resend", "ada@example.com")
    assert 4 == refused.exit_code
    assert "rerun" in refused.stderr


def test_log_out_ends_every_session(call: Call, two: Path) -> None:
    """Those of all devices, at once."""
    with engine_on(two) as engine:
        engine.settings.set("must_change_is_enforced", False)
        for _ in range(2):
            engine.log_in("local-userpass", username="grace@example.com", password=PASSWORD)

    done = call("users", "log-out", "grace@example.com")

    assert "Its sessions have ended." == done.stdout.splitlines()[-1]
    with engine_on(two) as engine:
        assert () == tuple(engine.sessions.of(engine.users.find("grace@example.com")))
