"""What compacting a TinyStore leaves in its files, and what others notice of it."""

from __future__ import annotations

from contextlib import closing
from io import FileIO
from pathlib import Path

from small_store import CHANGES, UnsyncedFiles, happened, id_of, put, seen

from admit.storage import TinyStore
from admit.stores import Change


def _files(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())


def test_compacting_leaves_a_snapshot_and_an_empty_log(path: Path) -> None:
    """Given a store with a log, when it is compacted, then the next log is nearly empty, the old
    one gone, and everything is seen as before, also when opened again."""
    with closing(TinyStore(path)) as store:
        for change in CHANGES:
            store.commit(change)
        before = seen(store)
        store.compact()
        assert before == seen(store)

    assert _files(path) == ["users.json", "users.json.lock", "users.json.log.2"]
    assert path.with_name("users.json.log.2").stat().st_size < 100
    with closing(TinyStore(path)) as store:
        assert before == seen(store)


def test_erased_details_are_gone_from_the_files(path: Path) -> None:
    """Given erased and forgotten details in a log and in a snapshot, when compacted, then no file
    holds them any more, and the others are kept."""
    with closing(TinyStore(path)) as store:
        for number in (201, 202, 203):
            store.commit(Change(events=(happened(number, user=1),)))
        store.compact()
        for number in (204, 205):
            store.commit(Change(events=(happened(number, user=1),)))
        store.commit(Change(erase=(id_of(201), id_of(204)), forget=(id_of(202),)))
        store.compact()

    kept = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert [number for number in range(201, 206) if f"of {number}".encode() in kept] == [203, 205]


def test_the_files_are_the_owners_alone(path: Path) -> None:
    """Given a store, when it is begun and compacted, then each of its files has the mode 0600."""
    with closing(TinyStore(path)) as store:
        store.commit(CHANGES[0])
        store.compact()

    assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}


def test_a_log_is_compacted_when_it_is_long(path: Path) -> None:
    """Given a limit of 2,000 bytes, when some hundred commits are made, then, once compactions had
    time to end, the log is not far beyond the limit or the snapshot, and nothing is lost."""
    for first in range(1, 201, 10):
        with closing(TinyStore(path, compact_at_bytes=2_000, files=UnsyncedFiles())) as store:
            for number in range(first, first + 10):
                event = happened(1000 + number, user=1)
                store.commit(Change(put=(put(number),), events=(event,)))
        (log,) = path.parent.glob("users.json.log.*")
        assert log.stat().st_size < max(2_000, path.stat().st_size) + 3_000

    assert log.name > "users.json.log.3"
    with closing(TinyStore(path)) as store:
        assert store.count("user", "all") == 200
        assert len(store.events(unsealed=True, limit=500).items) == 200


def test_another_opening_follows_many_compactions(path: Path) -> None:
    """Given a second opening that sleeps through compactions, or looks after each of very many,
    when it reads, then it sees everything."""
    with (
        closing(TinyStore(path, files=UnsyncedFiles())) as store,
        closing(TinyStore(path, files=UnsyncedFiles())) as sleeper,
        closing(TinyStore(path, files=UnsyncedFiles(), read_only=True)) as watcher,
    ):
        for number in range(1, 41):
            store.commit(Change(put=(put(number),), events=(happened(1000 + number, user=1),)))
            store.compact()
            assert watcher.find(f"key:{number}") is not None
            assert store.events(user=id_of(1)) == watcher.events(user=id_of(1))

        assert store.events(user=id_of(1)) == sleeper.events(user=id_of(1))
        assert store.page("user", "all") == sleeper.page("user", "all")
        sleeper.commit(Change(put=(put(41),)))
        assert store.find("key:41") == watcher.find("key:41") != None  # noqa: E711


def test_commits_of_one_line_each_are_synced_before_they_are_acknowledged(path: Path) -> None:
    """Given a store that counts, when it commits, then each settled commit is one write and one
    sync, an unsettled one is no sync, and one of nothing is neither."""

    class Counting(UnsyncedFiles):
        writes = syncs = 0

        def write(self, file: FileIO, data: bytes, at: int) -> None:
            self.writes += 1
            super().write(file, data, at)

        def sync(self, file: FileIO) -> None:
            self.syncs += 1

    files = Counting()
    with closing(TinyStore(path, files=files)) as store:
        counts = []
        for change, settle in ((CHANGES[0], True), (CHANGES[1], False), (Change(), True)):
            files.writes = files.syncs = 0
            store.commit(change, settle=settle)
            counts.append((files.writes, files.syncs))

        assert counts == [(1, 1), (1, 0), (0, 0)]


def test_a_large_store_is_compacted_and_opened_whole(path: Path) -> None:
    """Given 1,500 users and events, some with long texts, in all more than the snapshot is written
    and synced by at a time, when compacted and opened again, then each is there."""
    with closing(TinyStore(path, files=UnsyncedFiles())) as store:
        for number in range(1, 1501):
            change = Change(
                put=(put(number, text="x" * (number * 31 % 8000)),),
                events=(happened(10_000 + number, user=number),),
            )
            store.commit(change, settle=False)
        store.compact()
        assert path.stat().st_size > 5 << 20
        with closing(TinyStore(path, read_only=True)) as other:
            for number in range(1, 1501):
                user = other.get("user", id_of(number))
                assert user is not None
                assert len(user.body["text"]) == number * 31 % 8000
                assert store.events(user=id_of(number)) == other.events(user=id_of(number))
                assert len(other.events(user=id_of(number)).items) == 1
