"""Every operation on a file, failing or losing its power, in a run over all that a store does."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from io import FileIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from faulty_disk import Fault, FaultyDisk, PowerFailure
from oracle import held_by
from scripted_store import SCRIPT, ScriptedRun
from small_store import UnsyncedFiles
from store_reader import ReaderProcess, reader_process

from admit.errors import StoreError
from admit.storage import TinyStore
from admit.storage.batching import Durability
from admit.storage.files import Files

Count = Callable[[str, int], None]

STEPS_UNTIL_MENDED = 3
MOST_OPERATIONS = 1_000
IMAGES = (("kept", 0), ("lost", 0), *(("torn", seed) for seed in range(4)))


@pytest.fixture(scope="module")
def reader() -> Iterator[ReaderProcess]:
    with reader_process() as reader:
        yield reader


@pytest.fixture(autouse=True)
def power_failures_end_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a thread that a power failure ends do so quietly."""
    loudly = threading.excepthook

    def unless_without_power(raised: threading.ExceptHookArgs) -> None:
        if not isinstance(raised.exc_value, PowerFailure):
            loudly(raised)

    monkeypatch.setattr(threading, "excepthook", unless_without_power)


@contextmanager
def _run(
    tmp_path: Path,
    *faults: Fault,
    disk: type[FaultyDisk] = FaultyDisk,
    durability: Durability = "full",
) -> Iterator[ScriptedRun]:
    """Give a run in a folder of its own, which is gone afterwards."""
    with TemporaryDirectory(dir=tmp_path) as folder, closing(disk(*faults)) as made:
        yield ScriptedRun(Path(folder) / "users.json", made, durability)


def test_the_run_does_every_operation_there_is(tmp_path: Path) -> None:
    """Given a sound disk, when the run is made, then it used each operation that a store can do to
    files, it compacted, and what it leaves is what the oracle says."""
    with _run(tmp_path) as run:
        for step in SCRIPT:
            run.do(step)
            run.check()
        run.close()

        done = run.disk.operations
        there_are = {name for name in vars(Files) if not name.startswith("_")}
        assert there_are - {"link"} == set(done)  # that only a repair does: test_tiny_repair.py
        assert done.count("replace") >= 5
        _ends_with(run)


def _ends_with(run: ScriptedRun) -> None:
    with closing(TinyStore(run.path, files=UnsyncedFiles())) as store:
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
        with _run(tmp_path, Fault(number, how, lasts)) as run:
            _to_the_end(run, lasts=lasts)
            if not run.disk.fired:
                break
            count("faults injected", 1)
            count("acknowledged commits checked", run.acknowledged)
            _ends_with(run)
            assert reader.agrees(run.path, run.state)
    assert 60 < number < MOST_OPERATIONS - 1


def _to_the_end(run: ScriptedRun, *, lasts: bool) -> None:
    disk, broken_for = run.disk, 0
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
        if broken_for and (broken_for >= STEPS_UNTIL_MENDED or not lasts):
            run.check()
    disk.mend()
    run.close()


@pytest.mark.parametrize("how", ["crash", "crash-half"])
def test_a_power_failure_at_any_operation_loses_nothing_acknowledged(
    tmp_path: Path, count: Count, how: str
) -> None:
    """Given a run, when the power fails at its n-th operation, for every n, and what was not synced
    is kept, lost or torn, then the store opens with exactly what was acknowledged, or with that and
    commits that were under way, in their order."""
    for number in range(MOST_OPERATIONS):
        with _run(tmp_path, Fault(number, how)) as run:
            if not _loses_power(run):
                break
            for kind, seed in IMAGES:
                _finds_what_is_allowed(run, kind, seed)
                count("power failures", 1)
                count("acknowledged commits checked", run.acknowledged)
    assert 60 < number < MOST_OPERATIONS - 1


@pytest.mark.parametrize("how", ["crash", "crash-half"])
def test_a_power_failure_takes_of_batched_commits_none_without_those_behind_it(
    tmp_path: Path, count: Count, how: str
) -> None:
    """Given a run with the durability `batched`, when the power fails at its n-th operation, for
    every n, and what was not synced is kept, lost or torn, then the store opens, with all that was
    there at the last sync and, of what was acknowledged since, a first part: nothing torn, nothing
    out of order."""
    found: set[int] = set()
    for number in range(MOST_OPERATIONS):
        with _run(tmp_path, Fault(number, how), durability="batched") as run:
            if not _loses_power(run):
                break
            for kind, seed in (("lost", 0), ("torn", 0), ("torn", 1)):
                found.add(_finds_what_is_allowed(run, kind, seed))
                count("power failures", 1)
                count("acknowledged commits checked", run.acknowledged)
    assert 60 < number < MOST_OPERATIONS - 1
    assert {0, 1, 2} <= found  # some were taken, so that this was tried at all


