"""The two modes of `verify`: what each sees, and what the one without a look-up cannot."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from ada import ADDRESS, PASSWORD, log_in, made

from admit import Engine, LogIn
from admit.errors import FreshLogInNeeded, SessionInvalid
from admit.stores import Record, Ref
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine

ENDINGS: dict[str, Callable[[Engine, LogIn], object]] = {
    "log-out": lambda engine, login: engine.log_out(login.refresh_token),
    "one session": lambda engine, login: engine.sessions.end(login.session.id),
    "all sessions": lambda engine, login: engine.log_out_all(login.user),
    "disabled": lambda engine, login: engine.disable(login.user),
    "deleted": lambda engine, login: engine.delete(login.user),
    "password changed": lambda engine, login: engine.change_password(
        login.user, current=PASSWORD, new="another long password"
    ),
}


class _WatchedStore(MemoryStore):
    """Counts what is read."""

    read = 0

    def get(self, kind: str, id: str) -> Record | None:
        self.read += 1
        return super().get(kind, id)

    def get_many(self, refs: Any) -> list[Record | None]:
        self.read += 1
        return super().get_many([Ref(*ref) for ref in refs])

    def find(self, key: str) -> Record | None:
        self.read += 1
        return super().find(key)


def stateless(store: MemoryStore, clock: SettableClock) -> Engine:
    """An engine that verifies without a look-up."""
    return open_engine(store, clock=clock, settings={"sessions_end_at_once": False})


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS.keys())
def test_without_a_look_up_what_ended_is_good_until_it_expires(
    store: MemoryStore, clock: SettableClock, end: Callable[[Engine, LogIn], object]
) -> None:
    """
    Given an engine that verifies without a look-up, and one with, on the same store,
    when a session ends,
    then the second sees it at once, the first when the token expires, and a refresh at once.
    """
    with stateless(store, clock) as engine:
        looking = open_engine(store, clock=clock)
        made(engine)
        login = log_in(engine)

        end(engine, login)

        assert login.user.id == engine.verify(login.access_token).user_id
        with pytest.raises(SessionInvalid, match="ended"):
            looking.verify(login.access_token)
        with pytest.raises(SessionInvalid, match="ended"):
            engine.refresh(login.refresh_token)
        clock.advance(timedelta(minutes=30))
        with pytest.raises(SessionInvalid, match="expired"):
            engine.verify(login.access_token)


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_without_a_look_up_nothing_is_read(clock: SettableClock, algorithm: str) -> None:
    """Given a thousand requests, then not one asks the store for a record."""
    store = _WatchedStore()
    settings = {"sessions_end_at_once": False, "access_token_algorithm": algorithm}
    with open_engine(store, clock=clock, settings=settings) as engine:
        made(engine)
        login = log_in(engine)
        store.read = 0

        for _ in range(1000):
            engine.verify(login.access_token)

        assert 0 == store.read


def test_both_modes_say_the_same_of_a_live_session(
    store: MemoryStore, clock: SettableClock
) -> None:
    """Given a token of a live session, then both say whose it is, until when, and how fresh."""
    with stateless(store, clock) as engine:
        looking = open_engine(store, clock=clock)
        made(engine)
        login = log_in(engine)

        assert looking.verify(login.access_token) == engine.verify(login.access_token)
        assert login.session.created_at == engine.verify(login.access_token).authenticated_at


def test_a_sensitive_act_is_looked_up_in_both_modes(
    store: MemoryStore, clock: SettableClock
) -> None:
    """Given an engine that verifies without a look-up, when something needs a fresh log-in, then
    what ended is refused, and so is what is old."""
    with stateless(store, clock) as engine:
        made(engine)
        old, ended = log_in(engine), log_in(engine)
        engine.log_out(ended.refresh_token)
        with pytest.raises(SessionInvalid, match="ended"):
            engine.sessions.verify_fresh(ended.access_token)
        clock.advance(timedelta(minutes=6))

        with pytest.raises(FreshLogInNeeded):
            engine.sessions.verify_fresh(old.access_token)

        engine.public.sessions.prove_again(
            old.access_token, "local-userpass", username=ADDRESS, password=PASSWORD
        )
        assert clock.now() == engine.sessions.verify_fresh(old.access_token).authenticated_at


def test_a_store_that_fails_stops_no_verification(store: MemoryStore, clock: SettableClock) -> None:
    """Given an engine that verifies without a look-up, when its store cannot be reached any more,
    then the tokens that are out are still told from forged ones."""
    engine = stateless(store, clock)
    made(engine)
    login = log_in(engine)

    store.close()

    assert login.user.id == engine.verify(login.access_token).user_id
    with pytest.raises(SessionInvalid, match="bad signature"):
        engine.verify(login.access_token.reveal()[:-2] + "AA")
    with pytest.raises(SessionInvalid, match="malformed"):
        engine.verify("x" + login.access_token.reveal())
