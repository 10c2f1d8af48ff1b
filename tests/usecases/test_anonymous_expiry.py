"""Anonymous users expire when nobody has come back as them for long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import pytest

import admit
from admit import Actor, hookimpl
from admit.errors import UserNotFound
from admit.providers import Credentials, Provider
from admit.records import Identity
from admit.stores import Change, Put
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine

DAY = timedelta(days=1)


class Nobody:
    """A provider of that name, as small as can be: every key is a user."""

    name = "anon-user"
    inline = True
    repeatable = False

    @hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [self]

    def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
        return admit.Claim(login_key=credentials["key"], proved=True, creates_users=True)

    def check(
        self, credentials: Credentials, identity: Identity | None, services: admit.Services
    ) -> admit.Check:
        raise AssertionError("the claim is proved")


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock) -> Iterator[admit.Engine]:
    with open_engine(store, clock=clock, plugins=[Nobody()], discover=ONE) as opened:
        yield opened


ONE = ["email", "password"]


def enter(engine: admit.Engine, key: str = "1") -> admit.LogIn:
    return engine.log_in("anon-user", key=key)


def test_who_was_not_seen_for_ninety_days_is_deleted(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """
    Given an anonymous user who came once,
    when ninety days have passed but for a second, she is there; at the very instant, she is gone:
    by the system, because she was idle.
    """
    user = enter(engine).user
    clock.advance(90 * DAY - timedelta(seconds=1))
    engine.work_once()
    assert user.id == engine.users.get(user.id).id

    clock.advance(timedelta(seconds=1))
    assert 1 == engine.sweep().idle

    with pytest.raises(UserNotFound):
        engine.users.get(user.id)
    last = engine.users.timeline(user)[-1]
    assert ("delete", Actor("system"), {"cause": "idle"}) == (last.trigger, last.actor, last.codes)


def test_time_counts_from_when_she_was_last_seen(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """
    Given two anonymous users, of whom one refreshes her session after fifty days,
    when ninety have passed, and a hundred and forty,
    then first the other one goes, then she.
    """
    came_back, went = enter(engine, "1"), enter(engine, "2")
    clock.advance(50 * DAY)
    engine.refresh(came_back.refresh_token)
    clock.advance(40 * DAY)
    engine.work_once()
    assert ["1"] == [u.identities[0].login_key for u in engine.users.page("anonymous").items]
    with pytest.raises(UserNotFound):
        engine.users.get(went.user.id)

    clock.advance(50 * DAY)
    engine.work_once()

    assert 0 == engine.users.count("anonymous")


def test_who_has_another_identity_stays(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """An anonymous user who became somebody by linking is nobody's to expire."""
    user = enter(engine).user
    record = store.get("user", user.id)
    assert record is not None
    other = {"provider": "badge", "id": "7", "added_at": record.body["created_at"]}
    body = {**record.body, "identities": [*record.body["identities"], other]}
    labels = tuple(label for label in record.labels if label.name != "anonymous")
    put = Put("user", user.id, body, record.version, record.keys, labels)
    store.commit(Change(put=(put,)))
    clock.advance(400 * DAY)

    engine.sweep()

    assert 2 == len(engine.users.get(user.id).identities)


def test_the_setting_may_say_never(clock: SettableClock) -> None:
    """None keeps them for ever."""
    settings = {"expire_anonymous_after": None}
    with open_engine(clock=clock, plugins=[Nobody()], discover=ONE, settings=settings) as engine:
        user = enter(engine).user
        clock.advance(4000 * DAY)

        assert 0 == engine.sweep().idle
        assert user.id == engine.users.get(user.id).id


def test_one_who_comes_back_in_the_last_moment_stays(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """The worker decides from what it finds when it writes."""
    user = enter(engine).user
    clock.advance(90 * DAY)
    commit = store.commit

    def entered_first(change: Change, *, settle: bool = True) -> None:
        store.commit = commit  # type: ignore[method-assign]  # what she does in between
        enter(engine)
        commit(change, settle=settle)

    store.commit = entered_first  # type: ignore[method-assign]

    assert 0 == engine.sweep().idle
    assert user.id == engine.users.get(user.id).id


def test_an_anonymous_user_has_no_grace(clock: SettableClock) -> None:
    """She could not prove who she is to come back, so she is deleted at once."""
    settings = {"deletion_grace": timedelta(days=30)}
    with open_engine(clock=clock, plugins=[Nobody()], discover=ONE, settings=settings) as engine:
        assert "deleted" == engine.delete(enter(engine).user).state
