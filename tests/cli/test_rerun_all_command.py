"""`admit rerun-all`, which is also `admit users rerun --all`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, MakePlugin, engine_on

ALL = pytest.mark.parametrize(
    "command", [("rerun-all",), ("users", "rerun", "--all")], ids=["rerun-all", "users rerun --all"]
)

INTERRUPTED = """
import admit

class CtrlC:
    name = "ctrl-c"
    inline = True
    entered = 0
    def begin(self, entry, services):
        self.entered += 1
        if self.entered == NUMBER:
            raise KeyboardInterrupt
        return admit.Outcome.pending()

@admit.hookimpl
def register_confirmation_flows():
    return [CtrlC()]
"""


REFUSING = """
import admit

class Refusing:
    name = "refusing"
    inline = True
    def begin(self, entry, services):
        if entry.username.startswith("grace"):
            return admit.Outcome.fail("Not in the member list.")
        return admit.Outcome.pending()

@admit.hookimpl
def register_confirmation_flows():
    return [Refusing()]
"""


@pytest.fixture
def crowd(path: Path) -> Path:
    """Ada, and two more who wait."""
    with engine_on(path) as engine:
        engine.register("grace@example.org", PASSWORD)
        engine.register("mary@example.com", PASSWORD)
    return path


def mails(path: Path) -> int:
    return len(list(path.with_name("users.json.mail").glob("*.eml")))


@ALL
def test_a_dry_run_tells_who_it_would_be_and_changes_nothing(
    call: Call, crowd: Path, command: tuple[str, ...]
) -> None:
    """The list, the number, and no mail."""
    shown = call(*command, "--dry-run", "--domain", "example.com").stdout

    assert "2 users would be re-run. Nothing was changed." == shown.splitlines()[-1]
    assert "grace@example.org" not in shown
    assert 3 == mails(crowd)


@ALL
def test_each_user_is_a_line_and_the_sum_comes_last(
    call: Call, crowd: Path, command: tuple[str, ...]
) -> None:
    """
    Given three users who wait,
    when all are re-run,
    then each has a line as it is done, and each got a mail.
    """
    lines = call(*command, "--yes", "--per-second", "1000").stdout.splitlines()

    assert "1/3  rerun      ada@example.com" == lines[0]
    assert "3 re-run, 0 confirmed at once, 0 failed." == lines[-1]
    assert 6 == mails(crowd)


def test_it_goes_on_behind_the_cursor_of_a_result(call: Call, crowd: Path) -> None:
    """
    Given a bulk re-run that ended after one user,
    when it is called again with that result's cursor,
    then only the others are re-run.
    """
    command = ("rerun-all", "--yes", "--per-second", "1000", "--json")
    (first,) = call(*command, "--limit", "1").stdout.splitlines()

    rest = call(*command, "--after", json.loads(first)["cursor"]).stdout.splitlines()

    assert ["grace@example.org", "mary@example.com"] == [json.loads(r)["address"] for r in rest]


def test_n3_it_is_not_done_without_asking(call: Call, crowd: Path) -> None:
    """Where nobody can answer, it says how many it would be and wants --yes."""
    refused = call("rerun-all")

    assert 2 == refused.exit_code
    assert "Re-run 3 users?" in refused.stderr
    assert 3 == mails(crowd)


def test_one_that_fails_does_not_stop_the_others_and_shows_in_the_exit_code(
    call: Call, crowd: Path
) -> None:
    """
    Given an active flow that fails for everybody,
    when all are re-run,
    then each line says why, and the command exits with 1.
    """
    crowd.with_name("admit.toml").write_text(
        'functions = {broken = "json:loads"}\n[function]\nconfirmation = "broken"\n'
    )
    call("flow", "use", "function")

    result = call("rerun-all", "--yes", "--per-second", "1000")
    as_json = call("rerun-all", "--yes", "--per-second", "1000", "--json", "--run-failed")

    assert 1 == result.exit_code
    assert "0 re-run, 0 confirmed at once, 3 failed." == result.stdout.splitlines()[-1]
    assert "did not get through" in result.stdout
    assert 3 == as_json.stdout.count('"flow-failed"')


def test_whom_the_flow_refuses_is_told_apart_and_shows_in_the_exit_code(
    call: Call, crowd: Path, make_plugin: MakePlugin
) -> None:
    """
    Given an active flow that says no to one of three,
    when all are re-run,
    then her line says `refused` and why, the sum counts her, and the command exits with 1.
    """
    make_plugin(REFUSING)
    call("flow", "use", "refusing")

    result = call("rerun-all", "--yes", "--per-second", "1000")

    assert 1 == result.exit_code
    assert "2/3  refused    grace@example.org  Not in the member list." in result.stdout
    assert "2 re-run, 0 confirmed at once, 1 refused, 0 failed." == result.stdout.splitlines()[-1]


def test_nobody_to_re_run_is_done_at_once(call: Call, path: Path) -> None:
    """Nobody is asked about nobody."""
    result = call("rerun-all", "--pending-longer-than", "3 days")

    assert (0, "0 re-run, 0 confirmed at once, 0 failed.\n") == (result.exit_code, result.stdout)
    assert "0 users" in call("rerun-all", "--run-failed", "--dry-run").stdout
    assert "" == call("rerun-all", "--run-failed", "--dry-run", "--json").stdout
    assert 1 == len(call("rerun-all", "--dry-run", "--json").stdout.splitlines())


def test_a_duration_that_is_none_is_a_usage_error(call: Call, path: Path) -> None:
    """It says how to write one."""
    refused = call("rerun-all", "--pending-longer-than", "soon")

    assert 2 == refused.exit_code
    assert "12h" in refused.stderr


@pytest.mark.parametrize(("number", "hints"), [(1, 0), (2, 1)], ids=["first", "second"])
def test_ctrl_c_tells_where_to_go_on(
    call: Call, crowd: Path, make_plugin: MakePlugin, number: int, hints: int
) -> None:
    """
    Given somebody who presses Ctrl-C while a user is re-run,
    when the command ends,
    then it says which option goes on behind the one before, if there was one.
    """
    interrupted = INTERRUPTED.replace("NUMBER", str(number))
    make_plugin(interrupted, more='confirmation_flow = "ctrl-c"\n')
    (first, *_) = call("rerun-all", "--dry-run", "--json").stdout.splitlines()

    stopped = call("rerun-all", "--yes", "--per-second", "1000")

    assert 1 == stopped.exit_code
    assert hints == stopped.stderr.count(f"--after {json.loads(first)['cursor']}")
