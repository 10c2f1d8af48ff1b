"""Walking, restoring, measuring and copying a TinyStore while others go on writing to it."""

from __future__ import annotations

import errno
import threading
from contextlib import closing
from io import FileIO
from pathlib import Path

import pytest
from small_store import (
    CHANGES,
    FailingFiles,
    Interrupted,
    UnsyncedFiles,
    happened,
    id_of,
    put,
    rewrite_snapshot,
    seen,
)
from tinydb import TinyDB

from admit.errors import InvalidInput, StoreDamaged, StoreFull
from admit.storage import TinyStore
from admit.stores import Change, KeyTaken, Label, NewEvent, Record, Remove, StoredEvent
from admit.upkeep import Upkeep, View


def walked(view: View) -> tuple[list[Record], list[StoredEvent]]:
    return [r for kind in view.kinds() for r in view.records(kind)], list(view.events())


def test_a_tiny_store_can_be_cared_for(store: TinyStore) -> None:
    """Given a TinyStore, when asked, then it is one that can be walked, moved and measured."""
    assert isinstance(store, Upkeep)


def test_a_view_stays_at_its_moment(store: TinyStore, path: Path) -> None:
    """Given a view, when everything is changed, sealed, erased, forgotten and compacted twice
    behind it, also by another, then it still shows what there was, and the files are gone when it
    is left."""
    with store.view() as view:
        before = walked(view)

    with store.view() as view, closing(TinyStore(path)) as other:
        other.commit(
            Change(put=(put(1, 3, state="later"), put(9)), remove=(Remove("user", id_of(2)),))
        )
        store.commit(Change(sequence={id_of(103): 9}, events=(happened(109, user=9),)))
        other.compact()
        store.commit(Change(erase=(id_of(103),), forget=(id_of(101),)))
        store.compact()

        assert before == walked(view)
    with store.view() as now:
        assert before != walked(now)


def test_a_view_gives_each_user_its_events(store: TinyStore) -> None:
    """Given events of several users and of nobody, committed in no order, when walked by user, then
    each user's stand together by version, and those of nobody are left out."""
    order = [(104, 2, 9), (105, 2, 3), (106, 1, 5), (107, 0, 1)]
    store.commit(Change(events=tuple(happened(n, user=u, version=v) for n, u, v in order)))
    store.commit(Change(events=(NewEvent(id_of(108), {}),)))

    with store.view() as view:
        found = [(event.user, event.version) for event in view.events_by_user()]

    assert [(0, 1), (1, 1), (1, 2), (1, 5), (2, 3), (2, 9)] == [
        (int(user or "", 16), version) for user, version in found
    ]


def test_a_view_takes_no_lock(store: TinyStore) -> None:
    """Given a view that is being walked, when another thread commits, then it does not wait."""
    with store.view() as view:
        events = view.events()
        next(events)
        committing = threading.Thread(target=store.commit, args=(Change(put=(put(9),)),))
        committing.start()
        committing.join(60)

        assert store.find("key:9") is not None
        assert [id_of(103)] == [event.id for event in events]


def test_what_is_restored_is_just_as_it_was(store: TinyStore, tmp_path: Path) -> None:
    """Given all records and events of a store, when restored to an empty one, then that one shows
    the same, sealed, erased and all, also when it is opened again."""
    with store.view() as view:
        records, events = walked(view)

    with closing(TinyStore(tmp_path / "other.json")) as other:
        other.restore(records, events)
        other.restore([], [])
        assert seen(store) == seen(other)
        assert [] == list(other.faults())
    with closing(TinyStore(tmp_path / "other.json", read_only=True)) as other:
        assert seen(store) == seen(other)


def test_restoring_again_takes_the_place_of_what_is_there(store: TinyStore, path: Path) -> None:
    """Given a store, when what it holds is restored to it in an older form, then that counts, under
    its version, key and label, and the event is there once, in its place."""
    older = Record("user", id_of(1), 7, {"n": 1}, ("key:1",), (Label("older", "x"),))
    event = StoredEvent(id_of(103), {"n": 1}, id_of(1), 2, {"detail": "again"}, None)

    store.restore([older], [event])

    with closing(TinyStore(path, read_only=True)) as other:
        assert seen(store) == seen(other)
        assert older == other.find("key:1") == other.get("user", id_of(1))
        assert (older,) == other.page("user", "older").items
        assert 3 == other.count("user", "all")
        assert [event] == [e for e in other.events(user=id_of(1)).items if e.id == event.id]
        assert [] == list(store.faults()) == list(other.faults())


