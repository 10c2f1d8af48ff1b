"""O6: what a thief of a token must not do needs a log-in of a moment ago."""

from __future__ import annotations

from datetime import timedelta

import pytest
from visitors import Visitors

from admit import Engine, LogIn
from admit.errors import FreshLogInNeeded, SessionInvalid
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def login(engine: Engine) -> LogIn:
    """The log-in of a confirmed user."""
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    return engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)


def test_o6_a_log_in_is_fresh_for_five_minutes(
    engine: Engine, clock: SettableClock, login: LogIn
) -> None:
    """Given a log-in, when exactly five minutes have gone, then it is fresh; a second on, not."""
    clock.advance(timedelta(minutes=5))
    assert login.user.id == engine.sessions.verify_fresh(login.access_token).user_id

    clock.advance(timedelta(seconds=1))

    with pytest.raises(FreshLogInNeeded) as needed:
        engine.sessions.verify_fresh(login.access_token)
    assert timedelta(minutes=5) == needed.value.within
    engine.verify(login.access_token)


def test_o6_a_refresh_is_no_log_in(engine: Engine, clock: SettableClock, login: LogIn) -> None:
    """Given an old session, when its token is refreshed, then it is as old as before."""
    clock.advance(timedelta(minutes=6))

    again = engine.refresh(login.refresh_token)

    with pytest.raises(FreshLogInNeeded):
        engine.sessions.verify_fresh(again.access_token)
    assert login.session.created_at == engine.verify(again.access_token).authenticated_at


def test_o6_how_fresh_is_a_setting(
    engine: Engine, store: MemoryStore, clock: SettableClock, login: LogIn
) -> None:
    """Given the setting, when it is longer or off, then an older log-in will do."""
    clock.advance(timedelta(minutes=20))
    engine.settings.set("fresh_log_in_within", timedelta(minutes=20))
    engine.sessions.verify_fresh(login.access_token)
    clock.advance(timedelta(minutes=1))
    with pytest.raises(FreshLogInNeeded):
        engine.sessions.verify_fresh(login.access_token)

    engine.settings.set("fresh_log_in_within", None)

    assert login.session.id == engine.sessions.verify_fresh(login.access_token).session_id


def test_o6_what_ended_is_not_fresh(engine: Engine, login: LogIn) -> None:
    """Given a session that ended a moment ago, then its token does nothing."""
    engine.log_out(login.refresh_token)

    with pytest.raises(SessionInvalid):
        engine.sessions.verify_fresh(login.access_token)


def test_o6_who_cannot_log_in_again_is_exempt(store: MemoryStore, clock: SettableClock) -> None:
    """Given a user of whom only a provider knows whose credentials are good once, when her log-in
    is old, then she is not asked for what she does not have."""
    with open_engine(store, clock=clock, plugins=[Visitors()]) as engine:
        visitor = engine.log_in("visitor", name="a")
        clock.advance(timedelta(minutes=20))

        assert visitor.user.id == engine.sessions.verify_fresh(visitor.access_token).user_id


def test_o6_a_provider_that_is_not_loaded_exempts_nobody(
    store: MemoryStore, clock: SettableClock
) -> None:
    """Given the same user in a process without that plugin, then it does not guess."""
    engine = open_engine(store, clock=clock, plugins=[Visitors()])
    visitor = engine.log_in("visitor", name="a")
    clock.advance(timedelta(minutes=20))

    with open_engine(store, clock=clock) as other, pytest.raises(FreshLogInNeeded):
        other.sessions.verify_fresh(visitor.access_token)


def test_o6_a_key_of_who_cannot_log_in_again_is_not_exempt(
    store: MemoryStore, clock: SettableClock
) -> None:
    """Given a key of such a user, when a program does with it what a thief must not, then it is
    refused, at once and later: the exemption is for her, in the session that she has herself."""
    settings = {"api-key.enabled": True}
    with open_engine(store, clock=clock, plugins=[Visitors()], settings=settings) as engine:
        visitor = engine.log_in("visitor", name="a")
        by_key = engine.log_in(
            "api-key", key=engine.api_keys.create(visitor.user, name="backup").text
        )
        clock.advance(timedelta(minutes=20))

        with pytest.raises(FreshLogInNeeded):
            engine.sessions.verify_fresh(by_key.access_token)
        with pytest.raises(FreshLogInNeeded):
            engine.public.delete(access_token=by_key.access_token)
        assert visitor.user.id == engine.sessions.verify_fresh(visitor.access_token).user_id
