"""The erase steps of plugins: a saga that survives what happens to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from shop_steps import PASSWORD, Shop, deleted, steps_of

import admit
from admit import Actor, Client, Left, hookimpl
from admit.errors import UserNotFound
from admit.providers import Credentials
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def engine(shop: Shop, store: MemoryStore, clock: SettableClock) -> admit.Engine:
    return open_engine(store, clock=clock, plugins=[shop])


def test_a_step_is_told_what_was_kept_of_the_user(engine: admit.Engine, shop: Shop) -> None:
    """The user as she was, and the custom data by which the other side knows her; no password."""
    ada = deleted(engine)
    engine.work_once()

    (left,) = shop.left
    assert (ada.id, ada.addresses, 1) == (left.user.id, left.user.addresses, left.attempt)
    assert {"customer": "c-42"} == left.custom_data
    assert [{}] == [identity.private for identity in left.user.identities]


def test_what_is_private_is_kept_for_the_step_that_asks_for_it(clock: SettableClock) -> None:
    """
    Given a step that needs a provider's token to revoke it, and a step that does not,
    when a user of that provider and a password is deleted,
    then the first sees the token, the second none, and neither a password's hash.
    """

    class Badges:
        name = "badge"
        private_of = ("badge",)
        inline = True

        def __init__(self) -> None:
            self.seen: dict[str, list[Mapping[str, str]]] = {}

        @hookimpl
        def register_providers(self) -> list[Any]:
            return [self]

        @hookimpl
        def register_erase_steps(self) -> Mapping[str, Any]:
            return {"revoke": self, "shop": lambda user: self.see("shop", user)}

        def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
            return admit.Claim(login_key="7", proved=True, creates_users=True)

        def check(self, *_: object) -> admit.Check:
            return admit.Check(accepted=True, private={"refresh_token": "t-1"})

        def erase(self, left: Left, services: admit.Services) -> None:
            self.see("revoke", left.user)

        def see(self, step: str, user: admit.User) -> None:
            self.seen[step] = [identity.private for identity in user.identities]

    class Unproved(Badges):
        def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
            return admit.Claim(login_key="7", proved="first" in credentials, creates_users=True)

    badges = Unproved()
    with open_engine(plugins=[badges], clock=clock) as engine:
        user = engine.log_in("badge", first=True).user
        engine.log_in("badge")  # now its private data is kept
        engine.delete(user)
        engine.work_once()

    assert {"revoke": [{"refresh_token": "t-1"}], "shop": [{}]} == badges.seen


def test_our_own_data_is_erased_though_every_step_fails(
    engine: admit.Engine, shop: Shop, store: MemoryStore
) -> None:
    """
    Given steps that all fail,
    when the worker has come by once,
    then sessions, details and custom data are gone all the same.
    """
    shop.broken = {"orders", "ledger"}
    hers = engine.acting(Actor("user"), client=Client(address="192.0.2.7"))
    ada = engine.create("ada@example.com", PASSWORD)
    engine.custom_data.set(ada, {"customer": "c-42"})
    hers.change_password(ada, current=PASSWORD, new="another battery staple")
    hers.log_in("local-userpass", username="ada@example.com", password="another battery staple")
    engine.delete(ada)

    engine.work_once()

    assert 0 == store.count("session", f"sessions-of/{ada.id}")
    assert store.get("custom-data", ada.id) is None
    assert {None} == {event.detail and repr(event.detail) for event in engine.users.timeline(ada)}


def test_a_step_that_fails_holds_up_no_other(engine: admit.Engine, shop: Shop) -> None:
    """The second is called although the first failed, and once only."""
    shop.broken = {"orders"}
    ada = deleted(engine)
    engine.work_once()

    assert {"orders": (None, 1), "ledger": ("done", 1)} == steps_of(engine, ada)


def test_tries_grow_apart(engine: admit.Engine, shop: Shop, clock: SettableClock) -> None:
    """
    Given a step that fails,
    when the worker comes by each minute for three hours,
    then it is tried at once, and after 1, 6, 36 and 156 minutes: not at a fixed pace.
    """
    shop.broken = {"orders"}
    deleted(engine)
    tried = []
    for minute in range(180):
        before = shop.called.count("orders")
        engine.work_once()
        if shop.called.count("orders") > before:
            tried.append(minute)
        clock.advance(timedelta(minutes=1))

    assert [0, 1, 6, 36, 156] == tried


def test_each_try_is_an_event_that_names_no_person(
    engine: admit.Engine, shop: Shop, clock: SettableClock
) -> None:
    """Step, number, result and the error's code, chained to what was before; by the system."""
    shop.broken = {"orders"}
    ada = deleted(engine)
    engine.work_once()
    shop.broken = set()
    clock.advance(timedelta(minutes=1))
    engine.work_once()

    told = [event for event in engine.users.timeline(ada) if event.trigger == "erase-step"]
    assert [
        {"step": "orders", "attempt": "1", "result": "failed", "error": "plugin-failed"},
        {"step": "ledger", "attempt": "1", "result": "done"},
        {"step": "orders", "attempt": "2", "result": "done"},
    ] == [event.codes for event in told]
    assert {Actor("system")} == {event.actor for event in told}
    assert "ada@example.com" not in repr(told)
    assert () == engine.events.verify().problems