def _loses_power(run: ScriptedRun) -> bool:
    """Make the run until the power fails; False if it does not."""
    try:
        for step in SCRIPT:
            try:
                run.do(step)
            except StoreError:  # another fault was to come first
                with run.disk.calm():
                    run.do(SCRIPT[0])
        run.close()
    except PowerFailure:
        run.close_dead()
        return True
    return False


def _finds_what_is_allowed(run: ScriptedRun, kind: str, seed: int) -> int:
    """Return how many of the commits that may be lost are."""
    folder = run.path.parent
    allowed = [run.state, run.durable[-1]] if kind == "kept" else run.durable
    with TemporaryDirectory(dir=folder.parent) as image:
        run.disk.after_power_failure(folder, Path(image), kind, seed)
        with closing(TinyStore(Path(image) / run.path.name, files=UnsyncedFiles())) as store:
            held = held_by(store)
            assert held in allowed, kind
            assert [] == list(store.faults())
    return len(allowed) - 1 - allowed.index(held)


def test_a_power_failure_after_a_fault_loses_nothing_acknowledged(
    tmp_path: Path, count: Count, request: pytest.FixtureRequest
) -> None:
    """Given any operation that failed – if it was a sync, the system has dropped the bytes, though
    it calls later syncs of the file a success –, when the power fails some operations later, then
    nothing is lost that was acknowledged before or after."""
    stride = 1 if request.config.getoption("--full") else 23
    for failed in range(_operations_after(tmp_path, len(SCRIPT))):
        for later in range(failed + 1, MOST_OPERATIONS, stride):
            how = ("before", "after", "half")[later % 3]
            with _run(tmp_path, Fault(failed, how), Fault(later, "crash")) as run:
                if not _loses_power(run):
                    break
                for kind, seed in (("lost", 0), ("torn", later)):
                    _finds_what_is_allowed(run, kind, seed)
                    count("power failures", 1)
                    count("acknowledged commits checked", run.acknowledged)


def test_a_power_failure_after_a_compaction_that_could_not_be_synced_leaves_a_store_that_opens(
    tmp_path: Path, count: Count
) -> None:
    """Given a compaction that failed as it synced the line which leads to the next log, when the
    power fails at any of the next operations, before a new snapshot is in its place, then the store
    opens with what was acknowledged: it does not go on behind a line that is not there."""
    with _run(tmp_path) as run:
        for step in SCRIPT:
            run.do(step)
        run.close()
        done = run.disk.operations
    begins = [
        "sync_directory",
        "sync",
        "write",
        "sync",
    ]  # the new log's name; the old log; the line
    failed = 3 + next(at for at in range(len(done)) if done[at : at + 4] == begins)
    for later in range(failed + 1, failed + 40):
        with _run(tmp_path, Fault(failed, "before"), Fault(later, "crash")) as run:
            assert _loses_power(run)
            for kind, seed in (("lost", 0), *(("torn", seed) for seed in range(3))):
                _finds_what_is_allowed(run, kind, seed)
                count("power failures", 1)
                count("acknowledged commits checked", run.acknowledged)


class _LyingDisk(FaultyDisk):
    """Says that it synced, and did not."""

    def _synced(self, file: FileIO) -> None:
        pass


class _DeafDisk(FaultyDisk):
    """Fails without saying so."""

    def act(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return super().act(name, call, *arguments)
        except OSError as error:
            if error.strerror != "injected":
                raise


def _operations_after(tmp_path: Path, steps: int) -> int:
    """Return how many operations the first steps of the run take."""
    with _run(tmp_path) as run:
        for step in SCRIPT[:steps]:
            run.do(step)
        done = len(run.disk.operations)
        run.close()
    return done


def test_these_tests_see_a_sync_that_never_happened(tmp_path: Path) -> None:
    """Given a disk that lies about its syncs, when the power fails after the first commit, then
    the tests above would fail: what was acknowledged is not there."""
    at = _operations_after(tmp_path, steps=2)
    with _run(tmp_path, Fault(at, "crash"), disk=_LyingDisk) as run:
        assert _loses_power(run)
        with pytest.raises((AssertionError, StoreError)):
            _finds_what_is_allowed(run, "lost", 0)


def test_these_tests_see_a_write_that_never_happened(tmp_path: Path) -> None:
    """Given a disk that does not tell that a write fails, when the run is made, then the tests
    above would fail: memory shows what the files do not."""
    at = _operations_after(tmp_path, steps=1)
    with _run(tmp_path, Fault(at, "half"), disk=_DeafDisk) as run:
        with pytest.raises((AssertionError, StoreError)):
            _to_the_end(run, lasts=False)
        run.close_dead()
