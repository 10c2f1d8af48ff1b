"""What a store promises of being compacted, measured, backed up and looked through."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from ....errors import InvalidInput, StoreClosed, StoreReadOnly
from ....stores import SCHEMA, Change, KeyTaken, Put, Remove
from ....upkeep import DISORDERS, Upkeep
from .fixtures import Reopen
from .pieces import (
    all_of,
    event,
    everything,
    fill,
    holder,
    holders,
    id_of,
    numbers,
    put_events,
    user,
    walk,
)
from .upkeep_fixtures import Spoil, UpkeepFixtures


class CarePromises(UpkeepFixtures):
    """Compaction, figures, backups, faults."""

    def test_it_can_be_asked_for(self, store: Upkeep) -> None:
        """Given a store, when it is asked whether it can be cared for, then it can."""
        assert isinstance(store, Upkeep)

    def test_compacting_changes_nothing_that_is_read(self, store: Upkeep) -> None:
        """Given a store with everything in it, when compacted, twice too, then every read answers
        the same, a cursor leads on to the same place, and more can be committed."""
        fill(store)
        before, kept = everything(store), all_of(store)
        after = store.events(unsealed=True, limit=2).next

        store.compact()
        store.compact()

        assert before == everything(store)
        assert kept == all_of(store)
        store.commit(Change(put=(user(60),), events=(event(160),)))
        assert numbers(store.events(unsealed=True, after=after))[-1] == 160

    def test_compacting_among_writers_loses_nothing(self, store: Upkeep) -> None:
        """Given a thread that commits all the time, when the store is compacted meanwhile, then
        each commit that was acknowledged is there."""
        done = threading.Event()
        told: list[int] = []

        def write() -> None:
            for n in range(1, 100_000):
                put = user(n, keys=[f"k:{n}"], labels=[("l", f"{n:06}")])
                store.commit(Change(put=(put,), events=(event(n, user=n, version=1),)))
                told.append(n)
                if done.is_set():
                    break

        writer = threading.Thread(target=write)
        writer.start()
        for _ in range(5):
            store.compact()
        done.set()
        writer.join()

        assert told == sum(walk(store, limit=500), [])
        assert told == [int(happened.id, 16) for happened in all_of(store).events]
        assert told[-1:] == holders(store, f"k:{len(told)}")

    def test_it_is_measured(self, store: Upkeep) -> None:
        """Given records of two kinds and events, when measured, then each is counted, and what
        takes room has a name."""
        store.commit(Change(put=(user(1), user(2), Put("session", id_of(1), {}))))
        put_events(store, [1, 2, 3])
        store.commit(Change(sequence={id_of(1): 1}, remove=(Remove("user", id_of(2)),)))

        stats = store.stats()

        assert dict(stats.records) == {"session": 1, "user": 1}
        assert (stats.events, stats.unsealed_events, stats.schema) == (3, 2, SCHEMA)
        assert all(name and size >= 0 for name, size in stats.bytes.items())

    def test_a_backup_is_the_store_of_its_moment(
        self, store: Upkeep, tmp_path: Path, open_backup: Callable[[Path], Upkeep]
    ) -> None:
        """Given a store with everything in it, when backed up, then what was written opens as a
        store, holds the same, and goes on by itself."""
        fill(store)
        before, kept = everything(store), all_of(store)
        target = tmp_path / "backup"

        store.backup(target)
        store.commit(Change(put=(user(60),), events=(event(160),)))

        with closing(open_backup(target)) as copy:
            assert before == everything(copy)
            assert kept == all_of(copy)
            with pytest.raises(KeyTaken):
                copy.commit(Change(put=(user(50, keys=["k:2"]),)))
            copy.commit(Change(put=(user(61),), events=(event(161),)))
            assert (store.get("user", id_of(61)), copy.get("user", id_of(60))) == (None, None)

    def test_a_backup_among_writers_is_whole(
        self, store: Upkeep, tmp_path: Path, open_backup: Callable[[Path], Upkeep]
    ) -> None:
        """Given a thread that puts a record and an event in each change, when backed up meanwhile,
        then the copies hold as many of both, and each all that was acknowledged before it."""
        done = threading.Event()
        told: list[int] = []

        def write() -> None:
            for n in range(1, 100_000):
                store.commit(Change(put=(user(n),), events=(event(n, user=n, version=1),)))
                told.append(n)
                if done.is_set():
                    break

        writer = threading.Thread(target=write)
        writer.start()
        promised = []
        try:
            for n in range(3):
                promised.append(len(told))
                store.backup(tmp_path / f"backup-{n}")
        finally:
            done.set()
            writer.join()

        for n, at_least in enumerate(promised):
            with closing(open_backup(tmp_path / f"backup-{n}")) as copy:
                kept = all_of(copy)
                assert len(kept.records) == len(kept.events) >= at_least
                assert [record.id for record in kept.records] == [e.id for e in kept.events]

    def test_a_backup_never_overwrites(self, store: Upkeep, tmp_path: Path) -> None:
        """Given a file at the target, or a store that cannot be written to a file, when backed up,
        then InvalidInput, and what is there stays."""
        store.commit(Change(put=(user(1),)))
        target = tmp_path / "precious"
        if "backup" not in self.lacks:
            target.write_text("other people's data")

        with pytest.raises(InvalidInput):
            store.backup(target)

        assert ("backup" in self.lacks) == (not target.exists())
        assert "backup" in self.lacks or target.read_text() == "other people's data"

    def test_a_store_in_use_has_no_fault(self, store: Upkeep, other: Upkeep) -> None:
        """Given a store that was used in every way, and one that was restored from it, when both
        are looked through, then nothing is found."""
        fill(store)
        store.compact()
        kept = all_of(store)
        other.restore(kept.records, kept.events)

        assert [] == list(store.faults()) == list(other.faults())

    def test_what_others_do_is_no_fault(self, store: Upkeep) -> None:
        """Given a thread that puts, moves and removes all the time, when the store is looked
        through meanwhile, then nothing is found."""
        done = threading.Event()

        def write() -> None:
            for n in range(1, 100_000):
                put = user(n, keys=[f"k:{n % 7}"], labels=[("l", str(n % 5)), ("m", "")])
                gone = (Remove("user", id_of(n - 1)),)
                store.commit(Change(put=(put,), remove=gone, events=(event(n, user=n),)))
                if done.is_set():
                    break

        writer = threading.Thread(target=write)
        writer.start()
        try:
            found = [list(store.faults()) for _ in range(5)]
        finally:
            done.set()
            writer.join()

        assert found == [[]] * 5

    @pytest.mark.parametrize("code", DISORDERS)
    def test_a_planted_disorder_is_found(
        self, store: Upkeep, request: pytest.FixtureRequest, code: str
    ) -> None:
        """Given a store that something brought into a disorder, when it is looked through, then
        that is found by its code, at its record, and no key or label is shown: they name people."""
        if code in self.impossible:
            pytest.skip(f"the store declares that it rules out: {code}")
        for n, name in ((1, "ada@example.com"), (2, "bob@example.com")):
            put = user(n, {"name": name}, keys=[f"k:{n}", name], labels=[("l", name)])
            store.commit(Change(put=(put,), events=(event(100 + n, user=n, version=1),)))
        spoil: Spoil = request.getfixturevalue("spoil")

        where = spoil(code)

        found = list(store.faults())
        assert (code, where) in [(fault.code, fault.where) for fault in found]
        assert all(fault.sentence.endswith(".") for fault in found)
        assert "example.com" not in str(found)

    def test_a_closed_store_can_no_longer_be_cared_for(self, store: Upkeep, tmp_path: Path) -> None:
        """Given a closed store, when any of this is asked of it, then StoreClosed."""
        store.close()

        asks: list[Callable[[], object]] = [
            lambda: all_of(store),
            lambda: store.restore([holder(1)], []),
            store.compact,
            store.stats,
            lambda: store.backup(tmp_path / "backup"),
            lambda: list(store.faults()),
        ]
        for ask in asks:
            with pytest.raises(StoreClosed):
                ask()

    def test_what_is_opened_for_reading_can_be_looked_at_only(
        self, store: Upkeep, tmp_path: Path, reopen: Reopen
    ) -> None:
        """Given a store opened for reading only, when cared for, then it can be viewed, measured,
        looked through and backed up; to restore or compact raises StoreReadOnly."""
        fill(store)
        with closing(reopen(store, read_only=True)) as reader:
            assert isinstance(reader, Upkeep)
            assert all_of(store) == all_of(reader)
            assert store.stats().records == reader.stats().records
            assert list(reader.faults()) == []
            if "backup" not in self.lacks:
                reader.backup(tmp_path / "backup")
            with pytest.raises(StoreReadOnly):
                reader.restore([holder(1)], [])
            with pytest.raises(StoreReadOnly):
                reader.compact()
        assert store.get("user", id_of(1)) is not None
