"""Every operation on a file, failing or losing its power, in a run over all that a store does."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from faulty_disk import Fault, FaultyDisk, PowerFailure
from oracle import State, held_by
from scripted_store import SCRIPT, ScriptedRun
from store_reader import ReaderProcess, reader_process

from admit.errors import StoreError
from admit.storage import TinyStore
from admit.storage.files import Files

Count = Callable[[str, int], None]

STEPS_UNTIL_MENDED = 3
MOST_OPERATIONS = 1_000


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with reader_process() as reader:
        yield reader


def _folder(tmp_path: Path, name: object) -> Path:
    folder = tmp_path / str(name)
    folder.mkdir()
    return folder


def test_the_run_does_every_operation_there_is(tmp_path: Path) -> None:
    """Given a sound disk, when the run is made, then it used each operation that a store can do to
    files, it compacted, and what it leaves is what the oracle says."""
    with closing(FaultyDisk()) as disk:
        run = ScriptedRun(_folder(tmp_path, "run") / "users.json", disk)
        for step in SCRIPT:
            run.do(step)
            run.check()
        run.close()

    assert {name for name in vars(Files) if not name.startswith("_")} == set(disk.operations)
    assert disk.operations.count("replace") >= 5
    with closing(TinyStore(run.path, read_only=True)) as store:
        assert run.state == held_by(store)
        assert [] == list(store.faults())


@pytest.mark.parametrize("lasts", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("how", ["before", "half", "after"])
def test_a_fault_at_any_operation_loses_nothing_acknowledged(
    tmp_path: Path,
    reader: ReaderProcess,
    count: Count,
    caplog: pytest.LogCaptureFixture,
    how: str,
    lasts: bool,
) -> None:
    """Given a run, when its n-th operation fails – before it is done, halfway, or though it was
    done; once, or for three steps –, for every n, then memory shows exactly what was acknowledged,
    later commits work once the cause is gone, and so do this process and another that opens it."""
    caplog.set_level(logging.ERROR)
    for number in range(MOST_OPERATIONS):
        with closing(FaultyDisk(Fault(number, how, lasts))) as disk:
            run = ScriptedRun(_folder(tmp_path, number) / "users.json", disk)
            _run_to_the_end(run, disk, lasts=lasts)
        if not disk.fired:
            break
        count("faults injected", 1)
        count("acknowledged commits checked", run.acknowledged)
        with closing(TinyStore(run.path)) as store:
            assert run.state == held_by(store)
            assert [] == list(store.faults())
        assert reader.agrees(run.path, run.state)
        shutil.rmtree(run.path.parent)
    assert 60 < number < MOST_OPERATIONS - 1


def _run_to_the_end(run: ScriptedRun, disk: FaultyDisk, *, lasts: bool) -> None:
    broken_for = 0
    for step in SCRIPT:
        if broken_for == STEPS_UNTIL_MENDED:
            disk.mend()
        try:
            run.do(step)
        except StoreError:
            assert disk.fired
            assert broken_for < (STEPS_UNTIL_MENDED if lasts else 1), step.verb
            if not run.is_open:
                with disk.calm():
                    run.do(SCRIPT[0])
        broken_for += disk.fired
        if disk.fired:
            run.check()
    disk.mend()
    run.close()


@pytest.mark.parametrize("how", ["crash", "crash-half"])
def test_a_power_failure_at_any_operation_loses_nothing_acknowledged(
    tmp_path: Path, count: Count, how: str
) -> None:
    """Given a run, when the power fails at its n-th operation, for every n, and what was not synced
    is kept, lost or torn, then the store opens with exactly what was acknowledged, or with that and
    commits that were under way, in their order, and goes on."""
    for number in range(MOST_OPERATIONS):
        folder = _folder(tmp_path, number)
        with closing(FaultyDisk(Fault(number, how))) as disk:
            run = ScriptedRun(folder / "users.json", disk)
            try:
                for step in SCRIPT:
                    run.do(step)
            except PowerFailure:
                run.close_dead()
            else:
                run.close()
                break
            for kind, seed in (("kept", 0), ("lost", 0), *(("torn", seed) for seed in range(4))):
                image = _folder(tmp_path, f"{number}-{kind}-{seed}")
                disk.after_power_failure(folder, image, kind, seed)
                allowed = [run.state, run.durable[-1]] if kind == "kept" else run.durable
                _opens_with(image / "users.json", allowed)
                count("power failures", 1)
                count("acknowledged commits checked", run.acknowledged)
                shutil.rmtree(image)
        shutil.rmtree(folder)
    assert 60 < number < MOST_OPERATIONS - 1


def _opens_with(path: Path, allowed: list[State]) -> None:
    with closing(TinyStore(path)) as store:
        found = held_by(store)
        assert found in allowed
        assert [] == list(store.faults())
