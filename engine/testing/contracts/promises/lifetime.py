"""What a store promises from opening to closing, and after it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress

import pytest

from ....errors import FateUnknown, StoreClosed, StoreReadOnly
from ....stores import Change, KeyTaken, Ref, Store, VersionMoved
from .fixtures import AnswersLost, Reopen, StoreFixtures
from .pieces import event, everything, fill, id_of, numbers, put_events, user


class LifetimePromises(StoreFixtures):
    """Settling, closing, forking, opening again."""

    def test_an_unsettled_commit_is_visible_at_once(self, store: Store) -> None:
        """Given a commit that is not settled, when read, then it is there; settling it is let
        pass, twice too."""
        store.commit(Change(put=(user(1, keys=["k"]),), events=(event(9),)), settle=False)

        assert store.find("k") is not None
        assert store.get("event", id_of(9)) is not None
        store.settle()
        store.settle()

    def test_an_unsettled_commit_is_refused_like_any(self, store: Store) -> None:
        """Given a moved version, when an unsettled commit meets it, then VersionMoved."""
        store.commit(Change(put=(user(1),)), settle=False)

        with pytest.raises(VersionMoved):
            store.commit(Change(put=(user(1),)), settle=False)

    def test_a_closed_store_refuses_everything(self, store: Store) -> None:
        """Given a closed store, when anything is asked of it, then StoreClosed; closing it again
        is let pass."""
        store.commit(Change(put=(user(1),)))
        store.close()
        store.close()

        asks: list[Callable[[], object]] = [
            lambda: store.get("user", id_of(1)),
            lambda: store.get_many([Ref("user", id_of(1))]),
            lambda: store.find("k"),
            lambda: store.page("user", "all"),
            lambda: store.count("user", "all"),
            lambda: store.events(unsealed=True),
            lambda: store.commit(Change(put=(user(2),))),
            store.settle,
        ]
        for ask in asks:
            with pytest.raises(StoreClosed):
                ask()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
    def test_a_forked_child_is_refused(self, store: Store) -> None:
        """Given an open store, when a child is forked, then it gets StoreClosed for reads and
        commits, may close, and the parent goes on."""
        with warnings.catch_warnings():
            # Python 3.12 warns when other threads are there: the child does nothing with them.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            refused = 0
            try:
                asks: list[Callable[[], object]] = [
                    lambda: store.get("user", id_of(1)),
                    lambda: store.commit(Change(put=(user(1),))),
                ]
                for ask in asks:
                    try:
                        ask()
                    except StoreClosed:
                        refused += 1
                store.close()
            finally:
                os._exit(refused)

        _, status = os.waitpid(child, 0)

        assert os.waitstatus_to_exitcode(status) == 2
        store.commit(Change(put=(user(1),)))
        assert store.get("user", id_of(1)) is not None

    def test_what_was_committed_is_there_after_reopening(
        self, store: Store, reopen: Reopen
    ) -> None:
        """Given a store with everything in it, when it is closed and opened again, then all reads
        answer the same."""
        fill(store)
        before = everything(store)
        store.close()

        again = reopen(store)

        try:
            assert before == everything(again)
        finally:
            again.close()

    def test_a_reopened_store_goes_on(self, store: Store, reopen: Reopen) -> None:
        """Given a reopened store, when more is committed, then versions, keys and the order of
        events go on where they were."""
        fill(store)
        store.close()
        again = reopen(store)

        try:
            with pytest.raises(KeyTaken):
                again.commit(Change(put=(user(50, keys=["k:2"]),)))
            with pytest.raises(VersionMoved):
                again.commit(Change(put=(user(2),)))
            waiting = numbers(again.events(unsealed=True))
            again.commit(Change(put=(user(2, expects=1),), events=(event(1000),)))
            assert [*waiting, 1000] == numbers(again.events(unsealed=True))
        finally:
            again.close()

    def test_cursors_stay_true_over_reopening(self, store: Store, reopen: Reopen) -> None:
        """Given a cursor into events of which some are forgotten, when the store is reopened, then
        the cursor leads on to the same place."""
        put_events(store, [1, 2, 3, 4], user=7)
        after = store.events(unsealed=True, limit=3).next
        store.commit(Change(forget=(id_of(1), id_of(4))))
        store.close()
        again = reopen(store)

        try:
            again.commit(Change(events=(event(5),)))
            assert numbers(again.events(unsealed=True, after=after)) == [5]
        finally:
            again.close()

    def test_two_openings_see_each_others_commits(self, store: Store, reopen: Reopen) -> None:
        """Given one store opened twice, when each commits, then the other sees it at once and is
        refused what is taken."""
        other = reopen(store)
        try:
            store.commit(Change(put=(user(1, keys=["k"], labels=[("l", "1")]),)))
            other.commit(Change(put=(user(2, labels=[("l", "2")]),), events=(event(9, user=2),)))

            assert [1, 2] == numbers(store.page("user", "l")) == numbers(other.page("user", "l"))
            assert numbers(store.events(user=id_of(2))) == [9]
            with pytest.raises(KeyTaken):
                other.commit(Change(put=(user(3, keys=["k"]),)))
            with pytest.raises(VersionMoved):
                store.commit(Change(put=(user(2),)))
        finally:
            other.close()

    def test_a_store_opened_for_reading_refuses_to_write(
        self, store: Store, reopen: Reopen
    ) -> None:
        """Given a store, when it is opened for reading only, then it reads, follows what others
        commit, and raises StoreReadOnly for a commit."""
        store.commit(Change(put=(user(1),)))
        reader = reopen(store, read_only=True)
        try:
            assert (store.read_only, reader.read_only) == (False, True)
            assert reader.get("user", id_of(1)) is not None
            with pytest.raises(StoreReadOnly):
                reader.commit(Change(put=(user(2),)))
            reader.settle()

            store.commit(Change(put=(user(3),)))
            assert reader.get("user", id_of(3)) is not None
        finally:
            reader.close()

    def test_a_store_opened_for_reading_answers_every_question(
        self, store: Store, reopen: Reopen
    ) -> None:
        """Given a store with everything in it, when it is opened for reading only, also after its
        writer is gone, then all reads answer the same."""
        fill(store)
        before = everything(store)

        with closing(reopen(store, read_only=True)) as reader:
            assert before == everything(reader)
            store.close()
            assert before == everything(reader)
        with closing(reopen(store, read_only=True)) as reader:
            assert before == everything(reader)

    def test_a_commit_whose_answer_is_lost_is_whole_or_not_there(
        self, store: Store, answers_lost: AnswersLost
    ) -> None:
        """Given a commit that raises FateUnknown, when its event is looked up, then the change is
        there, all of it, or nothing is; and the store goes on."""
        store.commit(Change(put=(user(1, {"n": 0}, keys=["before"]),)))
        change = Change(
            put=(
                user(1, {"n": 1}, expects=1, keys=["after"]),
                user(2, keys=["k"], labels=[("l", "2")]),
            ),
            events=(event(9, user=1, version=2, detail={"d": 1}),),
        )

        with answers_lost(), pytest.raises(FateUnknown):
            store.commit(change)

        kept = store.get("event", id_of(9)) is not None
        seen = [
            store.find("after") is not None,
            store.find("before") is None,
            store.find("k") is not None,
            numbers(store.page("user", "l")) == [2],
            numbers(store.events(user=id_of(1))) == [9],
        ]
        assert [kept] * 5 == seen
        store.commit(Change(put=(user(3, keys=["later"]),)))
        assert store.find("later") is not None

    def test_a_commit_whose_answer_is_lost_may_be_repeated_once_it_was_looked_up(
        self, store: Store, answers_lost: AnswersLost
    ) -> None:
        """Given a commit that raised FateUnknown, when it is repeated all the same, then it is
        refused if it was kept and is kept if it was not: never twice."""
        change = Change(put=(user(1, keys=["k"]),), events=(event(9, user=1, version=1),))
        with answers_lost(), pytest.raises(FateUnknown):
            store.commit(change)
        kept = store.get("event", id_of(9)) is not None

        with pytest.raises(VersionMoved) if kept else nullcontext():
            store.commit(change)

        assert numbers(store.events(user=id_of(1))) == [9]
        holder = store.find("k")
        assert holder is not None
        assert holder.version == 1

    def test_settling_says_when_it_is_not_known(
        self, store: Store, answers_lost: AnswersLost
    ) -> None:
        """Given commits that may be lost, when the trouble is over, then settling works, and what
        is then there is there to stay."""
        store.commit(Change(put=(user(1),), events=(event(8),)), settle=False)
        with answers_lost(), suppress(FateUnknown):
            store.commit(Change(put=(user(2),), events=(event(9),)), settle=False)
            store.settle()

        store.commit(Change(put=(user(3),)))
        store.settle()

        assert store.get("user", id_of(3)) is not None
        for put, happened in ((1, 8), (2, 9)):
            there = store.get("user", id_of(put)) is not None
            assert there == (store.get("event", id_of(happened)) is not None)