@pytest.mark.parametrize("wanted_by", [[8], [7, 8]], ids=["held", "twice"])
def test_a_key_that_belongs_to_another_refuses_all_of_it(
    store: TinyStore, wanted_by: list[int]
) -> None:
    """Given records of which one wants the key of a record that is not among them, or two the same
    key, when restored, then KeyTaken, and nothing was written."""
    before = seen(store)
    key = "key:1" if len(wanted_by) == 1 else "key:8"
    records = [
        Record("user", id_of(9), 1, {}),
        *[Record("user", id_of(n), 1, {}, (key,)) for n in wanted_by],
    ]

    with pytest.raises(KeyTaken, match=key):
        store.restore(records, [])

    assert before == seen(store)
    assert store.get("user", id_of(9)) is None


def test_restoring_without_room_leaves_nothing(store: TinyStore, files: FailingFiles) -> None:
    """Given a full disk, when something is restored, then StoreFull and nothing of it is there;
    with room again it is taken."""
    before, record = seen(store), Record("user", id_of(8), 3, {}, ("key:8",))
    files.write_error, files.written_before_error_bytes = OSError(errno.ENOSPC, "no"), 20
    with pytest.raises(StoreFull):
        store.restore([record], [])
    assert before == seen(store)

    files.write_error = None
    store.restore([record], [])
    assert record == store.find("key:8")


def test_stats_measure_what_there_is(store: TinyStore, path: Path, log: Path) -> None:
    """Given a store, when measured, then records by kind, events, and the bytes of its files."""
    stats = store.stats()

    assert {"user": 4} == stats.records
    assert (2, 1) == (stats.events, stats.unsealed_events)
    assert {"snapshot": path.stat().st_size, "logs": log.stat().st_size} == stats.bytes
    assert 1 == stats.schema


def test_a_backup_opens_as_a_store(store: TinyStore, path: Path, tmp_path: Path) -> None:
    """Given a store with a snapshot and a log, when backed up, then the copy shows the same, is its
    owner's alone, takes commits of its own, and stock TinyDB opens it."""
    store.compact()
    store.commit(Change(put=(put(5),)))

    store.backup(tmp_path / "copy.json")

    with closing(TinyStore(tmp_path / "copy.json")) as copy:
        assert seen(store) == seen(copy)
        copy.commit(Change(put=(put(6),)))
    assert store.find("key:6") is None
    copies = list(tmp_path.glob("copy.json*"))
    assert {"copy.json", "copy.json.log.2", "copy.json.lock"} == {file.name for file in copies}
    assert {0o600} == {file.stat().st_mode & 0o777 for file in copies}
    with TinyDB(tmp_path / "copy.json") as stock:
        assert len(stock.table("user")) == 4


def test_a_backup_reaches_over_all_logs(path: Path, tmp_path: Path) -> None:
    """Given a compaction that failed at its snapshot, so that two logs follow the old one, when
    backed up, then the copy shows everything."""

    class NoSnapshot(FailingFiles):
        fails = False

        def replace(self, source: Path, target: Path) -> None:
            if self.fails:
                raise OSError(errno.EIO, "no")
            super().replace(source, target)

    files = NoSnapshot()
    with closing(TinyStore(path, files=files)) as store:
        store.commit(CHANGES[0])
        files.fails = True
        with pytest.raises(Exception, match="could not compact"):
            store.compact()
        files.fails = False
        store.commit(CHANGES[1])
        store.backup(tmp_path / "copy.json")

        with closing(TinyStore(tmp_path / "copy.json", read_only=True)) as copy:
            assert seen(store) == seen(copy)
    assert 2 == len(list(tmp_path.glob("copy.json.log.*")))


