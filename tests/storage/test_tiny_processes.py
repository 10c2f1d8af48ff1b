"""A TinyStore shared by processes: they race, they are killed, and nothing is lost."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import tiny_writer
from small_store import id_of

from admit.storage import TinyStore

_WRITER = Path(tiny_writer.__file__)
_NUMBERS_A_WRITER = 10**6

Acknowledged = dict[int, int]
"""Number of an account → the last version that its writer was told is durable."""


@contextmanager
def _writer(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(_WRITER), *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_WRITER.parent
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_of_two_processes_that_race_for_a_key_one_wins(path: Path) -> None:
    """Given two processes that compact all the time, when both take the same 40 keys and then
    increment one user 60 times each, then each key has one holder and no increment is lost."""
    with _writer("race", path, 0) as first, _writer("race", path, 1) as second:
        both = (first, second)
        assert [_said(process) for process in both] == ["ready", "ready"]
        for process in both:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        said = [[_said(process) for _ in range(tiny_writer.TURNS)] for process in both]
        assert [_said(process) for process in both] == ["done", "done"]
        assert [process.wait() for process in both] == [0, 0]

    for turn, outcomes in enumerate(zip(*said, strict=True)):
        assert sorted(outcomes) == [f"taken {turn}", f"won {turn}"]
    with closing(TinyStore(path, read_only=True)) as store:
        for turn in range(tiny_writer.TURNS):
            winner = 0 if said[0][turn] == f"won {turn}" else 1
            holder = store.find(f"key:{turn}")
            assert holder is not None
            assert winner == holder.body["by"]
        counter = store.get("user", tiny_writer.COUNTER)
        assert counter is not None
        increments = 2 * tiny_writer.INCREMENTS
        assert (increments, increments) == (counter.version, counter.body["n"])


def test_no_kill_loses_what_was_acknowledged(tmp_path: Path) -> None:
    """Given two processes that write with three threads each and compact all the time, when one is
    killed somewhere, the other goes on and is killed too, 40 kills in all, then every acknowledged
    commit is there, whole, and the indexes agree with the records."""
    _kill(tmp_path, rounds=20)


@pytest.mark.full
def test_no_kill_of_a_thousand_loses_what_was_acknowledged(tmp_path: Path) -> None:
    """The same with 1,000 kills (goal 10 of performance.md)."""
    _kill(tmp_path, rounds=500)


def _kill(tmp_path: Path, rounds: int) -> None:
    chance = random.Random()  # noqa: S311  # where a kill lands is no secret
    path, acknowledged = tmp_path / "0.json", Acknowledged()
    for number in range(rounds):
        if number % 10 == 0:  # so that checking stays quick
            path, acknowledged = tmp_path / f"{number}.json", {}
        first = (2 * number + 1) * _NUMBERS_A_WRITER
        with (
            _writer("kill", path, first) as one,
            _writer("kill", path, first + _NUMBERS_A_WRITER) as other,
        ):
            for process in (one, other):
                _hear(process, chance.randrange(1, 150), acknowledged)
                process.kill()
            for process in (one, other):
                _hear(process, None, acknowledged)
        with closing(TinyStore(path)) as store:
            _check(store, acknowledged)


def _hear(process: subprocess.Popen[str], lines: int | None, acknowledged: Acknowledged) -> None:
    """Take down what a writer says: so many lines, or all until it is dead."""
    assert process.stdout is not None
    heard = 0
    while lines is None or heard < lines:
        line = process.stdout.readline()
        if not line:
            assert lines is None, "a writer died by itself"
            return
        number, version = line.split()
        acknowledged[int(number)] = int(version)
        heard += 1


def _check(store: TinyStore, acknowledged: Acknowledged) -> None:
    users = {int(id, 16): store.get("user", id) for id in store.ids("user")}
    data = {int(id, 16): store.get("custom-data", id) for id in store.ids("custom-data")}
    versions: dict[int, int] = {}
    after = None
    while True:
        page = store.events(unsealed=True, after=after, limit=500)
        for event in page.items:
            assert event.user is not None
            assert event.version == versions.get(int(event.user, 16), 0) + 1
            versions[int(event.user, 16)] = event.version
        after = page.next
        if after is None:
            break

    lost = {n: v for n, v in acknowledged.items() if versions.get(n, 0) < v}
    assert lost == {}
    assert {n: v for n, v in versions.items() if v < 3} == {
        number: user.version for number, user in users.items() if user is not None
    }
    assert {number: user.body for number, user in users.items() if user is not None} == {
        number: record.body for number, record in data.items() if record is not None
    }
    for number, user in users.items():
        assert user == store.find(f"key:{number}")
    for version in (1, 2):
        expected = [n for n in sorted(users) if versions[n] == version]
        page_ids = []
        cursor = None
        while True:
            found = store.page("user", f"version/{version}", after=cursor, limit=500)
            page_ids += [int(record.id, 16) for record in found.items]
            cursor = found.next
            if cursor is None:
                break
        assert expected == page_ids
        assert len(expected) == store.count("user", f"version/{version}")
    assert store.find(f"key:{next((n for n, v in versions.items() if v == 3), 0)}") is None
    assert store.get("user", id_of(0)) is None
