"""What is committed while a TinyStore is compacted: it is kept, whatever happens meanwhile."""

from __future__ import annotations

import errno
import fcntl
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from io import FileIO
from pathlib import Path

import pytest
import tiny_writer
from small_store import CHANGES, UnsyncedFiles, happened, id_of, put, seen

from admit.errors import StoreError, StoreFull
from admit.storage import TinyStore
from admit.storage.contents import Contents
from admit.storage.lines import written
from admit.stores import Change, KeyTaken, Label, Put, Remove, Store, VersionMoved
from admit.testing import MemoryStore


class SteppedFiles(UnsyncedFiles):
    """Files that do something of the test's own before each operation of a compaction."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] | None = None
        self.steps: list[str] = []
        self._thread: int | None = None

    def _step(self, name: str) -> None:
        if self.meanwhile is not None and self._thread is None:
            self._thread = threading.get_ident()
            self.steps.append(name)
            try:
                self.meanwhile()
            finally:
                self._thread = None

    def open(self, path: Path, flags: int) -> FileIO:
        self._step("open")
        return super().open(path, flags)

    def write(self, file: FileIO, data: bytes, at: int) -> None:
        self._step("write")
        super().write(file, data, at)

    def sync(self, file: FileIO) -> None:
        self._step("sync")

    def replace(self, source: Path, target: Path) -> None:
        self._step("replace")
        super().replace(source, target)

    def sync_directory(self, path: Path) -> None:
        self._step("sync directory")

    def remove(self, path: Path) -> None:
        self._step("remove")
        super().remove(path)


def lock_is_free(path: Path) -> bool:
    """Return whether a process could commit now."""
    with path.with_name(path.name + ".lock").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@pytest.fixture
def files() -> SteppedFiles:
    return SteppedFiles()


@pytest.fixture
def store(path: Path, files: SteppedFiles) -> Iterator[TinyStore]:
    with closing(TinyStore(path, files=files)) as store:
        for change in CHANGES:
            store.commit(change)
        yield store
        files.meanwhile = None


def test_commits_at_every_step_of_a_compaction_are_kept(
    store: TinyStore, files: SteppedFiles, path: Path
) -> None:
    """Given a compaction, when before each of its file operations this opening and another one
    commit, unless the lock is held just then, then all is there, for both and for a new opening;
    the lock is held for four operations: end the old log, sync it twice, replace the snapshot."""
    numbers, held = iter(range(10, 1000)), []
    with closing(TinyStore(path, files=UnsyncedFiles())) as other:

        def commit() -> None:
            if not lock_is_free(path):
                held.append(files.steps[-1])
                return
            for opening in (store, other):
                number = next(numbers)
                event = happened(2000 + number, user=number)
                opening.commit(Change(put=(put(number),), events=(event,)))

        files.meanwhile = commit
        store.compact()
        files.meanwhile = None

        assert held == ["sync", "write", "sync", "replace"]
        assert len(files.steps) >= 12
        committed = range(10, next(numbers))
        with closing(TinyStore(path, read_only=True)) as opened:
            for opening in (store, other, opened):
                assert [n for n in committed if opening.find(f"key:{n}") is None] == []
                events = opening.events(unsealed=True, limit=500).items
                assert [id_of(103)] + [id_of(2000 + n) for n in committed] == [e.id for e in events]
            assert seen(store) == seen(other) == seen(opened)
    assert not path.with_name("users.json.log.1").exists()


def _everything(store: Store) -> list[object]:
    events = store.events(unsealed=True, limit=500).items
    return [
        [store.get("user", id_of(n)) for n in range(12)],
        [store.find(f"name:{n}") for n in range(12)],
        [store.page("user", f"label:{n}", limit=100).items for n in range(3)],
        [store.count("user", f"label:{n}") for n in range(3)],
        [(e.id, e.body, e.user, e.version, e.detail) for e in events],
        [(e.id, e.sequence, e.detail) for e in store.events(sequence_after=0, limit=500).items],
        [[e.id for e in store.events(user=id_of(n), limit=500).items] for n in range(12)],
    ]


class _Whims:
    """Changes at random, done to a TinyStore and to a MemoryStore alike."""

    def __init__(self, seed: int, model: MemoryStore) -> None:
        self._random = random.Random(seed)  # noqa: S311  # no secret
        self._model = model
        self._event = 0

    def change(self) -> Change:
        """Return a change that may or may not be allowed: it puts or removes one or two users of
        twelve, who hold two keys of twelve, and does something to events."""
        pick, model = self._random, self._model
        puts: list[Put] = []
        removed: list[Remove] = []
        for number in pick.sample(range(12), pick.choice([1, 1, 2])):
            there = model.get("user", id_of(number))
            expects = None if there is None else there.version
            if there is not None and pick.random() < 0.2:
                removed.append(Remove("user", id_of(number), expects))
                continue
            keys = tuple(f"name:{n}" for n in pick.sample(range(12), 2))
            labels = tuple(
                Label(f"label:{n}", str(pick.randrange(5))) for n in range(3) if pick.random() < 0.6
            )
            puts.append(Put("user", id_of(number), {"n": pick.random()}, expects, keys, labels))
        self._event += 1
        events = (happened(100 + self._event, user=pick.randrange(12)),)
        earlier = [id_of(100 + pick.randrange(1, self._event + 1)) for _ in range(3)]
        return Change(
            tuple(puts),
            tuple(removed),
            events,
            sequence={earlier[0]: self._event} if pick.random() < 0.3 else {},
            erase=(earlier[1],) if pick.random() < 0.3 else (),
            forget=(earlier[2],) if pick.random() < 0.2 else (),
        )

    def do(self, *stores: Store) -> None:
        """Do one to all of them; either all take it or none."""
        change, taken = self.change(), []
        for store in (self._model, *stores):
            try:
                store.commit(change)
                taken.append(True)
            except (KeyTaken, VersionMoved):
                taken.append(False)
        assert len(set(taken)) == 1


@pytest.mark.parametrize("seed", range(25))
def test_whatever_is_changed_meanwhile_ends_as_it_does_in_memory(
    path: Path, files: SteppedFiles, seed: int
) -> None:
    """Given users whose keys change hands and events that are sealed, erased and forgotten at
    random, also at every step of three compactions, then the store, another opening and a new one
    are as a store in memory that was told the same."""
    model = MemoryStore()
    whims = _Whims(seed, model)
    with ExitStack() as opened:
        store = opened.enter_context(closing(TinyStore(path, files=files)))
        other = opened.enter_context(closing(TinyStore(path, files=UnsyncedFiles())))
        for _ in range(3):
            for _ in range(40):
                whims.do(store)
            files.meanwhile = lambda: whims.do(other) if lock_is_free(path) else None
            store.compact()
            files.meanwhile = None

            expected = _everything(model)
            assert expected == _everything(store)
            assert expected == _everything(other)
            with closing(TinyStore(path, read_only=True)) as new:
                assert expected == _everything(new)


class _IdAskedFor(str):
    """An id that does something when it is looked up for the n-th time."""

    _left: int
    _do: Callable[[], None]

    def __new__(cls, id: str, at: int, do: Callable[[], None]) -> _IdAskedFor:
        self = super().__new__(cls, id)
        self._left, self._do = at, do
        return self

    def __hash__(self) -> int:
        self._left -= 1
        if self._left == 0:
            self._do()
        return super().__hash__()


def test_a_snapshot_that_is_finished_amid_a_commit_does_not_fail_it() -> None:
    """Given a snapshot being written, which holds no lock, when it is finished while a commit that
    is on the disk already is taken over, at whichever look for its record, then it is taken."""
    contents, looks = Contents(), 0
    for at in range(1, 12):
        finished: list[int] = []

        def finish(at: int = at, finished: list[int] = finished) -> None:
            finished.append(at)
            contents.thaw()

        contents.freeze()
        change = Change(put=(Put("user", id_of(at), {"n": at}),))
        steps = contents.plan(change)
        write = Put("user", _IdAskedFor(id_of(at), at, finish), {"n": at})
        contents.apply_change(change, [steps[0]._replace(write=write)], written(change).documents)
        looks += len(finished)

        record = contents.record("user", id_of(at))
        assert record is not None
        assert {"n": at} == record.body
    assert looks >= 2


def test_a_frozen_moment_has_the_records_that_there_were_whenever_it_is_read() -> None:
    """Given a frozen moment that nobody has read of yet, when records are removed, changed, put
    anew and added, before and after their ids are listed, then it shows each as it was, once."""
    contents = Contents()

    def write(change: Change) -> None:
        contents.apply_change(change, contents.plan(change), written(change).documents)

    numbers = range(6)
    write(Change(put=tuple(Put("user", id_of(n), {"n": "before"}) for n in numbers)))
    before = {id: contents.tables["user"][id] for id in map(id_of, numbers)}
    frozen = contents.freeze()

    write(Change(remove=tuple(Remove("user", id_of(n), 1) for n in (0, 1))))
    write(Change(put=(Put("user", id_of(1), {"n": "anew"}),)))
    write(Change(put=(Put("user", id_of(2), {"n": "after"}, 1), Put("user", id_of(7), {"n": 7}))))
    ids = frozen.ids("user")
    write(Change(remove=tuple(Remove("user", id_of(n), 1) for n in (1, 3, 7))))
    write(Change(put=(Put("user", id_of(0), {"n": "anew"}), Put("user", id_of(8), {"n": 8}))))

    texts = [(id, frozen.text("user", id)) for id in ids]
    assert sorted(before.items()) == sorted((id, text) for id, text in texts if text is not None)
    assert frozen.ids("user") == ids


def test_only_one_compacts_at_a_time(store: TinyStore, files: SteppedFiles, path: Path) -> None:
    """Given another opening whose log is always due, when it commits at every step of a compaction,
    then it begins none of its own; when told to compact by hand meanwhile, it waits its turn."""
    by_hand: list[threading.Thread] = []
    with closing(TinyStore(path, files=UnsyncedFiles(), compact_at_bytes=1)) as other:
        numbers = iter(range(10, 1000))

        def commit() -> None:
            if path.with_name("users.json.tmp").exists() and lock_is_free(path):
                other.commit(Change(put=(put(next(numbers)),)))
                assert sorted(path.parent.glob("*.log.3")) == []

        files.meanwhile = commit
        store.compact()
        by_hand.append(threading.Thread(target=other.compact))

        def compact_by_hand() -> None:
            files.meanwhile = None
            by_hand[0].start()

        files.meanwhile = compact_by_hand
        store.compact()
        by_hand[0].join()

        assert seen(store) == seen(other)
    with closing(TinyStore(path, read_only=True)) as new:
        assert [new.find(f"key:{n}") is not None for n in range(10, next(numbers))].count(
            False
        ) == 0


def test_closing_waits_for_a_compaction_to_end(path: Path) -> None:
    """Given short-lived openings whose logs are due at once, when each is closed after two commits,
    then each leaves a snapshot and one log that is hardly longer."""
    for number in range(1, 21):
        with closing(TinyStore(path, files=UnsyncedFiles(), compact_at_bytes=1)) as store:
            store.commit(Change(put=(put(2 * number),)))
            store.commit(Change(put=(put(2 * number + 1),)))
        (log,) = path.parent.glob("users.json.log.*")
        assert log.stat().st_size < path.stat().st_size + 500
        assert sorted(file.name for file in path.parent.iterdir()) == [
            "users.json",
            "users.json.lock",
            log.name,
        ]
    with closing(TinyStore(path)) as store:
        assert store.count("user", "all") == 40


def test_a_fork_in_a_compaction_harms_neither_side(
    store: TinyStore, files: SteppedFiles, path: Path
) -> None:
    """Given a process that is forked in the middle of a compaction, when the child closes what it
    got and the parent goes on, then the child's closing ends at once, the compaction is whole, and
    another may follow while the child lives."""
    child_may_end, let_child_end = os.pipe()
    children: list[int] = []

    def fork() -> None:
        files.meanwhile = None
        child = os.fork()
        if child == 0:
            store.close()
            os.read(child_may_end, 1)
            os._exit(0)
        children.append(child)

    def at_the_snapshot() -> None:
        if path.with_name("users.json.tmp").exists():
            fork()

    before = seen(store)
    files.meanwhile = at_the_snapshot
    store.compact()
    with closing(TinyStore(path, files=UnsyncedFiles())) as other:
        other.compact()
        assert before == seen(store) == seen(other)
    os.write(let_child_end, b"x")
    assert os.waitpid(children[0], 0)[1] == 0
    os.close(child_may_end)
    os.close(let_child_end)


def test_a_disk_that_fills_up_in_a_compaction_keeps_commits(
    store: TinyStore, files: SteppedFiles, path: Path
) -> None:
    """Given a disk that refuses at one step of a compaction, whichever it is, when there is room
    again, then what was committed before, meanwhile and after is there, and compacting works."""
    with closing(TinyStore(path, files=UnsyncedFiles())) as other:
        failed, numbers = set(), iter(range(10, 10_000))
        for at in range(40):
            left = iter(range(at))

            def refuse_once(left: Iterator[int] = left) -> None:
                if lock_is_free(path):
                    other.commit(Change(put=(put(next(numbers)),)))
                if next(left, None) is None:
                    files.meanwhile = None
                    raise OSError(errno.ENOSPC, "No space left on device")

            files.meanwhile = refuse_once
            try:
                store.compact()
            except StoreFull:
                failed.add(files.steps[-1])
            files.meanwhile = None
            store.commit(Change(put=(put(next(numbers)),)))
        committed = range(10, next(numbers))
        with closing(TinyStore(path, read_only=True)) as new:
            for opening in (store, other, new):
                assert [n for n in committed if opening.find(f"key:{n}") is None] == []

        assert {"open", "write", "sync", "replace", "sync directory"} <= failed
        store.compact()
    assert len(list(path.parent.glob("*.log.*"))) == 1
    assert not path.with_name("users.json.tmp").exists()


def test_what_a_dead_compaction_left_is_removed_by_the_next_opening(path: Path) -> None:
    """Given the remains of a compaction, a half snapshot and an old log, when the store is opened
    for writing, then they are gone; for reading, they are let be."""
    with closing(TinyStore(path)) as store:
        store.commit(CHANGES[0])
        store.compact()
    remains = [path.with_name("users.json.tmp"), path.with_name("users.json.log.1")]
    for file in remains:
        file.write_text("half")

    with closing(TinyStore(path, read_only=True)) as store:
        assert [True, True] == [file.exists() for file in remains]
    with closing(TinyStore(path)) as store:
        assert [False, False] == [file.exists() for file in remains]
        assert store.find("key:1") is not None


_STEPS = 24


def _killed_at(path: Path, step: int) -> tuple[list[str], int]:
    ran = subprocess.run(
        [sys.executable, tiny_writer.__file__, "compact", str(path), str(step)],
        capture_output=True,
        text=True,
        cwd=Path(tiny_writer.__file__).parent,
        check=False,
    )
    assert ran.stderr == ""
    return ran.stdout.split(), ran.returncode


def _kill_at_each(tmp_path: Path, steps: range) -> None:
    ends = set()
    for step in steps:
        path = tmp_path / f"{step}.json"
        said, end = _killed_at(path, step)
        ends.add(end)
        with closing(TinyStore(path, files=UnsyncedFiles())) as store:
            assert said
            assert [n for n in said if store.find(f"key:{n}") is None] == []
            store.compact()
            assert [n for n in said if store.find(f"key:{n}") is None] == []
        assert len(list(tmp_path.glob(f"{step}.json*"))) == 3
    assert -9 in ends


def test_a_kill_at_a_step_of_a_compaction_loses_nothing(tmp_path: Path) -> None:
    """Given a process that compacts and commits between the steps of it, when it is killed at every
    fourth of them, then all that it acknowledged is there, and compacting goes on."""
    _kill_at_each(tmp_path, range(random.randrange(4), _STEPS, 4))  # noqa: S311  # no secret


@pytest.mark.full
def test_a_kill_at_any_step_of_a_compaction_loses_nothing(tmp_path: Path) -> None:
    """The same, at each step."""
    _kill_at_each(tmp_path, range(_STEPS))


def test_a_compaction_that_cannot_begin_is_an_error(
    store: TinyStore, files: SteppedFiles, path: Path
) -> None:
    """Given a folder that takes no new file, when compacting by hand, then StoreError, and the
    next commit is taken."""

    def refuse() -> None:
        raise OSError(errno.EIO, "Input/output error")

    files.meanwhile = refuse
    with pytest.raises(StoreError, match="could not compact"):
        store.compact()
    files.meanwhile = None

    store.commit(Change(put=(put(5),)))
    assert store.find("key:5") is not None
