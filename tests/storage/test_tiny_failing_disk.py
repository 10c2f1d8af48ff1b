"""What a TinyStore makes of a disk that is full, read-only or broken, and of interrupts."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from io import FileIO
from pathlib import Path
from typing import NoReturn

import pytest
import small_store
from small_store import CHANGES, FailingFiles, Interrupted, Seen, happened, id_of, put, seen

from admit.errors import FateUnknown, StoreError, StoreFull, StoreReadOnly
from admit.storage import TinyStore
from admit.stores import Change


@pytest.mark.parametrize("written_bytes", [0, 1, 30])
@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.EFBIG, StoreFull),
        (errno.EROFS, StoreReadOnly),
        (errno.EIO, StoreError),
    ],
    ids=["ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO"],
)
def test_a_failed_write_leaves_nothing(
    store: TinyStore,
    files: FailingFiles,
    path: Path,
    log: Path,
    number: int,
    error: type[StoreError],
    written_bytes: int,
) -> None:
    """Given a disk that takes some bytes and then fails, when a commit is written, then its error
    is named, memory and file are as before, and the next commit is taken."""
    before, length = seen(store), log.stat().st_size
    files.write_error, files.written_before_error_bytes = OSError(number, "no"), written_bytes

    with pytest.raises(error) as refused:
        store.commit(Change(put=(put(5),)))

    assert refused.type is error
    assert (before, length) == (seen(store), log.stat().st_size)
    files.write_error = None
    store.commit(Change(put=(put(5),)))
    with closing(TinyStore(path, read_only=True)) as other:
        assert seen(store) == seen(other)


def test_a_failed_sync_leaves_the_fate_unknown(
    store: TinyStore, files: FailingFiles, path: Path
) -> None:
    """Given a disk that fails to sync, when a commit waits for it, then FateUnknown; once it works
    again the next commit begins a new snapshot and log, and its fate can be looked up."""
    files.sync_error = OSError(errno.EIO, "no")
    with pytest.raises(FateUnknown):
        store.commit(Change(put=(put(5),)))
    files.sync_error = None

    assert store.find("key:5") is not None
    store.commit(Change(put=(put(6),)))

    assert not path.with_name("users.json.log.1").exists()
    with closing(TinyStore(path, read_only=True)) as other:
        assert other.find("key:5") is not None
        assert other.find("key:6") is not None


def test_while_syncs_fail_nothing_more_is_written(store: TinyStore, files: FailingFiles) -> None:
    """Given a disk that goes on failing, when more is committed or settled, then it is refused,
    and nothing of it is written."""
    files.sync_error = OSError(errno.EIO, "no")
    with pytest.raises(FateUnknown):
        store.commit(Change(put=(put(5),)))

    with pytest.raises(StoreError):
        store.commit(Change(put=(put(6),)))
    with pytest.raises(FateUnknown):
        store.settle()

    assert store.find("key:6") is None
    files.sync_error = None
    store.settle()
    store.commit(Change(put=(put(6),)))


def test_an_unsettled_commit_is_not_promised(store: TinyStore, files: FailingFiles) -> None:
    """Given a disk that fails to sync, when a commit is not settled, then it is taken, and
    `settle` tells that its fate is unknown."""
    files.sync_error = OSError(errno.EIO, "no")

    store.commit(Change(put=(put(5),)), settle=False)

    with pytest.raises(FateUnknown):
        store.settle()
    files.sync_error = None


class _GatedFiles(FailingFiles):
    """The sync of a log waits until it is told how to end."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.gated = False
        self.syncs = 0

    def sync(self, file: FileIO) -> None:
        self.syncs += 1
        if self.gated:
            self.reached.set()
            assert self.go_on.wait(60)
        super().sync(file)


@pytest.mark.parametrize("fails", [False, True])
def test_threads_share_a_sync_and_its_failure(path: Path, fails: bool) -> None:
    """Given a sync under way, when three threads commit meanwhile, then one more sync serves them
    all; when the first fails, they too are told that their fate is unknown."""
    files = _GatedFiles()
    store = TinyStore(path, files=files)
    outcomes: dict[int, type[Exception] | None] = {}

    def commit(number: int) -> None:
        try:
            store.commit(Change(put=(put(number),)))
            outcomes[number] = None
        except FateUnknown:
            outcomes[number] = FateUnknown

    before, files.gated = files.syncs, True
    threads = [threading.Thread(target=commit, args=(n,)) for n in range(1, 5)]
    threads[0].start()
    assert files.reached.wait(60)
    for thread in threads[1:]:
        thread.start()
    written = Change(put=(put(9),))
    store.commit(written, settle=False)
    while any(store.find(f"key:{n}") is None for n in range(1, 5)):
        pass
    files.sync_error = OSError(errno.EIO, "no") if fails else None
    files.go_on.set()
    for thread in threads:
        thread.join()

    assert outcomes == dict.fromkeys(range(1, 5), FateUnknown if fails else None)
    assert files.syncs - before == (1 if fails else 2)
    files.sync_error = None
    store.close()


