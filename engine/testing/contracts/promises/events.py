"""What a store promises of events: order, sequence, erasure."""

from __future__ import annotations

from typing import Any

import pytest

from ....stores import Change, Page, Record, Ref, Remove, Store, StoredEvent
from .fixtures import StoreFixtures
from .pieces import event, id_of, numbers, put_events, user


class EventPromises(StoreFixtures):
    """Pages of events."""

    def test_an_event_is_found_by_its_id(self, store: Store) -> None:
        """Given an event, when got as a record, then it shows its body, at version 1."""
        store.commit(Change(events=(event(9, user=1, version=4, detail={"d": 1}),)))

        body = {"id": id_of(9), "trigger": "test"}
        expected = Record("event", id_of(9), 1, body)
        assert expected == store.get("event", id_of(9))
        assert [expected, None] == store.get_many([Ref("event", id_of(9)), Ref("event", id_of(8))])
        assert store.get("event", id_of(8)) is None

    def test_an_event_comes_back_as_it_was_written(self, store: Store) -> None:
        """Given events with and without a user and a detail, when listed, then they are whole."""
        store.commit(
            Change(events=(event(9, user=1, version=4, detail={"d": ["x"]}), event(10, detail={})))
        )

        body = {"trigger": "test"}
        expected = (
            StoredEvent(id_of(9), {"id": id_of(9)} | body, id_of(1), 4, {"d": ["x"]}, None),
            StoredEvent(id_of(10), {"id": id_of(10)} | body, None, None, {}, None),
        )
        assert expected == store.events(unsealed=True).items

    def test_a_users_events_come_by_version_then_commit(self, store: Store) -> None:
        """Given events that name versions out of turn, when listed, then versions decide, then
        the order of commits, whatever their ids."""
        for number, version in ((50, 1), (49, 3), (48, 2), (47, 2), (46, 3)):
            store.commit(Change(events=(event(number, user=1, version=version),)))
        store.commit(Change(events=(event(60, user=2, version=1), event(61))))

        assert numbers(store.events(user=id_of(1))) == [50, 48, 47, 49, 46]
        assert Page(()) == store.events(user=id_of(3))

    def test_events_of_one_commit_keep_their_order(self, store: Store) -> None:
        """Given three events in one change, when listed in both ways, then they stand as given."""
        three = (event(30, user=1, version=1), event(20, user=1, version=1), event(10, user=1))

        store.commit(Change(events=three))

        assert numbers(store.events(unsealed=True)) == [30, 20, 10]
        assert [n for n in numbers(store.events(user=id_of(1))) if n != 10] == [30, 20]

    def test_unsealed_events_wait_in_the_order_of_their_commits(self, store: Store) -> None:
        """Given events, when some are given a sequence, then the others wait, in order."""
        put_events(store, [5, 4, 3, 2, 1])

        store.commit(Change(sequence={id_of(4): 1, id_of(5): 2}))

        assert numbers(store.events(unsealed=True)) == [3, 2, 1]

    def test_sealed_events_come_by_sequence(self, store: Store) -> None:
        """Given sequences unlike the order of commits, when followed, then the sequence decides."""
        put_events(store, [1, 2, 3, 4])
        store.commit(Change(sequence={id_of(1): 30, id_of(2): 10, id_of(3): 20}))

        page = store.events(sequence_after=0)

        assert numbers(page) == [2, 3, 1]
        assert [item.sequence for item in page.items] == [10, 20, 30]
        assert numbers(store.events(sequence_after=20)) == [1]
        assert numbers(store.events(sequence_after=30)) == []

    def test_a_sequence_for_an_event_that_was_forgotten_is_let_pass(self, store: Store) -> None:
        """Given an event that is forgotten while it is being sealed, when its sequence is written,
        then the others get theirs."""
        put_events(store, [1, 2])
        store.commit(Change(forget=(id_of(1),)))

        store.commit(Change(sequence={id_of(1): 1, id_of(2): 2}))

        assert numbers(store.events(sequence_after=0)) == [2]

    @pytest.mark.parametrize("way", ["user", "sequence_after", "unsealed"])
    def test_events_are_paged_in_every_way(self, store: Store, way: str) -> None:
        """Given seven events, when paged by two while more come, then none is missed or
        repeated."""
        put_events(store, range(1, 8), user=1)
        if way == "sequence_after":
            store.commit(Change(sequence={id_of(n): n for n in range(1, 8)}))
        ask: dict[str, Any] = {way: {"user": id_of(1), "sequence_after": 0, "unsealed": True}[way]}

        seen, after = [], None
        for n in range(20, 23):
            page = store.events(**ask, after=after, limit=2)
            seen += numbers(page)
            after = page.next
            assert after is not None
            store.commit(Change(events=(event(n, user=1, version=n),)))
        rest = numbers(store.events(**ask, after=after))

        came = [] if way == "sequence_after" else [20, 21, 22]
        assert [1, 2, 3, 4, 5, 6, 7, *came] == seen + rest

    def test_a_cursor_stays_true_when_its_event_is_sealed_or_forgotten(self, store: Store) -> None:
        """Given a page of unsealed events, when they are sealed and forgotten, then the walk goes
        on behind them."""
        put_events(store, [1, 2, 3, 4])
        first = store.events(unsealed=True, limit=2)

        store.commit(Change(sequence={id_of(1): 1}, forget=(id_of(2),)))

        assert numbers(store.events(unsealed=True, after=first.next)) == [3, 4]

    def test_asking_for_events_in_no_way_or_two_is_refused(self, store: Store) -> None:
        """Given the three ways to ask, when none or two are named, then ValueError."""
        with pytest.raises(ValueError, match="exactly one"):
            store.events()
        with pytest.raises(ValueError, match="exactly one"):
            store.events(user=id_of(1), unsealed=True)

    def test_erasing_removes_the_detail_and_nothing_else(self, store: Store) -> None:
        """Given events with details, when one's is erased, then its body and place stay."""
        details = (event(1, user=7, version=1, detail={"d": 1}), event(2, detail={"d": 2}))
        store.commit(Change(events=details))
        store.commit(Change(sequence={id_of(1): 5}))

        store.commit(Change(erase=(id_of(1), id_of(99))))
        store.commit(Change(erase=(id_of(1),)))

        body = {"id": id_of(1), "trigger": "test"}
        expected = (StoredEvent(id_of(1), body, id_of(7), 1, None, 5),)
        assert expected == store.events(sequence_after=0).items == store.events(user=id_of(7)).items
        assert [item.detail for item in store.events(unsealed=True).items] == [{"d": 2}]

    def test_forgetting_removes_an_event_whole(self, store: Store) -> None:
        """Given sealed and unsealed events, when forgotten, then no way leads to them."""
        put_events(store, [1, 2, 3], user=7)
        store.commit(Change(sequence={id_of(1): 1}))

        store.commit(Change(forget=(id_of(1), id_of(2), id_of(99))))

        assert store.get("event", id_of(1)) is None
        assert numbers(store.events(user=id_of(7))) == [3]
        assert numbers(store.events(unsealed=True)) == [3]
        assert numbers(store.events(sequence_after=0)) == []

    def test_an_event_outlives_its_user(self, store: Store) -> None:
        """Given a user with an event, when he is removed, then the event stays."""
        store.commit(Change(put=(user(1),), events=(event(9, user=1, version=1),)))

        store.commit(Change(remove=(Remove("user", id_of(1)),)))

        assert numbers(store.events(user=id_of(1))) == [9]