def test_a_backup_is_of_one_moment_while_others_write_and_compact(
    path: Path, tmp_path: Path
) -> None:
    """Given a copy that is held up at every step, when others commit and compact meanwhile, then
    they do not wait, and the copy shows the moment at which it began."""

    class Meddling(UnsyncedFiles):
        meddles = False

        def write(self, file: FileIO, data: bytes, at: int) -> None:
            if self.meddles:
                number = store.count("user", "all") + 1
                other.commit(Change(put=(put(number),)))
                other.compact()
            super().write(file, data, at)

    files = Meddling()
    with closing(TinyStore(path, files=files)) as store, closing(TinyStore(path)) as other:
        for change in CHANGES:
            store.commit(change)
        store.compact()
        store.commit(Change(put=(put(5),)))
        before = seen(store)
        files.meddles = True
        store.backup(tmp_path / "copy.json")
        files.meddles = False

        assert store.count("user", "all") > 5
    with closing(TinyStore(tmp_path / "copy.json", read_only=True)) as copy:
        assert before == seen(copy)


@pytest.mark.parametrize("there", ["copy.json", "copy.json.log.1"])
def test_a_backup_overwrites_nothing(store: TinyStore, tmp_path: Path, there: str) -> None:
    """Given something at the target, a log only, or no folder, when backed up there, then
    InvalidInput, and it is left as it is."""
    (tmp_path / there).write_text("mine")

    with pytest.raises(InvalidInput, match="there already"):
        store.backup(tmp_path / "copy.json")
    with pytest.raises(InvalidInput, match="folder that is not there"):
        store.backup(tmp_path / "none" / "copy.json")

    assert "mine" == (tmp_path / there).read_text()
    assert 1 == len(list(tmp_path.glob("copy.json*")))


def test_half_a_backup_is_never_left(store: TinyStore, files: FailingFiles, tmp_path: Path) -> None:
    """Given a disk that is full at some byte, or an interrupt before any file operation of a
    backup, when it is made, then nothing of it is left; and one that dies leaves nothing that opens
    as a store of less."""
    files.write_error = OSError(errno.ENOSPC, "no")
    files.written_before_error_bytes = 10
    with pytest.raises(StoreFull):
        store.backup(tmp_path / "copy.json")
    files.write_error = None
    assert [] == list(tmp_path.glob("copy.json*"))

    for dies in (False, True):
        for step in range(1000):
            copy = tmp_path / f"{dies}-{step}.json"
            files.interrupt_before, files.stays_interrupted = step, dies
            try:
                store.backup(copy)
            except Interrupted:
                files.interrupt_before = None
                assert dies or [] == list(tmp_path.glob(copy.name + "*"))
                if copy.exists():
                    with closing(TinyStore(copy, read_only=True)) as opened:
                        assert seen(store) == seen(opened)
            else:
                assert step > 5
                break
        files.interrupt_before = None


def test_a_whole_store_has_no_faults(store: TinyStore) -> None:
    """Given a store that was written, compacted and written again, when checked, then nothing."""
    store.compact()
    store.commit(Change(put=(put(5),), remove=(Remove("user", id_of(1)),)))

    assert [] == list(store.faults())


@pytest.mark.parametrize("name", ["users.json", "users.json.log.2"])
def test_a_bit_that_flips_under_an_open_store_is_a_fault(
    store: TinyStore, path: Path, name: str
) -> None:
    """Given an open store, when a bit of a file of it flips, then a check names the file, though
    memory still has what was read."""
    store.compact()
    store.commit(Change(put=(put(5),)))
    damaged = bytearray(path.with_name(name).read_bytes())
    damaged[-5] ^= 1
    path.with_name(name).write_bytes(damaged)

    [fault] = store.faults()

    assert ("damaged", name) == (fault.code, fault.where)
    with pytest.raises(StoreDamaged):
        TinyStore(path, read_only=True)


def test_two_records_with_one_key_are_a_fault(store: TinyStore, path: Path) -> None:
    """Given a snapshot in which two users hold one key, under a right checksum, when checked, then
    the user is named whom the key does not lead to, and nothing of him shown."""
    store.compact()
    rewrite_snapshot(path, b'"_keys":["key:3"]', b'"_keys":["key:2"]')

    with closing(TinyStore(path, read_only=True)) as opened:
        [fault] = opened.faults()

    assert ("key-lost", f"user {id_of(2)}") == (fault.code, fault.where)
    assert "key:" not in fault.sentence
