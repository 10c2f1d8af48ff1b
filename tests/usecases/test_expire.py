"""Expiry and sweeping: what is past its time goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import pytest

import admit
from admit import User, hookimpl
from admit.errors import InvalidSetting, UserNotFound
from admit.stores import Change
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
WEEK = timedelta(days=7)


def test_nobody_expires_unless_it_is_asked_for(engine: admit.Engine, clock: SettableClock) -> None:
    """Without a policy a pending user waits for ever."""
    engine.register("ada@example.com", PASSWORD)
    clock.advance(timedelta(days=10_000))

    assert 0 == engine.sweep().expired
    assert 1 == engine.users.count("pending")


def test_a_pending_user_expires_at_the_instant_of_its_deadline(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """
    Given a policy of one week,
    when a sweep comes a millisecond early, the user stays;
    when it comes at the week's end, she is gone, and her address is free.
    """
    engine.settings.set("expire_pending_after", WEEK)
    ada = engine.register("ada@example.com", PASSWORD)
    clock.advance(WEEK - timedelta(milliseconds=1))
    assert 0 == engine.sweep().expired

    clock.advance(timedelta(milliseconds=1))
    assert 1 == engine.sweep().expired

    with pytest.raises(UserNotFound):
        engine.users.get(ada.id)
    assert "pending" == engine.register("ada@example.com", PASSWORD).state


def test_the_system_is_the_actor_of_an_expiry(engine: admit.Engine, clock: SettableClock) -> None:
    """Nobody asked."""
    engine.settings.set("expire_pending_after", WEEK)
    ada = engine.register("ada@example.com", PASSWORD)
    clock.advance(WEEK)
    engine.acting(admit.Actor("admin", "support")).sweep()

    event = engine.users.timeline(ada)[-1]

    assert ("expire", "pending", "deleted") == (event.trigger, event.from_state, event.to_state)
    assert admit.Actor("system") == event.actor


def test_confirmed_users_never_expire(engine: admit.Engine, clock: SettableClock) -> None:
    """The policy is about those who were never confirmed."""
    engine.settings.set("expire_pending_after", WEEK)
    engine.create("ada@example.com", PASSWORD)
    clock.advance(10 * WEEK)

    assert 0 == engine.sweep().expired


def test_a_sweep_takes_the_oldest_first_and_no_more_than_asked(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """Many can be swept in portions."""
    engine.settings.set("expire_pending_after", WEEK)
    users = []
    for number in range(5):
        users.append(engine.register(f"user{number}@example.com", PASSWORD))
        clock.advance(timedelta(minutes=1))
    clock.advance(WEEK)

    assert 2 == engine.sweep(most=2).expired

    assert users[2:] == list(engine.users.pending().items)
    assert 3 == engine.sweep().expired


def test_a_deadline_shorter_than_an_hour_is_refused(engine: admit.Engine) -> None:
    """So that no slip of a finger deletes everybody who waits."""
    with pytest.raises(InvalidSetting, match="at least 1 hour"):
        engine.settings.set("expire_pending_after", timedelta(minutes=59))


def test_after_delete_is_told_of_expiry() -> None:
    """An application cleans up behind it as behind a deletion."""

    class Cleaning:
        def __init__(self) -> None:
            self.deleted: list[User] = []

        @hookimpl
        def after_delete(self, user: User) -> None:
            self.deleted.append(user)

    cleaning, clock = Cleaning(), SettableClock()
    with open_engine(plugins=[cleaning], clock=clock) as engine:
        engine.settings.set("expire_pending_after", WEEK)
        ada = engine.register("ada@example.com", PASSWORD)
        clock.advance(WEEK)
        engine.sweep()

    assert [ada] == cleaning.deleted


def test_ended_sessions_are_swept(engine: admit.Engine, inbox: Inbox, clock: SettableClock) -> None:
    """A session goes once its refresh token has expired."""
    engine.register("ada@example.com", PASSWORD)
    ada = engine.confirm(**inbox.last_link().credentials)
    engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    clock.advance(timedelta(days=60))

    assert 1 == engine.sweep().sessions

    assert () == engine.sessions.of(ada)


def test_counters_of_strangers_are_swept(engine: admit.Engine, clock: SettableClock) -> None:
    """What was counted, and what stands in for nobody's account, leaves nothing behind."""
    engine.public.reset(address="nobody@example.com")
    clock.advance(timedelta(minutes=1))
    assert 1 == engine.sweep().throttles
    clock.advance(timedelta(hours=1))
    assert 1 == engine.sweep().throttles

    assert not engine.sweep()


def test_tombstones_are_kept_as_long_as_the_audit_wants_them(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """
    Given a deleted user,
    when its retention ends,
    then the tombstone and its events are forgotten, and the audit still verifies.
    """
    ada = engine.create("ada@example.com", PASSWORD)
    engine.delete(ada)
    engine.work_once()
    clock.advance(timedelta(days=400) - timedelta(milliseconds=1))
    assert 0 == engine.sweep().tombstones

    clock.advance(timedelta(milliseconds=1))
    assert 1 == engine.sweep().tombstones

    assert () == engine.users.timeline(ada)
    assert 0 == engine.users.count("deleted")
    audit = engine.events.verify()
    assert ((), 2) == (audit.problems, audit.forgotten)


def test_a_long_history_is_forgotten_in_full(engine: admit.Engine, clock: SettableClock) -> None:
    """More events than one commit forgets."""
    ada = engine.create("ada@example.com", PASSWORD)
    for _ in range(130):
        engine.disable(ada)
        engine.enable(ada)
    engine.delete(ada)
    while engine.work_once():
        pass
    clock.advance(timedelta(days=400))

    assert 1 == engine.sweep().tombstones

    assert () == engine.users.timeline(ada)
    assert () == engine.events.verify().problems


def test_a_sweep_lets_whoever_is_faster_go_first(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a counter that is past its time,
    when it is counted up again in the very moment in which it is being swept,
    then the sweep leaves it alone, and nothing breaks.
    """
    engine.public.reset(address="nobody@example.com")
    clock.advance(timedelta(minutes=1))

    def count_again(change: Change) -> None:
        store.before_commit = None
        engine.public.reset(address="nobody@example.com")

    store.before_commit = count_again

    assert 0 == engine.sweep().throttles
    assert 1 == store.count("throttle", "until")


class Away:
    """A plugin whose erase step works for Ada only."""

    @hookimpl
    def register_erase_steps(self) -> Mapping[str, Callable[[User], None]]:
        return {"away": self.erase}

    def erase(self, user: User) -> None:
        if user.address is not None and not user.address.typed.startswith("ada"):
            raise ConnectionError


def test_tombstones_that_wait_for_an_erase_step_hold_up_nobody_behind(
    store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given more tombstones than a page whose erase steps have to be repeated, and one behind them
    that is done,
    when their retention ends,
    then the sweep forgets that one, and the others stay.
    """
    with open_engine(store, plugins=[Away()], clock=clock) as engine:
        for number in range(130):
            engine.delete(engine.create(f"user{number}@example.com"))
        clock.advance(timedelta(seconds=1))
        ada = engine.create("ada@example.com", PASSWORD)
        engine.delete(ada)
        engine.work_once()
        clock.advance(timedelta(days=400))

        assert 1 == engine.sweep().tombstones

        assert () == engine.users.timeline(ada)
        assert 130 == engine.users.count("deleted")
