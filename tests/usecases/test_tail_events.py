"""The end of the trail: what happened last, and what happens now."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

import admit
from admit.errors import InvalidInput

SOON = timedelta(milliseconds=10)


def test_the_last_events_are_told_sealed_or_not(engine: admit.Engine) -> None:
    """
    Given five events, three of them sealed,
    when the last four are asked for,
    then they come in the order of their commits.
    """
    for name in ("ada", "grace", "joan"):
        engine.create(f"{name}@example.com")
    engine.work_once()
    engine.disable(address="ada@example.com")
    engine.enable(address="ada@example.com")

    last = engine.events.tail(limit=4)

    assert ["create", "create", "disable", "enable"] == [event.trigger for event in last]
    assert [True, True, False, False] == [event.sequence is not None for event in last]
    assert () == engine.events.tail(limit=0)


def test_more_than_a_page_is_no_end(engine: admit.Engine) -> None:
    """Neither of sealed events nor of unsealed ones."""
    for number in range(450):
        engine.create(f"user{number}@example.com")
    assert 450 == created(engine.events.tail(limit=1000))

    for _ in range(4):
        engine.work_once()

    assert 450 == created(engine.events.tail(limit=1000))
    assert 10 == len(engine.events.tail(limit=10))


def created(events: tuple[admit.Event, ...]) -> int:
    return sum(event.trigger == "create" for event in events)


def test_what_happens_now_is_told_once_each(engine: admit.Engine) -> None:
    """
    Given somebody who looks at the trail,
    when events are added, and sealed behind her back,
    then each is told once, in order.
    """
    engine.create("ada@example.com")
    stop = threading.Event()
    live = engine.events.live(stop, last=1, every=SOON)
    seen = [next(live)]

    engine.disable(address="ada@example.com")
    seen.append(next(live))
    engine.work_once()
    engine.enable(address="ada@example.com")
    engine.work_once()
    seen.append(next(live))
    engine.disable(address="ada@example.com")
    seen.append(next(live))
    stop.set()

    assert ["create", "disable", "enable", "disable"] == [event.trigger for event in seen]
    assert [] == list(live)


def test_what_was_there_before_is_not_told_as_new(engine: admit.Engine) -> None:
    """Asked for none of the last ones, only new ones are told."""
    engine.create("ada@example.com")
    engine.work_once()
    engine.create("grace@example.com")
    stop = threading.Event()
    live = engine.events.live(stop, every=SOON)
    stop.set()

    assert [] == list(live)


def test_bounds_are_checked_before_anything_is_read(engine: admit.Engine) -> None:
    """Each is named."""
    with pytest.raises(InvalidInput, match="limit"):
        engine.events.tail(limit=1001)
    with pytest.raises(InvalidInput, match="last"):
        engine.events.live(threading.Event(), last=-1)
    with pytest.raises(InvalidInput, match="every"):
        engine.events.live(threading.Event(), every=timedelta(0))