def _act_with_interrupts(
    tmp_path: Path, act: Callable[[TinyStore], None], *, dies: bool
) -> Iterator[tuple[TinyStore, Path, Seen]]:
    """Let *act* be interrupted before its first file operation, its second, and so on."""
    for step in range(1000):
        path = tmp_path / str(step) / "users.json"
        path.parent.mkdir()
        files = FailingFiles()
        store = TinyStore(path, files=files)
        try:
            for change in CHANGES:
                store.commit(change)
            before = seen(store)
            files.interrupt_before, files.stays_interrupted = step, dies
            try:
                act(store)
            except Interrupted:
                yield store, path, before
            else:
                assert step > 1
                return
        finally:
            files.interrupt_before = None
            store.close()


def test_a_commit_interrupted_at_any_step_happens_whole_or_not(tmp_path: Path) -> None:
    """Given a commit, when it is interrupted before any of its file operations, then it is there
    or it is not, for this store and for one that is opened now, and both go on."""

    def commit(store: TinyStore) -> None:
        store.commit(Change(put=(put(5), put(1, 3))))

    for store, path, before in _act_with_interrupts(tmp_path, commit, dies=False):
        first = store.get("user", id_of(1))
        assert first is not None
        whole = first.version == 3
        assert whole == (store.find("key:5") is not None)
        assert whole or before == seen(store)
        with closing(TinyStore(path)) as other:
            assert seen(store) == seen(other)
            other.commit(Change(put=(put(7),)))
            assert store.find("key:7") is not None


def test_a_commit_that_dies_at_any_step_happens_whole_or_not(tmp_path: Path) -> None:
    """Given a commit, when its process dies before or after any of its file operations, or with a
    line half written, then a process that had the store open, one that opens it now and a copy of
    the files agree, to a whole commit, and commits go on."""
    others: list[TinyStore] = []

    def commit(store: TinyStore) -> None:
        assert store.path is not None
        others.append(TinyStore(store.path, files=FailingFiles()))
        store.commit(Change(put=(put(5, longer_than="what comes next " * 50), put(1, 3))))

    outcomes = set()
    for _, path, before in _act_with_interrupts(tmp_path, commit, dies=True):
        copy = _copied(path)
        with closing(TinyStore(copy, files=FailingFiles())) as opened, closing(others[-1]) as other:
            whole = opened.find("key:5") is not None
            outcomes.add(whole)
            assert whole or before == seen(opened)
            other.commit(Change(put=(put(7),)))
            opened.commit(Change(put=(put(7),)))
            assert seen(opened) == seen(other)
            with closing(TinyStore(path, read_only=True)) as again:
                assert seen(other) == seen(again)
    others[-1].close()
    assert outcomes == {False, True}


def test_a_commit_interrupted_in_memory_is_read_again(store: TinyStore, path: Path) -> None:
    """Given a commit that is interrupted when its line is written and memory half changed, when the
    store is used again, then it shows the whole commit, as does every other."""

    class InterruptedWhenApplied(dict[str, int]):
        def items(self) -> NoReturn:
            raise Interrupted

    change = Change(
        put=(put(5),),
        events=(happened(105, user=5),),
        sequence=InterruptedWhenApplied({id_of(103): 3}),
    )
    with closing(TinyStore(path)) as other:
        with pytest.raises(Interrupted):
            store.commit(change)

        assert store.find("key:5") is not None
        assert [id_of(101), id_of(103)] == [e.id for e in store.events(sequence_after=0).items]
        assert seen(store) == seen(other)


def _copied(path: Path) -> Path:
    copy = path.parent / "copy"
    copy.mkdir()
    for file in path.parent.glob("users.json*"):
        shutil.copy(file, copy)
    return copy / path.name


