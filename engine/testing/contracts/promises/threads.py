"""What a store promises to threads that use it at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ....stores import (
    Change,
    KeyTaken,
    Label,
    Page,
    Record,
    Ref,
    Remove,
    Store,
    VersionMoved,
)
from .fixtures import StoreFixtures
from .pieces import THREADS, event, id_of, race, user, walk


class ThreadPromises(StoreFixtures):
    """Races of threads."""

    def test_of_threads_that_race_for_a_key_one_wins(self, store: Store) -> None:
        """Given eight threads, when each takes the same key for its own record, ten times, then
        each time one has it and seven are told that it is taken."""

        def take(thread: int, turn: int) -> None:
            store.commit(Change(put=(user(100 * turn + thread, keys=[f"k:{turn}"]),)))

        outcomes = race(take, turns=10)

        expected = sorted(map(str, [None] + [KeyTaken] * (THREADS - 1)))
        assert [expected] * 10 == [sorted(map(str, outcome)) for outcome in outcomes]
        assert None not in [store.find(f"k:{turn}") for turn in range(10)]

    def test_of_threads_that_race_for_a_version_one_wins(self, store: Store) -> None:
        """Given eight threads, when each updates the same version of one record, ten times, then
        each time one does and seven are told that it moved."""
        store.commit(Change(put=(user(1, {}),)))

        def update(thread: int, turn: int) -> None:
            store.commit(Change(put=(user(1, {"by": thread}, expects=turn + 1),)))

        outcomes = race(update, turns=10)

        expected = sorted(map(str, [None] + [VersionMoved] * (THREADS - 1)))
        assert [expected] * 10 == [sorted(map(str, outcome)) for outcome in outcomes]
        last = store.get("user", id_of(1))
        assert last is not None
        assert last.version == 11

    def test_no_increment_of_racing_threads_is_lost(self, store: Store) -> None:
        """Given eight threads, when each increments one record 20 times, retrying when its version
        moved, then the sum is 160."""
        store.commit(Change(put=(user(1, {"n": 0}),)))

        def increment(thread: int, turn: int) -> None:
            for _ in range(20):
                while True:
                    record = store.get("user", id_of(1))
                    assert record is not None
                    new = user(1, {"n": record.body["n"] + 1}, expects=record.version)
                    try:
                        store.commit(Change(put=(new,)), settle=False)
                        break
                    except VersionMoved:
                        continue

        assert race(increment, turns=1) == [[None] * THREADS]

        record = store.get("user", id_of(1))
        assert record is not None
        assert record.body["n"] == 20 * THREADS

    def test_a_change_of_two_records_is_never_seen_by_half(self, store: Store) -> None:
        """Given a writer that puts two records in each change, when others read both at once, then
        they always agree."""
        refs = [Ref("user", id_of(1)), Ref("user", id_of(2))]
        store.commit(Change(put=(user(1, {"n": 0}), user(2, {"n": 0}))))
        halves: list[object] = []
        written = threading.Event()

        def act(thread: int, turn: int) -> None:
            if thread == 0:
                with set_at_the_end(written):
                    for n in range(1, 60):
                        both = (user(1, {"n": n}, expects=n), user(2, {"n": n}, expects=n))
                        store.commit(Change(put=both), settle=False)
            while thread and not written.is_set():
                one, two = store.get_many(refs)
                if one is None or two is None or one.body != two.body:
                    halves.append((one, two))

        assert race(act, turns=1) == [[None] * THREADS]
        assert halves == []

    def test_a_walk_among_writers_sees_each_that_stays_exactly_once(self, store: Store) -> None:
        """Given 40 records that stay and threads that put and remove others between them, when
        the label is walked, then each of the 40 is seen exactly once."""
        stay = [user(n, labels=[("l", f"{n:05}")]) for n in range(0, 4000, 100)]
        store.commit(Change(put=tuple(stay)))
        walks: list[list[int]] = []

        def act(thread: int, turn: int) -> None:
            for n in range(20):
                if thread < 2:
                    walks.append(sum(walk(store, limit=7), []))
                    continue
                number = 100 * n + thread
                store.commit(
                    Change(put=(user(number, labels=[("l", f"{number:05}")]),)), settle=False
                )
                store.commit(Change(remove=(Remove("user", id_of(number)),)), settle=False)

        assert race(act, turns=1) == [[None] * THREADS]

        expected = list(range(0, 4000, 100))
        assert [expected] * 40 == [[n for n in walk if n % 100 == 0] for walk in walks]

    def test_a_record_and_its_label_are_never_seen_apart(self, store: Store) -> None:
        """Given a writer that moves a record from one label to the other, when others page both,
        then what a page shows carries the label it is found by."""
        apart: list[Record] = []
        store.commit(Change(put=(user(1, labels=[("pending", "1")]),)))
        written = threading.Event()

        def act(thread: int, turn: int) -> None:
            if thread == 0:
                with set_at_the_end(written):
                    for n in range(1, 60):
                        label = ("pending", "confirmed")[n % 2]
                        moved = user(1, {"in": label}, expects=n, labels=[(label, "1")])
                        store.commit(Change(put=(moved,)), settle=False)
            while thread and not written.is_set():
                label = ("pending", "confirmed")[thread % 2]
                for record in store.page("user", label).items:
                    if record.labels != (Label(label, "1"),):
                        apart.append(record)

        assert race(act, turns=1) == [[None] * THREADS]
        assert apart == []

    def test_a_follower_of_sealed_events_misses_none(self, store: Store) -> None:
        """Given six threads that commit events, one that seals whatever waits, and one that follows
        by sequence, when all are done, then the follower saw each event once, in sequence."""
        writers, each = THREADS - 2, 20
        seen: list[int | None] = []
        left = threading.Semaphore(0)
        sealed = threading.Event()

        def act(thread: int, turn: int) -> None:
            if thread < writers:
                try:
                    for n in range(each):
                        happened = event(1 + 1000 * thread + n, user=thread, version=n + 1)
                        store.commit(Change(events=(happened,)), settle=False)
                finally:
                    left.release()
            elif thread == writers:
                with set_at_the_end(sealed):
                    seal()
            else:
                follow()

        def seal() -> None:
            last, waited_for = 0, 0
            while True:
                # Asked before reading: a store that loses an event must not keep this waiting.
                while left.acquire(blocking=False):
                    waited_for += 1
                waiting = store.events(unsealed=True, limit=7).items
                if not waiting and waited_for == writers:
                    return
                sequence = {item.id: last + 1 + n for n, item in enumerate(waiting)}
                store.commit(Change(sequence=sequence), settle=False)
                last += len(waiting)

        def follow() -> None:
            last = 0
            while True:
                over = sealed.is_set()
                followed = store.events(sequence_after=last, limit=5).items
                if not followed and over:
                    return
                seen.extend([item.sequence for item in followed])
                last = followed[-1].sequence or 0 if followed else last

        assert race(act, turns=1) == [[None] * THREADS]

        assert list(range(1, writers * each + 1)) == seen
        assert Page(()) == store.events(unsealed=True)
        for thread in range(writers):
            versions = [item.version for item in store.events(user=id_of(thread)).items]
            assert list(range(1, each + 1)) == versions


@contextmanager
def set_at_the_end(event: threading.Event) -> Iterator[None]:
    """Set *event* when this ends, by an error too: others wait for it."""
    try:
        yield
    finally:
        event.set()
