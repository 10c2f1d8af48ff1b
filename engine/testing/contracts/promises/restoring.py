"""What a store promises of restoring: just as it was, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import attrs
import pytest

from ....stores import Change, Cursor, KeyTaken, Label, Page, Record, Ref, StoredEvent
from ....upkeep import Upkeep
from .fixtures import Reopen
from .pieces import (
    Content,
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
)
from .upkeep_fixtures import UpkeepFixtures


class RestorePromises(UpkeepFixtures):
    """Records and events written with their versions and sequences."""

    def test_what_is_restored_is_as_it_was(self, store: Upkeep, other: Upkeep) -> None:
        """Given a store with everything in it, when a view of it is restored into an empty one in
        small parts, then every read answers the same, and a view shows the same."""
        fill(store)
        kept = all_of(store)

        for some in _by(2, kept.records):
            other.restore(some, [])
        for few in _by(2, kept.events):
            other.restore([], few)

        assert kept == all_of(other)
        assert everything(store) == everything(other)

    def test_a_restored_store_goes_on(self, store: Upkeep) -> None:
        """Given restored records and events, when more is committed, then versions, keys, labels,
        sequences and the order of events are those that were restored."""
        _restore_some(store)

        with pytest.raises(KeyTaken):
            store.commit(Change(put=(user(9, keys=["k:1"]),)))
        store.commit(
            Change(
                put=(user(1, {}, expects=7, keys=["k:1"], labels=[("l", "0")]),),
                events=(event(99, user=1, version=8),),
            )
        )
        store.commit(Change(sequence={id_of(52): 13}))

        assert numbers(store.page("user", "l")) == [1, 2]
        assert numbers(store.events(user=id_of(1))) == [51, 53, 99]
        assert numbers(store.events(unsealed=True)) == [53, 99]
        assert numbers(store.events(sequence_after=0)) == [51, 52]
        assert tuple(happened.version for happened in store.events(user=id_of(1)).items[1:]) == (
            7,
            8,
        )

    def test_a_restored_record_takes_the_place_of_the_one_with_its_id(self, store: Upkeep) -> None:
        """Given a record with a key and a label, when one with its id is restored, older or newer,
        then nothing of what was there is left."""
        store.commit(Change(put=(user(1, keys=["old"], labels=[("pending", "1")]),)))
        store.commit(Change(put=(user(1, expects=1, keys=["older"], labels=[("pending", "1")]),)))

        for version in (1, 9):
            new = Record(
                "user", id_of(1), version, {"v": version}, ("k",), (Label("confirmed", "1"),)
            )
            store.restore([new], [])

            assert new == store.get("user", id_of(1)) == store.find("k")
            assert [store.find("old"), store.find("older")] == [None, None]
            assert (store.count("user", "pending"), store.count("user", "confirmed")) == (0, 1)

    def test_a_restored_event_takes_the_place_of_the_one_with_its_id(self, store: Upkeep) -> None:
        """Given events, when one is restored with a sequence and without its detail, and another
        one with a detail again, then each keeps its place in the order of commits."""
        put_events(store, [1, 2, 3], user=7)
        store.commit(Change(sequence={id_of(3): 4}))
        body = {"id": id_of(1), "trigger": "test"}
        first = StoredEvent(id_of(1), body, id_of(7), 1, None, 3)
        third = StoredEvent(id_of(3), body | {"id": id_of(3)}, id_of(7), 1, {"d": 1}, None)

        store.restore([], [third, first])

        assert (first,) == store.events(sequence_after=0).items
        assert third == store.events(unsealed=True).items[-1]
        assert numbers(store.events(unsealed=True)) == [2, 3]
        assert numbers(store.events(user=id_of(7))) == [1, 2, 3]
        with store.view() as view:
            assert [int(happened.id, 16) for happened in view.events()] == [1, 2, 3]

    def test_a_taken_key_refuses_all_that_is_restored(self, store: Upkeep) -> None:
        """Given a key with a holder, when records and events are restored of which one takes it,
        then KeyTaken, and nothing was written."""
        store.commit(Change(put=(user(1, keys=["k"], labels=[("l", "1")]),), events=(event(50),)))
        before = all_of(store)
        taker = Record("user", id_of(3), 1, {}, ("k",))
        events = [StoredEvent(id_of(60), {}, None, None, None, None)]
        events += [attrs.evolve(before.events[0], sequence=1)]

        with pytest.raises(KeyTaken) as refused:
            store.restore([Record("user", id_of(2), 1, {}, ("free",)), taker], events)
        with pytest.raises(KeyTaken):
            store.restore([taker, Record("session", id_of(4), 1, {}, ("k2",))], [])
        twice = [Record("user", id_of(n), 1, {}, ("new",)) for n in (5, 6)]
        with pytest.raises(KeyTaken):
            store.restore(twice, events)

        assert refused.value.key == "k"
        assert before == all_of(store)
        assert [store.find("free"), store.find("new")] == [None, None]

    def test_keys_may_move_among_what_is_restored(self, store: Upkeep) -> None:
        """Given two holders, when records are restored that exchange their keys, or hand one on,
        then each has what it was restored with."""
        store.commit(Change(put=(user(1, keys=["a"]), user(2, keys=["b"]))))

        store.restore([Record("user", id_of(1), 2, {}, ("b",)), holder(2, "a")], [])
        assert holders(store, "a", "b") == [2, 1]

        store.restore([holder(3, "a"), holder(2)], [])
        assert holders(store, "a", "b") == [3, 1]

    def test_restoring_again_changes_nothing(self, store: Upkeep) -> None:
        """Given restored records and events, when they are restored once more – nobody knew whether
        they were –, then all is as before; and nothing may be restored, too."""
        kept = _restore_some(store)
        before = everything(store)

        store.restore(kept.records, kept.events)
        store.restore([], [])

        assert kept == all_of(store)
        assert before == everything(store)

    def test_what_was_restored_is_there_after_reopening(
        self, store: Upkeep, reopen: Reopen
    ) -> None:
        """Given another opening of the store, when something is restored, then that sees it at
        once; and after the store was closed, it is there still."""
        with closing(reopen(store)) as beside:
            kept = _restore_some(store)
            assert everything(store) == everything(beside)
        store.close()

        with closing(reopen(store)) as again:
            assert isinstance(again, Upkeep)
            assert kept == all_of(again)


def _restore_some(store: Upkeep) -> Content:
    """Restore two users and three events, one of them sealed."""
    records = [
        Record("user", id_of(1), 7, {"n": 1}, ("k:1",), (Label("l", "5"), Label("m", "é"))),
        Record("user", id_of(2), 3, {"n": 2}, ("k:2", "k:3"), (Label("l", "4"),)),
    ]
    events = [
        StoredEvent(id_of(53), {"n": 3}, id_of(1), 7, {"d": "later"}, None),
        StoredEvent(id_of(51), {"n": 1}, id_of(1), 6, None, 12),
        StoredEvent(id_of(52), {"n": 2}, None, None, None, None),
    ]
    store.restore(records, events)
    kept = Content(records, events)
    assert kept == all_of(store)
    assert numbers(store.page("user", "l", after=Cursor("4", id_of(2)))) == [1]
    assert Page((events[1],)) == store.events(sequence_after=11)
    assert [records[0], None] == store.get_many([Ref("user", id_of(1)), Ref("user", id_of(3))])
    return kept


def _by(number: int, items: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(items), number):
        yield items[start : start + number]
