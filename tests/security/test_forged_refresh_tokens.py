"""S1, S2: a refresh token is believed for what is kept of it, not for its signature alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ada import ADDRESS, PASSWORD, log_in, made
from tokens import claims_of, text_of

import admit
from admit import Engine, LogIn
from admit.errors import SessionInvalid
from admit.testing import CHEAP_HASHING, KEY, MemoryStore, SettableClock


@pytest.fixture
def login(engine: Engine) -> LogIn:
    """A session of a confirmed user."""
    made(engine)
    return log_in(engine)


def forged(engine: Engine, login: LogIn, clock: SettableClock, **claims: object) -> str:
    """What somebody makes who has the key that signs, and knows the ids of a session. The key is
    replaced then, since it leaked."""
    signer: Any = engine._core.signer
    token: str = signer.sign_refresh({**claims_of(login.refresh_token), **claims}, clock.now())
    engine.sessions.rotate_keys(overlap=timedelta(0))
    return token


@pytest.mark.parametrize("rotating", [False, True])
@pytest.mark.parametrize("use", ["log_out", "refresh"])
@pytest.mark.parametrize("proof", [{}, {"mac": None}, {"mac": ""}, {"mac": 7}, {"mac": "ä"}])
def test_s2_a_forged_token_ends_nobodys_session(
    engine: Engine,
    clock: SettableClock,
    login: LogIn,
    rotating: bool,
    use: str,
    proof: dict[str, object],
) -> None:
    """
    Given a thief of a key that signed tokens, which is replaced, who knows the ids of a session,
    when he logs out or refreshes with a token that he made,
    then it is malformed, nothing of it is recorded, and the owner goes on.
    """
    engine.settings.set("refresh_token_rotation", rotating)
    token = forged(engine, login, clock, jti="made up", **proof)
    before = engine.users.timeline(login.user)

    with pytest.raises(SessionInvalid) as invalid:
        getattr(engine, use)(token)

    assert "malformed" == invalid.value.because
    assert before == engine.users.timeline(login.user)
    engine.refresh(login.refresh_token)


def test_s2_what_proves_one_session_proves_no_other(
    engine: Engine, clock: SettableClock, login: LogIn
) -> None:
    """Given the same thief with a session of his own, when he puts the victim's ids into his token,
    then it is malformed."""
    made(engine, "eve@example.com")
    his = log_in(engine, "eve@example.com")
    token = forged(engine, his, clock, sub=login.user.id, sid=login.session.id)

    with pytest.raises(SessionInvalid, match="malformed"):
        engine.log_out(token)

    engine.refresh(login.refresh_token)


def test_s2_a_forged_token_of_a_session_that_is_gone_fills_no_store(
    engine: Engine, store: MemoryStore, clock: SettableClock, login: LogIn
) -> None:
    """Given the same thief, when he names sessions that are not there, then nothing is recorded."""
    tokens = [forged(engine, login, clock, sid=f"{n:024x}", jti="made up") for n in range(3)]
    before = len(store.events(unsealed=True, limit=1000).items)

    for token in tokens:
        with pytest.raises(SessionInvalid):
            engine.refresh(token)

    assert before == len(store.events(unsealed=True, limit=1000).items)


def test_s2_the_use_of_a_dead_token_is_recorded_once_a_day(
    engine: Engine, clock: SettableClock, login: LogIn
) -> None:
    """
    Given a session that ended, whose client goes on and on,
    when it refreshes a hundred times, then one refusal stands in the trail; the next day, two.
    """
    engine.log_out(login.refresh_token)

    def refusals() -> int:
        return sum(event.trigger == "refused" for event in engine.users.timeline(login.user))

    for day in (1, 2):
        for _ in range(100):
            with pytest.raises(SessionInvalid, match="ended"):
                engine.refresh(login.refresh_token)
        assert day == refusals()
        clock.advance(timedelta(days=1))


def test_s2_the_grace_outlasts_a_change_of_the_engine_key(
    store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a client that did not get the answer to its refresh, and an engine whose key is replaced,
    when it asks again within the grace, then it is given the token of before, and goes on with it.
    """
    new_key = b"n" * 32
    settings = {
        **CHEAP_HASHING,
        "confirmation_flow": "auto",
        "refresh_token_rotation": True,
    }
    before = admit.open(store, key=KEY, settings=settings, clock=clock)
    before.register(ADDRESS, PASSWORD)
    login = log_in(before)
    lost = before.refresh(login.refresh_token)

    with admit.open(store, key=[new_key, KEY], settings=settings, clock=clock) as engine:
        again = engine.refresh(login.refresh_token)

        assert text_of(lost.refresh_token) == text_of(again.refresh_token)
        latest = engine.refresh(again.refresh_token)
        repeated = engine.refresh(again.refresh_token)
        assert text_of(latest.refresh_token) == text_of(repeated.refresh_token)
