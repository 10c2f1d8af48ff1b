"""Copying by processes that are killed."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import copier
import pytest
from cared_store import held, live, tiny

import admit
from admit import care
from admit.errors import StoreIncomplete
from admit.testing import KEY


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The path of a store that has lived."""
    with live(tiny(tmp_path, "source")).engine as engine:
        for number in range(20):
            engine.create(f"user{number}@example.com")
    return tmp_path / "source.json"


def stages(source: Path, target: Path) -> list[str]:
    """Return what a whole copy says, stage by stage, in a process of its own."""
    done = subprocess.run(
        [sys.executable, copier.__file__, source, target],
        input="\n" * 1000,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.splitlines()


def kill_at(number: int, source: Path, target: Path) -> None:
    """Kill a copying process at its *number*-th stage."""
    with subprocess.Popen(
        [sys.executable, copier.__file__, source, target],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(number):
            process.stdout.readline()
            process.stdin.write("\n")
            process.stdin.flush()
        process.stdout.readline()
        process.kill()


def test_a_copy_whose_process_is_killed_goes_on(tmp_path: Path, source: Path) -> None:
    """
    Given a copy whose process is killed at one stage after the other,
    when each is opened, and copied again,
    then no engine opens the half of it, and afterwards it is whole.
    """
    said = stages(source, tmp_path / "whole.json")
    with closing(tiny(tmp_path, "source")) as one:
        for number in range(0, len(said), 3):
            kill_at(number, source, tmp_path / f"target{number}.json")
            with closing(tiny(tmp_path, f"target{number}")) as two:
                with pytest.raises(StoreIncomplete):
                    admit.open(tmp_path / f"target{number}.json", key=KEY)
                before = sum(map(len, held(two).values()))

                copied = care.copy(one, two)

                assert held(one) == held(two)
                wrote = sum(kind.written for kind in copied.kinds)
                assert sum(kind.count for kind in copied.kinds) - before == wrote
            admit.open(tmp_path / f"target{number}.json", key=KEY).close()