def test_a_compaction_interrupted_at_any_step_loses_nothing(tmp_path: Path) -> None:
    """Given a compaction, when it is interrupted before or after any of its file operations, then
    the store, and one that is opened now, see everything, and both go on."""
    for store, path, before in _act_with_interrupts(tmp_path, TinyStore.compact, dies=False):
        assert before == seen(store)
        store.commit(Change(put=(put(5),)))
        with closing(TinyStore(path, files=FailingFiles())) as other:
            assert seen(store) == seen(other)
            other.compact()
            other.commit(Change(put=(put(6),)))
            assert store.find("key:6") is not None


def test_a_compaction_that_dies_at_any_step_loses_nothing(tmp_path: Path) -> None:
    """Given a compaction, when its process dies before any of its file operations, then a process
    that had the store open, one that opens it now and a copy of the files all see everything, and
    commits go on."""
    others: list[TinyStore] = []

    def compact(store: TinyStore) -> None:
        assert store.path is not None
        others.append(TinyStore(store.path, files=FailingFiles()))
        store.compact()

    for _, path, before in _act_with_interrupts(tmp_path, compact, dies=True):
        copy = _copied(path)
        with closing(TinyStore(copy, files=FailingFiles())) as opened:
            assert before == seen(opened)
            opened.commit(Change(put=(put(5),)))
            opened.compact()
        assert not list(copy.parent.glob("*.tmp"))
        with closing(others[-1]) as other:
            assert before == seen(other)
            other.commit(Change(put=(put(5),)))
            with closing(TinyStore(path, files=FailingFiles())) as opened:
                assert seen(other) == seen(opened)
                assert opened.find("key:5") is not None
    others[-1].close()


def test_a_compaction_without_room_fails_and_commits_go_on(
    store: TinyStore, files: FailingFiles, path: Path
) -> None:
    """Given a full disk, when compacting, then StoreFull, and nothing is lost."""
    before = seen(store)
    files.write_error = OSError(errno.ENOSPC, "no")
    with pytest.raises(StoreFull):
        store.compact()
    files.write_error = None

    assert before == seen(store)
    store.commit(Change(put=(put(5),)))
    store.compact()
    with closing(TinyStore(path, read_only=True)) as other:
        assert seen(store) == seen(other)


def test_an_automatic_compaction_that_fails_spares_the_commit(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a log that is due and a folder that takes no new file, when a commit is made, then it
    is kept, the failure is logged, and no commit tries again at once."""

    class NoNewFiles(FailingFiles):
        refuses = False

        def open(self, path: Path, flags: int) -> FileIO:
            if self.refuses:
                raise OSError(errno.ENOSPC, "no")
            return super().open(path, flags)

    files = NoNewFiles()
    with closing(TinyStore(path, files=files, compact_at_bytes=500)) as store:
        files.refuses = True
        for number in range(1, 7):
            store.commit(Change(put=(put(number),)))

        assert store.count("user", "all") == 6
    assert 1 <= len(caplog.records) <= 3


def test_a_folder_that_may_not_be_written_is_named(path: Path) -> None:
    """Given a folder without permission, when a store is opened there, then StoreReadOnly."""

    class Forbidden(FailingFiles):
        def open(self, path: Path, flags: int) -> FileIO:
            raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(StoreReadOnly, match="Permission denied"):
        TinyStore(path, files=Forbidden())


_IN_LITTLE_ROOM = """
import resource, sys
from pathlib import Path
from admit.errors import StoreFull
from admit.storage import TinyStore
from admit.stores import Change
from small_store import put

path = Path(sys.argv[1])
store = TinyStore(path)
store.commit(Change(put=(put(1),)))
room = path.with_name("users.json.log.1").stat().st_size + 100
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (room, most))
try:
    store.commit(Change(put=(put(2, text="x" * 1000),)))
except StoreFull:
    print("full", store.find("key:2"))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
store.commit(Change(put=(put(3),)))
store.close()
"""


def test_a_real_file_that_may_not_grow_is_full(path: Path) -> None:
    """Given a process whose files may not grow, when it commits, then the system takes a part of
    the line and refuses the rest: StoreFull, nothing is left of it, and later commits are taken."""
    ran = subprocess.run(
        [sys.executable, "-c", _IN_LITTLE_ROOM, str(path)],
        capture_output=True,
        text=True,
        cwd=Path(small_store.__file__).parent,
        check=False,
    )

    assert (ran.stdout, ran.stderr, ran.returncode) == ("full None\n", "", 0)
    with closing(TinyStore(path)) as store:
        assert [store.find(f"key:{n}") is not None for n in (1, 2, 3)] == [True, False, True]
