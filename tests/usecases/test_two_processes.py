"""Two processes on one file: what one has done, the other neither repeats nor overwrites."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import engine_process
import pytest
from engine_process import ADDRESSES, PASSWORD, links

import admit
from admit.testing import CHEAP_HASHING

LIMIT_SECONDS = 60


@contextmanager
def opened(path: Path) -> Iterator[admit.Engine]:
    with admit.open(path, dev=True, settings=CHEAP_HASHING, worker=False) as engine:
        yield engine


def race(path: Path, what: str, processes: int = 2) -> list[str]:
    """Let processes do the same at the same time; return what they said."""
    script = engine_process.__file__
    started = [
        subprocess.Popen(
            [sys.executable, script, what, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("ADMIT_")},
        )
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        assert "ready\n" == process.stdout.readline()
    said: list[str] = []
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        out, _ = process.communicate(timeout=LIMIT_SECONDS)
        lines = out.splitlines()
        assert "done" == lines.pop()
        said += lines
    return said


def test_two_processes_cannot_both_register_an_address(json_path: Path) -> None:
    """
    Given two processes that register the same users at the same time,
    when both are done,
    then each address was won once, has one user and one mail, and the audit trail holds.
    """
    said = race(json_path, "register")

    assert {f"won {address}" for address in ADDRESSES} <= set(said)
    assert 2 * len(ADDRESSES) == len(said)
    assert len(ADDRESSES) == Counter(line.partition(" ")[0] for line in said)["won"]
    assert len(ADDRESSES) == len(links(json_path))
    with opened(json_path) as engine:
        assert len(ADDRESSES) == engine.users.count("pending")
        assert () == engine.events.verify().problems


def test_two_processes_may_press_the_same_links(json_path: Path) -> None:
    """
    Given users with mail,
    when two processes press all links at the same time,
    then both hear that the users are confirmed, and each was confirmed once.
    """
    with opened(json_path) as engine:
        users = [engine.register(address, PASSWORD) for address in ADDRESSES]

    said = race(json_path, "confirm")

    assert ["confirmed"] * 2 * len(ADDRESSES) == said
    with opened(json_path) as engine:
        for user in users:
            triggers = Counter(event.trigger for event in engine.users.timeline(user))
            assert 1 == triggers["confirm"]
        assert () == engine.events.verify().problems


@pytest.mark.parametrize("processes", [2, 3])
def test_workers_of_one_queue_send_each_message_once(json_path: Path, processes: int) -> None:
    """
    Given a queue that strangers have filled,
    when several processes work it at the same time,
    then each message goes out once, its link is good, and all that happened is sealed.
    """
    with opened(json_path) as engine:
        for address in ADDRESSES:
            engine.public.register(address, PASSWORD)

    race(json_path, "work", processes)

    sent = links(json_path)
    assert len(ADDRESSES) == len(sent)
    with opened(json_path) as engine:
        assert {"confirmed"} == {engine.confirm(**link).state for link in sent}
        assert len(ADDRESSES) == engine.users.count("confirmed")
        engine.work_once()
        audit = engine.events.verify()
        assert ((), 0) == (audit.problems, audit.unsealed)
