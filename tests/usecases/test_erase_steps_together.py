"""Erase steps among several processes, and steps of every form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from shop_steps import PASSWORD, Shop, deleted, steps_of

import admit
from admit import Actor, Client, Left, care, hookimpl
from admit.errors import PluginFailed, StoreError, TryLater
from admit.stores import Change, Put
from admit.testing import KEY, MemoryStore, SettableClock
from admit.testing import open as open_engine


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def engine(shop: Shop, store: MemoryStore, clock: SettableClock) -> admit.Engine:
    return open_engine(store, clock=clock, plugins=[shop])


def test_a_step_that_this_process_lacks_is_left_to_one_that_has_it(
    engine: admit.Engine, shop: Shop, store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a worker without the plugin,
    when it comes by, it erases our own and leaves the steps alone, without turning in circles;
    when one with the plugin comes by, they are done.
    """
    ada = deleted(engine)
    without = open_engine(store, clock=clock)

    without.work_once()
    assert not without.work_once().runs
    assert {"orders": (None, 0), "ledger": (None, 0)} == steps_of(engine, ada)
    assert store.get("custom-data", ada.id) is None

    engine.work_once()
    assert {"orders": ("done", 1), "ledger": ("done", 1)} == steps_of(engine, ada)


def test_a_step_that_nobody_has_any_more_is_given_up_in_time(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """A plugin that was taken out of use must not keep a person in the store for ever."""
    ada = deleted(engine)
    without = open_engine(store, clock=clock)
    without.work_once()

    clock.advance(timedelta(days=30))
    without.work_once()

    assert ("orders", "ledger") == without.users.erasure(ada).gave_up
    errors = {step.error for step in without.users.erasure(ada).steps}
    assert {"not-loaded: No process that has this step came by."} == errors


def note(_: object) -> None:
    """Take what is of no interest."""


def meanwhile(
    store: MemoryStore, wanted: Callable[[Change], bool], act: Callable[[], None]
) -> None:
    """Have *act* done once, before the next commit that is *wanted*."""
    commit = store.commit

    def first_act(change: Change, *, settle: bool = True) -> None:
        if wanted(change):
            store.commit = commit  # type: ignore[method-assign]  # what others do in between
            act()
        commit(change, settle=settle)

    store.commit = first_act  # type: ignore[method-assign]


def test_two_workers_do_not_call_a_step_twice(
    engine: admit.Engine, shop: Shop, store: MemoryStore
) -> None:
    """
    Given a worker that is about to take a step,
    when another one does all of them in that moment,
    then the first finds nothing left to do.
    """
    ada = deleted(engine)
    meanwhile(
        store,
        lambda change: any(put.kind == "erasure" for put in change.put),
        lambda: note(engine.work_once()),
    )

    engine.work_once()

    assert ["orders", "ledger"] == shop.called
    assert {"orders": ("done", 1), "ledger": ("done", 1)} == steps_of(engine, ada)


def test_a_step_under_way_is_nobody_elses(store: MemoryStore, clock: SettableClock) -> None:
    """
    Given a step that is being called,
    when another worker comes by meanwhile, it is left alone;
    when it never comes back, it is called again once the lease has run out.
    """
    seen: list[int] = []

    class Slow:
        @hookimpl
        def register_erase_steps(self) -> Mapping[str, Any]:
            return {"slow": self}

        def erase(self, left: Left, services: admit.Services) -> None:
            seen.append(left.attempt)
            if left.attempt == 1:
                assert not opened.work_once().runs
                raise SystemExit  # as far as the store can tell, the process is gone

    opened = open_engine(store, clock=clock, plugins=[Slow()])
    opened.delete(opened.create("ada@example.com", PASSWORD))
    fail_once(store, lambda change: any(e.body["trigger"] == "erase-step" for e in change.events))
    opened.work_once()
    opened.work_once()
    assert [1] == seen

    clock.advance(timedelta(seconds=61))
    opened.work_once()

    assert [1, 2] == seen


def fail_once(store: MemoryStore, wanted: Callable[[Change], bool]) -> None:
    """Have the next commit that is *wanted* fail."""

    def fail() -> None:
        raise StoreError("It is away.", "Try again.")

    meanwhile(store, wanted, fail)


def test_an_answer_that_comes_too_late_changes_nothing(
    store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a try that takes longer than its lease, so that another one was begun and succeeded,
    when the first comes back with an error,
    then the step stays done.
    """

    class Late:
        inline = True
        tries = 0

        @hookimpl
        def register_erase_steps(self) -> Mapping[str, Any]:
            return {"late": self.erase_it}

        def erase_it(self, user: admit.User) -> None:
            self.tries += 1
            if self.tries == 1:
                clock.advance(timedelta(minutes=2))
                opened.work_once()
                raise TryLater("the other side is slow")

    late = Late()
    opened = open_engine(store, clock=clock, plugins=[late])
    ada = opened.create("ada@example.com", PASSWORD)
    opened.delete(ada)

    opened.work_once()

    assert 2 == late.tries
    assert {"late": ("done", 2)} == steps_of(opened, ada)


def test_a_step_may_be_async(clock: SettableClock) -> None:
    """It is run to its end."""
    erased = []

    class Remote:
        @hookimpl
        def register_erase_steps(self) -> Mapping[str, Any]:
            return {"remote": self}

        async def erase(self, left: Left, services: admit.Services) -> None:
            erased.append(left.user.id)

    with open_engine(plugins=[Remote()], clock=clock) as engine:
        ada = deleted(engine)
        engine.work_once()

    assert [ada.id] == erased


def test_what_cannot_be_called_is_no_step() -> None:
    """Said when the engine opens, by plugin and name."""

    class Broken:
        @hookimpl
        def register_erase_steps(self) -> Mapping[str, Any]:
            return {"orders": "a text"}

    with pytest.raises(PluginFailed, match="'orders' can neither be called"):
        open_engine(plugins=[Broken()])


def test_a5_a_refusal_after_the_deletion_tells_no_client(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """
    Given a deleted user whose traces are erased,
    when her old token is refused, from her network address,
    then that is recorded without the address.
    """
    ada = engine.create("ada@example.com", PASSWORD)
    engine.change_password(ada, current=PASSWORD, new="another battery staple")
    login = engine.log_in(
        "local-userpass", username="ada@example.com", password="another battery staple"
    )
    engine.delete(ada)
    engine.work_once()

    hers = engine.acting(Actor("user"), client=Client(address="192.0.2.7"))
    with pytest.raises(admit.errors.SessionInvalid):
        hers.refresh(login.refresh_token)

    last = engine.users.timeline(ada)[-1]
    assert ("refused", None) == (last.trigger, last.detail)


def test_an_erasure_of_an_earlier_form_is_finished(
    engine: admit.Engine, shop: Shop, store: MemoryStore
) -> None:
    """
    Given an erasure as it was stored before steps were kept one by one: the user alone,
    when the worker comes by,
    then all steps are called with her, and the store holds nothing of her afterwards.
    """
    ada = deleted(engine)
    record = store.get("erasure", ada.id)
    assert record is not None
    store.commit(Change(put=(Put("erasure", ada.id, record.body["user"], record.version),)))
    assert [] == list(care.check(store, care.keys_of(store, KEY)))

    engine.work_once()

    assert [ada.addresses] == [left.user.addresses for left in shop.left]
    assert {"orders": ("done", 1), "ledger": ("done", 1)} == steps_of(engine, ada)
    assert store.get("erasure", ada.id) is None
