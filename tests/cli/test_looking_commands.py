"""`admit runs`, `admit events tail`, `admit doctor`: looking at an application."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from cli_calls import PASSWORD, Call, RunProcess, engine_on


def test_runs_tell_what_waits_for_a_worker(call: Call, path: Path) -> None:
    """With whose it is; none is left when a worker came by."""
    with engine_on(path) as engine:
        engine.public.register("grace@example.com", PASSWORD)

    waiting = call("runs")
    told = json.loads(call("runs", "--json").stdout)
    call("work", "--once")

    assert ["grace@example.com", "email", "confirm", "queued"] == waiting.stdout.split("\n")[
        1
    ].split()[:4]
    assert "1 queued run." == waiting.stdout.splitlines()[-1]
    assert "grace@example.com" == told["runs"][0]["address"]
    assert "0 queued runs.\n" == call("runs").stdout


def test_runs_tell_what_failed_and_page(call: Call, path: Path) -> None:
    """With why."""
    path.with_name("admit.toml").write_text(
        'functions = {broken = "json:loads"}\n[function]\nconfirmation = "broken"\n'
    )
    call("flow", "use", "function")
    call("users", "create", "grace@example.com")
    call("users", "rerun", "ada@example.com")

    failed = call("runs", "--in", "failed", "--flow", "function")

    assert "1 failed run." == failed.stdout.splitlines()[-1]
    assert "ada@example.com" in failed.stdout
    assert "0 failed runs.\n" == call("runs", "--in", "failed", "--flow", "email").stdout


def test_the_last_events_are_a_table_or_lines(run_process: RunProcess, path: Path) -> None:
    """For people, with whom they are about; for programs, one a line."""
    table = run_process("events", "tail").stdout.splitlines()
    lines = run_process("events", "tail", "--json", "--last", "1").stdout.splitlines()

    assert ["AT", "(UTC)", "USER", "WHAT", "FROM", "→", "TO", "BY", "HOW"] == table[0].split()
    assert "register" in table[-2]
    assert ["dispatched"] == [json.loads(line)["trigger"] for line in lines]


def test_a_trail_of_nothing_is_told(call: Call, json_path: Path) -> None:
    """Not an empty table."""
    with engine_on(json_path):
        pass

    assert "Nothing has happened yet.\n" == call("events", "tail").stdout


def test_new_events_are_told_until_a_signal_comes(path: Path) -> None:
    """
    Given a process that follows the trail,
    when another one changes a user, then its event is printed;
    when it is told to stop by SIGTERM, then it ends with 0.
    """
    follower = subprocess.Popen(
        [sys.executable, "-m", "admit.cli", *("events", "tail", "--follow", "--last", "1")]
        + ["--every", "0.05", "--json"],
        env={**os.environ, "ADMIT_STORE": str(path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with follower:
        assert follower.stdout is not None
        first = json.loads(follower.stdout.readline())
        with engine_on(path) as engine:
            engine.disable(address="ada@example.com")
        second = json.loads(follower.stdout.readline())
        follower.send_signal(signal.SIGTERM)
        rest = follower.stdout.read()

    assert ["dispatched", "disable"] == [first["trigger"], second["trigger"]]
    assert ("", 0) == (rest, follower.returncode)


def test_following_can_be_bounded(call: Call, path: Path) -> None:
    """By a number, for scripts; which means nothing without it."""
    done = call("events", "tail", "--follow", "--limit", "2")

    assert ["register", "dispatched"] == [line.split()[2] for line in done.stdout.splitlines()]
    assert 2 == call("events", "tail", "--limit", "2").exit_code


def test_the_doctor_finds_nothing_wrong_in_development(run_process: RunProcess, path: Path) -> None:
    """What is weak there is told, and no failure unless it is asked to be strict."""
    done = run_process("--dev", "doctor")

    assert """\
weak   Messages go to a folder: nobody gets them.
       Set transport to smtp, or to one that delivers, before people come.
       [transport-for-development]

weak   email.link_base: links lead to the reader's own machine.
       Name the public page. [setting-weak]

""" == done.stdout.partition("Nothing is wrong")[0]
    assert 0 == done.returncode
    assert 1 == run_process("--dev", "doctor", "--strict").returncode


def test_the_doctor_exits_with_1_when_something_is_wrong(call: Call, path: Path) -> None:
    """Each with its remedy; to programs as JSON."""
    smtp = {"ADMIT_TRANSPORT": "smtp", "ADMIT_SMTP_HOST": "127.0.0.1", "ADMIT_SMTP_PORT": "1"}

    done = call("doctor", **smtp)
    told = json.loads(call("doctor", "--json", **smtp).stdout)

    assert 1 == done.exit_code
    assert "wrong  The mail server could not be reached: Connection refused." in done.stdout
    assert (1, "transport-unreachable") == (told["wrong"], told["advice"][0]["code"])


def test_the_doctor_examines_what_does_not_open(call: Call, path: Path) -> None:
    """A wrong configuration is a finding, no failure of the command."""
    path.with_name("admit.toml").write_text("= 5\n")

    done = call("doctor")

    assert 1 == done.exit_code
    assert "1 thing wrong" in done.stdout
