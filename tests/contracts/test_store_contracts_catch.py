"""The contracts of stores fail those who break them, by the tests that are meant for it."""

from __future__ import annotations

import pytest
from contract_runs import failed_tests

FAULTY = '''
import time
import unicodedata
from contextlib import closing, contextmanager

import attrs
import pytest

from admit.errors import FateUnknown
from admit.stores import Change, Cursor, Page
from admit.testing.contracts.promises.care import CarePromises
from admit.testing.contracts.promises.events import EventPromises
from admit.testing.contracts.promises.labels import LabelPromises
from admit.testing.contracts.promises.lifetime import LifetimePromises
from admit.testing.contracts.promises.records import RecordPromises
from admit.testing.contracts.promises.restoring import RestorePromises
from admit.testing.contracts.promises.threads import ThreadPromises
from admit.testing.contracts.promises.versions import VersionPromises
from admit.testing.contracts.promises.views import ViewPromises
from admit.testing.memory import MemoryStore


class Opened:
    lacks = frozenset({"reopen", "processes", "backup"})
    impossible = frozenset({"damaged"})

    @pytest.fixture
    def store(self):
        with closing(self.opens()) as store:
            yield store

    @pytest.fixture
    def other(self):
        with closing(self.opens()) as store:
            yield store

    @pytest.fixture
    def answers_lost(self, store):
        @contextmanager
        def lost():
            store.lose_answer()
            yield
        return lost

    @pytest.fixture
    def spoil(self, store):
        def spoil(code):
            if code == "key-lost":
                store._index._holders["user"].pop("k:1")
            if code == "key-astray":
                store._index._holders["user"]["k:9"] = f"{1:024x}"
            if code == "label-lost":
                store._index._places.clear()
            if code == "label-astray":
                store._index._places["user", "m"] = [("", f"{1:024x}")]
            return f"user {1:024x}"
        return spoil


class Overwriting(MemoryStore):
    """Compares no versions."""

    def commit(self, change, *, settle=True):
        time.sleep(0.0005)  # so that another thread comes in between
        now = {p.id: self.get(p.kind, p.id) for p in change.put}
        put = [p._replace(expects=now[p.id] and now[p.id].version) for p in change.put]
        super().commit(change._replace(put=tuple(put)), settle=settle)


class TestOverwriting(Opened, VersionPromises):
    opens = Overwriting


class TestOverwritingThreads(Opened, ThreadPromises):
    opens = Overwriting


class Piecemeal(MemoryStore):
    """Writes the records before it looks at the events."""

    def commit(self, change, *, settle=True):
        for put in change.put:
            super().commit(Change(put=(put,)))
            time.sleep(0.0005)  # so that another thread comes in between
        super().commit(change._replace(put=()))


class TestPiecemeal(Opened, VersionPromises):
    opens = Piecemeal


class TestPiecemealThreads(Opened, ThreadPromises):
    opens = Piecemeal


class Forgiving(MemoryStore):
    """Writes an event again instead of refusing it."""

    def commit(self, change, *, settle=True):
        new = [e for e in change.events if self.get("event", e.id) is None]
        super().commit(change._replace(events=tuple(new)))


class TestForgiving(Opened, VersionPromises):
    opens = Forgiving


class Rounding(MemoryStore):
    """Keeps numbers as a database does that has one kind of them."""

    def commit(self, change, *, settle=True):
        put = [p._replace(body={k: float(v) if type(v) is int else v
                                     for k, v in p.body.items()}) for p in change.put]
        super().commit(change._replace(put=tuple(put)))


class TestRounding(Opened, RecordPromises):
    opens = Rounding


class Normalising(MemoryStore):
    """Finds a key however it is composed."""

    def commit(self, change, *, settle=True):
        put = [p._replace(keys=tuple(unicodedata.normalize("NFC", k) for k in p.keys))
               for p in change.put]
        super().commit(change._replace(put=tuple(put)))


class TestNormalising(Opened, RecordPromises):
    opens = Normalising


class Collating(MemoryStore):
    """Sorts as people do."""

    def page(self, kind, label, after=None, limit=50, reverse=False):
        page = super().page(kind, label, after, limit, reverse)
        return Page(tuple(sorted(page.items, key=lambda r: r.labels[0].order.lower())), page.next)


class TestCollating(Opened, LabelPromises):
    opens = Collating


class Offset(MemoryStore):
    """Pages by how many were seen."""

    def page(self, kind, label, after=None, limit=50, reverse=False):
        start = int(after.order) if after and after.order.isdigit() else 0
        every = super().page(kind, label, None, 10**6, reverse).items
        more = Cursor(str(start + limit), "") if start + limit < len(every) else None
        return Page(every[start : start + limit], more)


class TestOffset(Opened, LabelPromises):
    opens = Offset


class ByTime(MemoryStore):
    """Gives a user's events in the order of their commits alone."""

    def events(self, *, user=None, sequence_after=None, unsealed=False, after=None, limit=50):
        if user is None:
            return super().events(sequence_after=sequence_after, unsealed=unsealed, after=after,
                                  limit=limit)
        with self.view() as view:
            mine = [e for e in view.events() if e.user == user]
        start = int(after.order) if after else 0
        more = Cursor(str(start + limit), "") if start + limit < len(mine) else None
        return Page(tuple(mine[start : start + limit]), more)


class TestByTime(Opened, EventPromises):
    opens = ByTime


class Torn(MemoryStore):
    """Loses the answer between the records and the events."""

    lost = False

    def lose_answer(self):
        self.lost = True

    def commit(self, change, *, settle=True):
        if self.lost:
            self.lost = False
            super().commit(change._replace(events=()))
            raise FateUnknown
        super().commit(change)


class TestTorn(Opened, LifetimePromises):
    opens = Torn


class Live(MemoryStore):
    """Its view is the store itself."""

    @contextmanager
    def view(self):
        yield self._Now(self)

    class _Now:
        def __init__(self, store):
            self.store = store

        def __getattr__(self, name):
            def ask(*arguments):
                with MemoryStore.view(self.store) as view:
                    yield from getattr(view, name)(*arguments)
            return ask


class TestLive(Opened, ViewPromises):
    opens = Live


class Counting(MemoryStore):
    """Restores by putting: versions begin anew."""

    def restore(self, records, events):
        super().restore([r._replace(version=1) for r in records], events)


class TestCounting(Opened, RestorePromises):
    opens = Counting


class InParts(MemoryStore):
    """Restores one by one."""

    def restore(self, records, events):
        super().restore([], events)
        for record in records:
            super().restore([record], [])


class TestInParts(Opened, RestorePromises):
    opens = InParts


class Blind(MemoryStore):
    """Looks at keys only."""

    def faults(self):
        return (f for f in super().faults() if f.code.startswith("key"))


class TestBlind(Opened, CarePromises):
    opens = Blind


class Gossiping(MemoryStore):
    """Says whose key it is."""

    def faults(self):
        for fault in super().faults():
            record = self.get("user", fault.where.removeprefix("user "))
            yield attrs.evolve(fault, sentence=f"{record.keys} does not fit.")


class TestGossiping(Opened, CarePromises):
    opens = Gossiping


class TestFaultless(
    Opened, RecordPromises, VersionPromises, LabelPromises, EventPromises, LifetimePromises,
    ThreadPromises, ViewPromises, RestorePromises, CarePromises,
):
    opens = MemoryStore
'''


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The tests that failed, by the class that inherited them."""
    return failed_tests(tmp_path_factory.mktemp("faulty"), FAULTY)


@pytest.mark.parametrize(
    ("name", "tests"),
    [
        (
            "TestOverwriting",
            {
                "test_a_put_with_another_version_is_refused",
                "test_an_update_of_nothing_is_refused",
                "test_versions_are_compared_before_keys",
                "test_a_large_change_refused_at_its_end_leaves_nothing",
            },
        ),
        (
            "TestOverwritingThreads",
            {
                "test_of_threads_that_race_for_a_version_one_wins",
                "test_no_increment_of_racing_threads_is_lost",
            },
        ),
        (
            "TestPiecemeal",
            {
                "test_a_refused_change_leaves_nothing",
                "test_an_event_is_never_written_twice",
                "test_two_records_may_exchange_keys",
                "test_two_records_of_one_change_cannot_take_one_key",
                "test_a_key_freed_by_an_update_may_be_taken_in_the_same_change",
                "test_a_key_freed_by_a_remove_may_be_taken_in_the_same_change",
                "test_a_large_change_refused_at_its_end_leaves_nothing",
                "test_versions_are_compared_before_keys",
            },
        ),
        ("TestPiecemealThreads", {"test_a_change_of_two_records_is_never_seen_by_half"}),
        (
            "TestForgiving",
            {
                "test_an_event_is_never_written_twice",
                "test_a_large_change_refused_at_its_end_leaves_nothing",
            },
        ),
        ("TestRounding", {"test_a_number_keeps_its_value_and_its_kind"}),
        ("TestNormalising", {"test_any_text_is_kept_as_it_is"}),
        (
            "TestCollating",
            {
                "test_a_page_is_ordered_by_code_point_then_id",
                "test_pages_follow_each_other_without_gap_or_repeat",
                "test_many_labels_of_one_name_stay_in_order",
                "test_a_record_may_stand_at_two_places_of_a_label",
            },
        ),
        (
            "TestOffset",
            {
                "test_a_cursor_is_the_order_and_id_of_the_last_item",
                "test_a_cursor_stays_true_while_others_come_and_go",
                "test_a_prefix_search_is_a_range",
                "test_a_page_of_less_than_one_is_refused",
                "test_a_record_may_stand_at_two_places_of_a_label",
            },
        ),
        (
            "TestByTime",
            {
                "test_a_users_events_come_by_version_then_commit",
                "test_asking_for_events_in_no_way_or_two_is_refused",
            },
        ),
        (
            "TestTorn",
            {
                "test_a_commit_whose_answer_is_lost_is_whole_or_not_there",
                "test_a_commit_whose_answer_is_lost_may_be_repeated_once_it_was_looked_up",
                "test_settling_says_when_it_is_not_known",
            },
        ),
        ("TestLive", {"test_a_view_is_of_one_moment", "test_a_view_among_writers_is_whole"}),
        (
            "TestCounting",
            {
                "test_what_is_restored_is_as_it_was",
                "test_a_restored_store_goes_on",
                "test_restoring_again_changes_nothing",
                "test_a_restored_record_takes_the_place_of_the_one_with_its_id",
            },
        ),
        (
            "TestInParts",
            {
                "test_a_taken_key_refuses_all_that_is_restored",
                "test_keys_may_move_among_what_is_restored",
            },
        ),
        ("TestBlind", {"test_a_planted_disorder_is_found"}),
        ("TestGossiping", {"test_a_planted_disorder_is_found"}),
    ],
)
def test_a_fault_is_found_by_the_tests_that_are_meant_for_it(
    failed: dict[str, set[str]], name: str, tests: set[str]
) -> None:
    """
    Given a store with one fault,
    when it inherits the part of the contract that the fault breaks,
    then exactly the tests fail that are about it.
    """
    assert tests == failed[name]


def test_who_has_no_fault_passes(failed: dict[str, set[str]]) -> None:
    """
    Given a store without a fault,
    when it inherits all parts,
    then no test fails.
    """
    assert "TestFaultless" not in failed
