"""What another does while a worker or a sweep is at it is seen, and decided again."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from races import meanwhile
from told_flow import ToldFlow

import admit
from admit import Outcome, User, hookimpl
from admit.stores import Change, Remove
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
NEW = "another password altogether"


@pytest.fixture
def ada(engine: admit.Engine) -> User:
    """A pending user with a good link in her mailbox."""
    return engine.register("ada@example.com", PASSWORD)


@pytest.fixture
def workshop(store: MemoryStore, clock: SettableClock, told: ToldFlow) -> admit.Engine:
    """An engine whose flows are told what to do."""
    return open_engine(
        store,
        clock=clock,
        plugins=[told],
        settings={"confirmation_flow": "told", "reset_flow": "told"},
    )


# --- workers -----------------------------------------------------------------------------------


def test_a_run_that_another_worker_leased_in_this_moment_is_left_to_it(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given a queued run,
    when another worker takes it up just before this one's lease is written,
    then one message is sent.
    """
    other = open_engine(store, clock=clock, inbox=inbox)
    engine.public.register("ada@example.com", PASSWORD)
    meanwhile(store, other.work_once)

    engine.work_once()

    assert 1 == len(inbox.messages)


def test_a_queued_run_of_a_user_deleted_in_this_moment_is_not_sent(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given a queued run,
    when its user is deleted just before a worker's lease is written,
    then nothing is sent.
    """
    engine.public.register("ada@example.com", PASSWORD)
    meanwhile(store, lambda: engine.delete(address="ada@example.com"))

    engine.work_once()

    assert [] == inbox.messages


def test_a_queued_user_deleted_while_the_flow_ran_stays_deleted(
    workshop: admit.Engine, told: ToldFlow
) -> None:
    """
    Given a flow that a worker has entered,
    when the user is deleted before it answers `success`,
    then the user stays deleted.
    """

    def delete(entry: admit.Entry) -> Outcome:
        workshop.delete(entry.user_id)
        return Outcome.success(proved=True)

    told.act = delete
    workshop.public.register("ada@example.com", PASSWORD)

    workshop.work_once()

    assert 0 == workshop.users.count()


def test_a_queued_registration_that_the_flow_refuses_leaves_nobody(
    store: MemoryStore, clock: SettableClock, told: ToldFlow
) -> None:
    """
    Given a stranger's registration in the queue,
    when the flow answers `fail` to the worker,
    then no account is left, and *after* hooks hear of it.
    """

    class Watching:
        def __init__(self) -> None:
            self.gone: list[str] = []

        @hookimpl
        def after_delete(self, user: User) -> None:
            self.gone.append(user.id)

    watching = Watching()
    told.act = lambda entry: Outcome.fail("Not here.")
    with open_engine(
        store, clock=clock, plugins=[told, watching], settings={"confirmation_flow": "told"}
    ) as engine:
        engine.public.register("ada@example.com", PASSWORD)
        [user] = engine.users.pending().items

        engine.work_once()

        assert ([user.id], 0) == (watching.gone, engine.users.count())


def test_a_queued_registration_that_lost_its_address_is_rejected(
    workshop: admit.Engine, told: ToldFlow
) -> None:
    """
    Given two strangers in the queue for one address, under `first-proof`,
    when the flow says `success` to both,
    then one is confirmed – a worker takes up several side by side –, and the other rejected.
    """
    workshop.settings.set("address_policy", "first-proof")
    workshop.settings.set("cool_down", 0)
    told.act = lambda entry: Outcome.success(proved=True)
    workshop.public.register("ada@example.com", PASSWORD)
    workshop.public.register("ada@example.com", NEW)
    waiting = workshop.users.pending().items
    assert 2 == len(waiting)

    workshop.work_once()

    [won] = workshop.users.page().items
    assert "confirmed" == won.state
    [lost] = [user for user in waiting if user.id != won.id]
    assert "reject" == workshop.users.timeline(lost)[-1].trigger


def test_a_rival_who_left_in_this_moment_need_not_be_rejected(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given one who proved an address that another waits for,
    when the other is deleted just before the worker rejects her,
    then the deletion stands.
    """
    engine.settings.set("address_policy", "first-proof")
    engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link().credentials
    rival = engine.register("ada@example.com", NEW)
    engine.confirm(**link)
    meanwhile(store, lambda: engine.delete(rival))

    engine.work_once()

    assert "delete" == engine.users.timeline(rival)[-1].trigger
    assert 1 == engine.users.count()


def test_a_chore_of_a_user_who_changed_meanwhile_is_done_again(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given a chore that is done,
    when its user changes just before that is noted,
    then it is done once more, and then no more.
    """
    engine.settings.set("address_policy", "first-proof")
    ada = engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link().credentials
    engine.register("ada@example.com", NEW)
    engine.confirm(**link)
    meanwhile(
        store,
        lambda: engine.disable(ada),
        before=lambda change: any(put.id == ada.id for put in change.put),
    )

    engine.work_once()
    chores = [user.chore_at is not None for user in [engine.users.get(ada.id)]]
    engine.work_once()

    assert [True] == chores
    assert engine.users.get(ada.id).chore_at is None
    assert engine.users.get(ada.id).disabled


def test_a_tombstone_that_is_gone_already_does_not_stop_the_worker(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """
    Given a deleted user,
    when another process has removed the tombstone while its traces were being erased,
    then the worker goes on.
    """
    engine.delete(ada)
    meanwhile(store, lambda: store.commit(Change(remove=(Remove("user", ada.id),))))

    engine.work_once()

    assert store.get("user", ada.id) is None


def test_a_worker_ends_when_its_store_is_closed_under_it(
    workshop: admit.Engine, store: MemoryStore, told: ToldFlow
) -> None:
    """
    Given a worker inside a flow,
    when the store is closed,
    then the worker returns, rather than try for ever.
    """

    def close(entry: admit.Entry) -> Outcome:
        store.close()
        return Outcome.pending()

    told.act = close
    workshop.public.register("ada@example.com", PASSWORD)

    workshop.work()

    assert 1 == len(told.entries)


def test_t3_what_a_store_says_when_it_breaks_is_not_logged(
    engine: admit.Engine, store: MemoryStore, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Given a store that breaks with words of its own,
    when a worker meets it,
    then the kind of the failure is logged, not the words; the next pass goes on.
    """
    store.fail_next_commit(OSError("token=0123456789abcdef"))

    with caplog.at_level(logging.DEBUG):
        engine.work_once()

    assert "OSError" in caplog.text
    assert "0123456789abcdef" not in caplog.text
    assert engine.work_once().sealed > 0


# --- sweeping ----------------------------------------------------------------------------------


def test_who_is_confirmed_in_this_moment_does_not_expire(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock, ada: User
) -> None:
    """
    Given two whose deadline has passed,
    when one is confirmed just before she would expire,
    then she stays, and the other expires.
    """
    engine.register("grace@example.com", PASSWORD)
    engine.settings.set("expire_pending_after", timedelta(days=1))
    clock.advance(timedelta(days=2))
    meanwhile(store, lambda: engine.confirm_manually(ada))

    assert 1 == engine.sweep().expired
    assert [ada.id] == [user.id for user in engine.users.page().items]


def test_two_sweeps_at_once_forget_a_tombstone_once(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock, ada: User
) -> None:
    """
    Given a tombstone past the audit's retention,
    when another process forgets it just before this one does,
    then this one leaves the rest to it.
    """
    engine.delete(ada)
    engine.work_once()
    clock.advance(timedelta(days=5000))
    swept: list[int] = []
    meanwhile(
        store,
        lambda: swept.append(engine.sweep().tombstones),
        before=lambda change: bool(change.forget),
    )

    assert 0 == engine.sweep().tombstones
    assert [1] == swept
    assert store.get("user", ada.id) is None
