"""`admit demo`: the story, told from beginning to end."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
import time
from pathlib import Path

import pytest
from cli_calls import PASSWORD, Call, RunProcess

import admit
from admit.cli.demo_mail import HOST, DemoMailServer

BEATS_OF_THE_STORY = [
    "Ada registers.",
    "554 5.3.0 the queue is on fire",
    "What to do: mend the cause, then rerun.",
    "engine.rerun(ada)",
    "or type this code:",
    "This link has expired.",
    "the last message has expired unused",
    'engine.settings.set("confirmation_flow", "function")',
    "She is kept as she is: pending.",
    "She is confirmed, though no mail proved her address.",
    "Ada logs in.",
    "local-userpass",
    "grace@exmaple.com",
    "550 5.1.2 no such domain",
    "engine.correct_address",
    "She is confirmed, and her address is proved.",
    "new → pending",
    "pending → confirmed",
    "0 problems.",
    "nobody stuck.",
]


def test_the_story_is_told_in_its_order(run_process: RunProcess) -> None:
    """
    Given nothing but the installed package,
    when the demo runs as a process,
    then every beat is there, one after the other, in lines of at most 80 columns.
    """
    began = time.perf_counter()
    done = run_process("demo")
    print(f"the demo took {time.perf_counter() - began:.1f} seconds")  # noqa: T201  # to be seen

    assert (0, "") == (done.returncode, done.stderr)
    place = 0
    for beat in BEATS_OF_THE_STORY:
        place = done.stdout.index(beat, place)
    assert [] == [
        line for line in done.stdout.splitlines() if len(line) > 80 and "users.json" not in line
    ]


def test_t3_no_whole_token_is_printed(call: Call) -> None:
    """A link is shown cut: what is on the screen opens nothing."""
    shown = call("demo").stdout

    assert "token=" in shown
    assert re.search(r"[0-9a-f]{25}", shown) is None


def test_each_beat_is_a_line_of_json(call: Call) -> None:
    """For programs: the same story, in the same order."""
    beats = [json.loads(line) for line in call("demo", "--json").stdout.splitlines()]

    assert "The mail that bounced" == beats[0]["is"]["title"]
    assert {"chapter", "deed", "answer", "mail", "facts", "events"} == {b["beat"] for b in beats}


def test_the_store_can_be_kept_to_look_around_in(call: Call, tmp_path: Path) -> None:
    """
    Given a folder to keep the store in,
    when the demo is over,
    then both people are there, and a second demo does not write over them.
    """
    folder = tmp_path / "kept"

    told = call("demo", "--keep", str(folder)).stdout

    assert f"--store {folder / 'users.json'}" in told
    listed = call("users", "list", "--store", str(folder / "users.json")).stdout
    assert ["ada@example.com", "grace@example.com"] == re.findall(r"\S+@\S+", listed)
    assert 2 == call("demo", "--keep", str(folder)).exit_code


def test_what_was_kept_goes_on_working_without_the_demo(
    run_process: RunProcess, tmp_path: Path
) -> None:
    """
    Given a store that the demo left,
    when somebody else is created there, and users are re-run,
    then the configuration beside it is enough.
    """
    run_process("demo", "--keep", str(tmp_path))
    store = str(tmp_path / "users.json")

    assert 4 == run_process("users", "rerun", "ada@example.com", "--store", store).returncode
    assert "active" in run_process("flow", "list", "--store", store).stdout
    with admit.open(store, worker=False) as engine:
        engine.register("mary@example.com", PASSWORD)
    assert 0 == run_process("users", "rerun", "mary@example.com", "--store", store).returncode


def test_without_the_mail_server_the_extra_is_named(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given an installation without the optional package,
    when the demo is called,
    then it fails with the command that installs what is missing.
    """
    monkeypatch.setitem(sys.modules, "aiosmtpd.smtp", None)  # as if it could not be imported

    failed = call("demo")

    assert 1 == failed.exit_code
    assert "pip install 'admit[demo]' [missing-extra]" in failed.stderr


def test_the_mail_server_stops_although_somebody_is_still_connected() -> None:
    """A connection that says nothing holds up nobody."""
    with contextlib.ExitStack() as afterwards, DemoMailServer() as server:
        idle = socket.create_connection((HOST, server.port))
        afterwards.enter_context(idle)
        greeting = idle.recv(100)

    assert greeting.startswith(b"220 ")
