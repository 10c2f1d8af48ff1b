"""Caring for a SQL store: what the contract of upkeep leaves to the database."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from no_room import files_that_may_not_grow
from postgres import Postgres
from small_store import CHANGES, id_of, put, seen
from sql_opener import open_url

from admit.errors import InvalidInput, StoreError
from admit.stores import Change, Label, NewEvent, Put, Record, Remove, VersionMoved
from admit.upkeep import Upkeep


@pytest.fixture
def store(url: str) -> Iterator[Upkeep]:
    with closing(open_url(url)) as store:
        assert isinstance(store, Upkeep)
        yield store


def test_what_was_erased_is_gone_from_the_sqlite_file_once_it_is_compacted(tmp_path: Path) -> None:
    """Given 400 users, details and labels in a SQLite file, when they are erased and the file is
    compacted, then none of their bytes is found in it or in its log, and it is smaller."""
    path = tmp_path / "users.db"
    with closing(open_url(f"sqlite:///{path}")) as store:
        assert isinstance(store, Upkeep)
        for n in range(1, 401):
            name = f"erika{n}@mustermann.example"
            record = Put("user", id_of(n), {"name": name * 9}, None, (name,), (Label("l", name),))
            event = NewEvent(id_of(n), {}, id_of(n), 1, {"address": name * 9})
            store.commit(Change(put=(record,), events=(event,)))
        store.commit(Change(put=(put(1000),)))
        before = path.stat().st_size
        store.commit(Change(remove=tuple([Remove("user", id_of(n)) for n in range(1, 401)])))
        store.commit(Change(erase=tuple([id_of(n) for n in range(1, 401)])))

        store.compact()

        left = path.read_bytes() + path.with_name("users.db-wal").read_bytes()
        assert left.count(b"mustermann") == 0
        assert before > path.stat().st_size
        assert store.get("user", id_of(1000)) is not None
        assert len(store.events(unsealed=True, limit=1000).items) == 400


def test_a_backup_of_any_database_opens_as_a_sqlite_file_of_its_owner(
    store: Upkeep, url: str, tmp_path: Path
) -> None:
    """Given a store, when it is backed up, then the copy is a SQLite store of the same application,
    for its owner's eyes only, and nothing else is left beside it."""
    for change in CHANGES:
        store.commit(change)
    target = tmp_path / "backups" / "users.bak"
    target.parent.mkdir()

    store.backup(target)

    assert [target] == list(target.parent.iterdir())
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    app = f"?app={url.partition('&app=')[2]}" if "&app=" in url else ""
    with closing(open_url(f"sqlite:///{target}{app}", read_only=True)) as copy:
        assert seen(store) == seen(copy)


def test_a_backup_that_fails_leaves_nothing(store: Upkeep, tmp_path: Path) -> None:
    """Given a disk on which nothing more can be written, or no folder, when a store is backed up,
    then an error of ours, nothing is left at the target, and the store goes on."""
    for change in CHANGES:
        store.commit(change)
    target = tmp_path / "backups" / "users.bak"
    with pytest.raises(InvalidInput, match="folder"):
        store.backup(target)
    target.parent.mkdir()

    with files_that_may_not_grow(), pytest.raises(StoreError):
        store.backup(target)

    assert [] == list(target.parent.iterdir())
    store.commit(Change(put=(put(50),)))


def test_a_server_that_goes_away_in_the_middle_of_a_walk_is_an_error(postgres: Postgres) -> None:
    """Given a walk over 2,000 records, when its connection is cut in the middle, then StoreError;
    the store goes on."""
    app = f"app-{uuid4()}"
    with closing(open_url(f"postgresql+psycopg://{postgres.location(app)}")) as store:
        assert isinstance(store, Upkeep)
        store.restore([Record("user", id_of(n), 1, {}) for n in range(2000)], [])

        with store.view() as view:
            walk = view.records("user")
            next(walk)
            postgres.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE state = 'idle in transaction'"
            )
            with pytest.raises(StoreError, match="go on reading"):
                list(walk)

        assert store.stats().records == {"user": 2000}


def test_keys_and_labels_that_are_too_long_for_an_index_are_restored(store: Upkeep) -> None:
    """Given records whose keys, labels and orders are longer than an index can hold and differ at
    their ends, when restored, then each is found by its own, and nothing is found amiss."""
    records = [
        Record(
            "user",
            id_of(n),
            3,
            {},
            (f"{'k' * 5000}{n}",),
            (Label("l" * 5000, f"{n}"), Label("o", f"{'o' * 5000}{n}")),
        )
        for n in (1, 2)
    ]

    store.restore(records, [])

    assert records == [store.find(key) for record in records for key in record.keys]
    assert store.count("user", "o") == store.count("user", "l" * 5000) == 2
    assert list(store.faults()) == []


def test_restoring_while_others_write_the_same_records_leaves_all_in_order(store: Upkeep) -> None:
    """Given a thread that moves keys and labels of a record all the time, when that is restored
    again and again, then one of the two wins each time, whole: nothing is found amiss."""
    done = threading.Event()
    errors: list[BaseException] = []

    def write() -> None:
        try:
            n = 0
            while not done.is_set():
                n += 1
                there = store.get("user", id_of(1))
                expects = None if there is None else there.version
                change = Put("user", id_of(1), {}, expects, (f"k{n}",), (Label("l", str(n)),))
                try:
                    store.commit(Change(put=(change,)), settle=False)
                except VersionMoved:
                    continue
        except BaseException as error:
            errors.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(40):
            record = Record("user", id_of(1), n + 1, {}, (f"r{n}",), (Label("l", "r"),))
            store.restore([record], [])
    finally:
        done.set()
        writer.join()

    assert errors == []
    assert list(store.faults()) == []
    assert store.count("user", "l") == 1


def test_a_record_is_restored_at_most_once_in_a_call(store: Upkeep) -> None:
    """Given one record twice, when restored, then ValueError, and nothing was written."""
    record = Record("user", id_of(1), 1, {})

    with pytest.raises(ValueError, match="at most once"):
        store.restore([record, record], [])

    assert store.get("user", id_of(1)) is None


def test_a_damaged_file_is_told_by_its_name(tmp_path: Path) -> None:
    """Given a SQLite file in which a page of a table was overwritten, when looked through, then
    that is the fault, and the walk ends there."""
    path = tmp_path / "users.db"
    with closing(open_url(f"sqlite:///{path}")) as store:
        for start in range(0, 2000, 500):
            puts = [put(n, filler="x" * 200) for n in range(start, start + 500)]
            store.commit(Change(put=tuple(puts)))
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)

    with closing(open_url(f"sqlite:///{path}", read_only=True)) as reader:
        assert isinstance(reader, Upkeep)
        found = list(reader.faults())

    assert found
    assert {("damaged", "users.db")} == {(fault.code, fault.where) for fault in found}