def test_a_step_that_never_succeeds_is_given_up_and_reported(
    engine: admit.Engine, shop: Shop, clock: SettableClock, store: MemoryStore, caplog: Any
) -> None:
    """
    Given a step that fails for a month,
    when the setting `erase_steps_within` has passed,
    then it is given up: logged, an event, listed; and what was kept of the user for it is gone.
    """
    shop.broken = {"orders"}
    ada = deleted(engine)
    for _ in range(40):
        engine.work_once()
        clock.advance(timedelta(days=1))

    assert ("orders",) == engine.users.erasure(ada).gave_up
    assert [ada.id] == [erasure.user for erasure in engine.users.erasures().items]
    assert engine.users.erasure(ada).finished
    assert "gave-up" == engine.users.timeline(ada)[-1].codes["result"]
    assert f"erase step orders of user {ada.id} is given up" in caplog.text
    record = store.get("erasure", ada.id)
    assert record is not None
    assert "ada@example.com" not in repr(record)
    assert "c-42" not in repr(record)
    assert "ada@example.com" not in caplog.text
    tries = len(shop.called)
    engine.work_once()
    assert tries == len(shop.called)


def test_the_note_of_what_was_given_up_goes_with_the_tombstone(
    engine: admit.Engine, shop: Shop, clock: SettableClock
) -> None:
    """After the audit's retention nothing is known any more."""
    shop.broken = {"orders"}
    ada = deleted(engine)
    for days in (0, 31, 500):
        clock.advance(timedelta(days=days))
        engine.work_once()

    with pytest.raises(UserNotFound):
        engine.users.erasure(ada)
    assert () == engine.users.erasures().items


def test_what_was_done_is_told_after_it_is_done(engine: admit.Engine) -> None:
    """The record of it has gone, the events have not."""
    ada = deleted(engine)
    assert {"orders": (None, 0), "ledger": (None, 0)} == steps_of(engine, ada)
    assert not engine.users.erasure(ada).finished

    engine.work_once()

    assert {"orders": ("done", 1), "ledger": ("done", 1)} == steps_of(engine, ada)
    assert engine.users.erasure(ada).finished
    assert () == engine.users.erasures().items


def test_who_is_not_deleted_has_no_erasure(engine: admit.Engine) -> None:
    """Nor has nobody."""
    grace = engine.create("grace@example.com", PASSWORD)

    with pytest.raises(UserNotFound):
        engine.users.erasure(grace)
    with pytest.raises(UserNotFound):
        engine.users.erasure("0" * 24)
