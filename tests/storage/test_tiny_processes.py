"""A TinyStore shared by processes: they race, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import tiny_writer

from admit.storage import TinyStore

_WRITER = Path(tiny_writer.__file__)


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


def test_of_two_processes_that_race_for_a_key_one_wins(
    path: Path, count: Callable[[str, int], None]
) -> None:
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
    count("races of processes for a key, in TinyDB stores", tiny_writer.TURNS)
    count("racing increments of one user, in TinyDB stores", increments)
