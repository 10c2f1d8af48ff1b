"""Forgetting refusals: they are kept for a time of their own, whoever they were about."""

from __future__ import annotations

from datetime import timedelta

import pytest

import admit
from admit.errors import AdmitError
from admit.stores import Change
from admit.testing import MemoryStore, SettableClock

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"
RETENTION = timedelta(days=90)
MOMENT = timedelta(milliseconds=1)


def be_refused(engine: admit.Engine, address: str = ADDRESS) -> None:
    with pytest.raises(AdmitError):
        engine.log_in("local-userpass", username=address, password="wrong wrong wrong")


def work(engine: admit.Engine) -> None:
    while engine.work_once():
        pass


def triggers(engine: admit.Engine) -> list[str]:
    """What happened, settings aside."""
    events = [*engine.events.page(limit=1000), *engine.events.unsealed(limit=1000)]
    return [event.trigger for event in events if not event.trigger.startswith("setting")]


@pytest.mark.parametrize("address", [ADDRESS, "nobody@example.com"], ids=["a user", "nobody"])
def test_a_refusal_is_forgotten_at_the_end_of_its_retention(
    engine: admit.Engine, clock: SettableClock, address: str
) -> None:
    """
    Given a refused log-in to a user, or to nobody, that is sealed,
    when its retention ends, to the instant,
    then the sweep forgets it and nothing else, and the trail verifies.
    """
    engine.create(ADDRESS, PASSWORD)
    be_refused(engine, address)
    work(engine)
    clock.advance(RETENTION - MOMENT)
    assert 0 == engine.sweep().refusals
    assert ["create", "log-in-refused"] == triggers(engine)

    clock.advance(MOMENT)
    assert 1 == engine.sweep().refusals

    assert ["create"] == triggers(engine)
    audit = engine.events.verify()
    assert ((), 1) == (audit.problems, audit.forgotten)


def test_what_strangers_asked_for_is_forgotten_too(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """A registration and a correction that came to nothing, and a reset for nobody."""
    engine.create(ADDRESS, PASSWORD)
    engine.public.reset(address="nobody@example.com")
    with pytest.raises(AdmitError):
        engine.register(ADDRESS, PASSWORD)
    with pytest.raises(AdmitError):
        engine.public.delete(address=ADDRESS, password="wrong wrong wrong")
    work(engine)
    clock.advance(RETENTION)

    assert 3 == engine.sweep().refusals
    assert ["create"] == triggers(engine)


def test_what_changed_a_user_is_kept(engine: admit.Engine, clock: SettableClock) -> None:
    """Wrong codes are counted with the user: they are links of the chain."""
    engine.register(ADDRESS, PASSWORD)
    with pytest.raises(AdmitError):
        engine.confirm(address=ADDRESS, code="AAAA-2222")
    work(engine)
    clock.advance(RETENTION)

    engine.sweep()

    assert ["register", "dispatched", "code-wrong"] == triggers(engine)
    assert () == engine.events.verify().problems


def test_what_is_not_sealed_waits(engine: admit.Engine, clock: SettableClock) -> None:
    """What nobody has sealed could not be told from what somebody removed."""
    be_refused(engine)
    clock.advance(RETENTION)
    assert 0 == engine.sweep().refusals

    work(engine)

    assert [] == triggers(engine)


def test_the_time_is_a_setting(engine: admit.Engine, clock: SettableClock) -> None:
    """Changed while the engine runs."""
    be_refused(engine)
    work(engine)
    engine.settings.set("refusal_retention", "1 day")
    clock.advance(timedelta(days=1))

    assert 1 == engine.sweep().refusals


def test_many_are_forgotten_in_portions_and_what_stays_is_not_walked_again(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given more refusals than a sweep takes, between other events,
    when it is swept again and again,
    then each takes its portion, until none is left and nothing is written any more.
    """
    for number in range(60):
        engine.create(f"user{number}@example.com")
        be_refused(engine, f"user{number}@example.com")
        be_refused(engine, f"nobody{number}@example.com")
    work(engine)
    clock.advance(RETENTION)

    portions = [engine.sweep(most=50).refusals for _ in range(4)]

    assert [50, 50, 20, 0] == portions
    written: list[Change] = []
    store.before_commit = written.append
    engine.sweep()
    assert [] == written
    audit = engine.events.verify()
    assert ((), 120) == (audit.problems, audit.forgotten)


def test_of_two_sweeps_the_slower_one_leaves_it(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """Two workers on one store: nothing is forgotten twice, nothing breaks."""
    be_refused(engine)
    work(engine)
    clock.advance(RETENTION)

    def sweep_first(change: Change) -> None:
        store.before_commit = None
        assert 1 == engine.sweep().refusals

    store.before_commit = sweep_first

    assert 0 == engine.sweep().refusals
    assert () == engine.events.verify().problems
