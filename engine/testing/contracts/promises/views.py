"""What a store promises of a view: all that there is, at one moment."""

from __future__ import annotations

import threading
from itertools import islice
from typing import Any

from ....stores import Change, Label, Put, Remove
from ....upkeep import Upkeep
from .pieces import all_of, content_of, event, fill, id_of, user
from .upkeep_fixtures import UpkeepFixtures


class ViewPromises(UpkeepFixtures):
    """Walks over a store that others go on using."""

    def test_an_empty_store_shows_nothing(self, store: Upkeep) -> None:
        """Given an empty store, when walked, then there is nothing, of any kind."""
        with store.view() as view:
            assert list(view.kinds()) == []
            assert list(view.records("user")) == []
            assert [list(view.events()), list(view.events_by_user())] == [[], []]

    def test_a_view_shows_everything(self, store: Upkeep) -> None:
        """Given a store with everything in it, when walked, then records come by id with all they
        have, and events in the order of their commits with theirs."""
        fill(store)
        session = Put("session", id_of(3), {"user": id_of(1)}, None, (), (Label("expiring", "2"),))
        store.commit(Change(put=(session,)))
        users = [record for n in range(9) if (record := store.get("user", id_of(n)))]

        with store.view() as view:
            assert list(view.kinds()) == ["session", "user"]
            assert users == list(view.records("user"))
            assert [store.get("session", id_of(3))] == list(view.records("session"))
            assert list(view.records("api-key")) == []
            events = list(view.events())

        assert [int(happened.id, 16) for happened in events] == [101, 102, 103, 105, 106, 107]
        by_id = {happened.id: happened for happened in events}
        assert (by_id[id_of(101)].sequence, by_id[id_of(101)].detail) == (2, None)
        for n in range(3):
            for happened in store.events(user=id_of(n)).items:
                assert happened == by_id[happened.id]

    def test_records_come_by_id_however_they_were_put(self, store: Upkeep) -> None:
        """Given 1,000 records put in a jumble, some again, some removed, when walked, then they
        come by id, each once."""
        jumbled = [n * 7919 % 1009 for n in range(1, 1001)]
        for part in (jumbled[:500], jumbled[500:]):
            store.commit(Change(put=tuple([user(n) for n in part])))
        again = [user(n, {"again": True}, expects=1) for n in jumbled[::3]]
        gone = [Remove("user", id_of(n)) for n in jumbled[1::3]]
        store.commit(Change(put=tuple(again), remove=tuple(gone)))

        with store.view() as view:
            walked = [int(record.id, 16) for record in view.records("user")]

        assert sorted({*jumbled} - {*jumbled[1::3]}) == walked

    def test_events_come_by_user_as_each_users_history_does(self, store: Upkeep) -> None:
        """Given events of many users and of nobody, that name versions out of turn, when walked by
        user, then users come by id, each with its events as the store pages them."""
        for number, (of, version) in enumerate(
            [(3, 1), (1, 2), (None, None), (3, 3), (1, 1), (0x10, 1), (2, 1), (3, 2), (1, 2)]
        ):
            store.commit(Change(events=(event(90 - number, user=of, version=version),)))

        with store.view() as view:
            walked = list(view.events_by_user())

        ids = [id_of(n) for n in (1, 2, 3, 0x10)]
        assert [happened for id in ids for happened in store.events(user=id).items] == walked

    def test_a_view_is_of_one_moment(self, store: Upkeep) -> None:
        """Given a view and two walks that have begun, when others put, update, remove, seal, erase
        and forget, then it shows what there was, and the store what there is."""
        for n in range(1, 41):
            put = user(n, {"n": n}, keys=[f"k:{n}"], labels=[("l", f"{n:03}")])
            happened = event(100 + n, user=n, version=1, detail={"n": n})
            store.commit(Change(put=(put,), events=(happened,)), settle=n % 10 == 0)
        store.settle()
        before = all_of(store)

        with store.view() as view:
            records, events = view.records("user"), view.events()
            seen: list[Any] = [next(records), next(events)]
            store.commit(
                Change(
                    put=(
                        user(50),
                        user(3, {"new": True}, expects=1, keys=["moved"]),
                        Put("session", id_of(1), {}),
                    ),
                    remove=(Remove("user", id_of(4)), Remove("user", id_of(40))),
                    events=(event(200, user=50, version=1),),
                    sequence={id_of(103): 1},
                    erase=(id_of(104),),
                    forget=(id_of(105), id_of(140)),
                )
            )
            store.compact()
            rest: list[list[Any]] = [list(records), list(events)]
            assert before == content_of(view)

        assert [len(walked) + 1 for walked in rest] == [40, 40]
        assert before.records == [seen[0], *rest[0]]
        assert before.events == [seen[1], *rest[1]]
        with store.view() as now:
            assert list(now.kinds()) == ["session", "user"]
            assert 39 == sum(1 for _ in now.records("user")) == sum(1 for _ in now.events())
        assert store.count("user", "l") == 37

    def test_a_view_among_writers_is_whole(self, store: Upkeep) -> None:
        """Given threads that put two records and an event in each change, when the store is viewed
        again and again meanwhile, then each view holds as many of each, and they agree."""
        done = threading.Event()
        errors: list[BaseException] = []

        def write(thread: int) -> None:
            try:
                for n in range(1, 10_000):
                    number = 100_000 * thread + n
                    pair = (user(number), Put("custom-data", id_of(number), {}))
                    happened = event(number, user=number, version=1)
                    store.commit(Change(put=pair, events=(happened,)), settle=False)
                    if done.is_set():
                        break
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=write, args=(n,)) for n in (1, 2)]
        for thread in threads:
            thread.start()
        sizes = []
        try:
            for _ in range(10):
                with store.view() as view:
                    walks = (view.records("user"), view.records("custom-data"), view.events())
                    ids = [sorted(item.id for item in walk) for walk in walks]
                assert ids[0] == ids[1] == ids[2]
                sizes.append(len(ids[0]))
        finally:
            done.set()
            for thread in threads:
                thread.join()

        assert errors == []
        assert sorted(sizes) == sizes

    def test_walks_may_go_side_by_side_and_be_left(self, store: Upkeep) -> None:
        """Given 300 users with events, when users and their events are walked side by side, one
        walk is begun twice and another is left, then each goes on where it was."""
        put = [user(n) for n in range(300)]
        happened = [event(1000 + n, user=n, version=1) for n in range(300)]
        store.commit(Change(put=tuple(put), events=tuple(happened)))

        with store.view() as view:
            beside = zip(view.records("user"), view.events_by_user(), strict=True)
            left = next(view.events())
            pairs = [(record.id, happened.user) for record, happened in beside]
            first = [record.id for record in islice(view.records("user"), 5)]

        assert [id_of(n) for n in range(300)] == [id for id, _ in pairs]
        assert all(id == of for id, of in pairs)
        assert (id_of(1000), [id_of(n) for n in range(5)]) == (left.id, first)
        store.commit(Change(put=(user(1000),)))
