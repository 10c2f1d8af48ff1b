"""Following events: sealed, in order, at least once each."""

from __future__ import annotations

import pytest

import admit
from admit.errors import InvalidInput
from admit.stores import Change
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


@pytest.fixture
def sealed(engine: admit.Engine) -> list[str]:
    """The ids of ten events that have been sealed, and nothing else to follow."""
    engine.work_once()
    list(engine.events.follow("billing"))
    ada = engine.register("ada@example.com", PASSWORD)
    for _ in range(4):
        engine.disable(ada)
        engine.enable(ada)
    engine.work_once()
    return [event.id for event in engine.users.timeline(ada)]


def test_a_follower_gets_each_event_once_in_order(engine: admit.Engine, sealed: list[str]) -> None:
    """When all goes well."""
    events = list(engine.events.follow("billing"))

    assert sealed == [event.id for event in events]
    sequences = [event.sequence or 0 for event in events]
    assert list(range(sequences[0], sequences[0] + 10)) == sequences
    assert [] == list(engine.events.follow("billing"))


def test_what_is_not_sealed_is_not_followed_yet(engine: admit.Engine) -> None:
    """So that nobody misses a commit that comes late."""
    engine.work_once()
    list(engine.events.follow("billing"))
    engine.register("ada@example.com", PASSWORD)
    assert [] == list(engine.events.follow("billing"))

    engine.work_once()

    assert ["register", "dispatched"] == [e.trigger for e in engine.events.follow("billing")]


def test_an_event_whose_handling_was_cut_off_comes_again(
    engine: admit.Engine, sealed: list[str]
) -> None:
    """
    Given a follower that breaks while it handles the third event,
    when it begins again,
    then it begins with that third one: at least once.
    """

    def handle() -> None:
        for place, event in enumerate(engine.events.follow("billing")):
            if place == 2:
                raise ConnectionError(event.id)

    with pytest.raises(ConnectionError):
        handle()

    assert sealed[2:] == [event.id for event in engine.events.follow("billing")]


def test_followers_do_not_disturb_each_other(engine: admit.Engine, sealed: list[str]) -> None:
    """Each has a cursor of its own."""
    list(engine.events.follow("billing"))

    others = [event.id for event in engine.events.follow("newsletter", limit=1000)]

    assert sealed == others[-10:]


def test_the_cursor_is_in_the_store(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock, sealed: list[str]
) -> None:
    """Another process goes on where this one stopped."""
    following = engine.events.follow("billing")
    for _ in range(4):
        next(following)

    other = open_engine(store, clock=clock)

    assert sealed[3:] == [
        event.id for event in other.events.follow("billing") if event.id in sealed
    ]


def test_no_more_than_asked_for_are_given(engine: admit.Engine, sealed: list[str]) -> None:
    """The next call goes on."""
    first = [event.id for event in engine.events.follow("billing", limit=4)]
    second = [event.id for event in engine.events.follow("billing", limit=100)]

    assert (4, sealed) == (len(first), first + second)


def test_the_slower_of_two_processes_with_one_name_gives_way(
    engine: admit.Engine, sealed: list[str]
) -> None:
    """
    Given the same consumer running twice,
    when the other one has gone ahead,
    then this one ends, and between them nothing was left out.
    """
    mine = engine.events.follow("billing")
    seen = [next(mine).id]
    seen += [event.id for event in engine.events.follow("billing")]

    seen += [event.id for event in mine]

    assert set(sealed) == set(seen)
    assert [] == list(engine.events.follow("billing"))


def test_two_processes_that_begin_at_once_do_not_break(
    engine: admit.Engine, store: MemoryStore, sealed: list[str]
) -> None:
    """
    Given a consumer that has never followed anything,
    when it begins twice in one moment,
    then one of the two gives way.
    """
    mine = engine.events.follow("newsletter")
    next(mine)
    others = list(engine.events.follow("newsletter", limit=1000))

    assert [] == list(mine)
    assert sealed == [event.id for event in others][-10:]


@pytest.mark.parametrize("consumer", ["", "x" * 65, "line\nbreak"])
def test_a_consumer_has_a_short_name(engine: admit.Engine, consumer: str) -> None:
    """Else its cursor could not be found again."""
    with pytest.raises(InvalidInput, match="consumer"):
        list(engine.events.follow(consumer))


def test_sealed_events_can_be_paged(engine: admit.Engine, sealed: list[str]) -> None:
    """By their sequence, without a cursor in the store."""
    first = engine.events.page(after=0, limit=3)
    second = engine.events.page(after=first[-1].sequence or 0, limit=1000)

    assert [1, 2, 3, 4] == [event.sequence for event in (*first, *second)][:4]
    assert sealed == [event.id for event in second][-10:]


def test_two_sealers_give_each_event_one_place(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given two workers that seal at the same moment,
    when the slower one finds itself overtaken,
    then it leaves its batch alone, and the audit verifies.
    """
    other = open_engine(store, clock=clock)
    engine.work_once()
    engine.register("ada@example.com", PASSWORD)

    def overtake(change: Change) -> None:
        store.before_commit = None
        other.work_once()

    store.before_commit = overtake
    assert 0 == engine.work_once().sealed

    audit = engine.events.verify()
    assert ((), 0) == (audit.problems, audit.unsealed)
