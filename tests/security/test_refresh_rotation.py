"""S2: a refresh token that was replaced opens nothing, and its use ends the session."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from ada import log_in, made
from tokens import claims_of, text_of

from admit import Engine, LogIn, Secret, User
from admit.errors import FateUnknown, SessionInvalid
from admit.testing import MemoryStore, SettableClock

GRACE = timedelta(seconds=30)
A_SECOND = timedelta(seconds=1)


@pytest.fixture
def ada(engine: Engine) -> User:
    """A confirmed user of an engine that rotates."""
    engine.settings.set("refresh_token_rotation", True)
    return made(engine)


@pytest.fixture
def login(engine: Engine, ada: User) -> LogIn:
    """A session of hers."""
    return log_in(engine)


def refused(engine: Engine, token: Secret) -> str:
    """Why a refresh token opens nothing."""
    with pytest.raises(SessionInvalid) as invalid:
        engine.refresh(token)
    return invalid.value.because


def test_s2_a_refresh_replaces_the_token(
    engine: Engine, login: LogIn, clock: SettableClock
) -> None:
    """
    Given rotation,
    when a session is refreshed again and again,
    then each time it has a new token of 256 bits, and ends when it would have ended.
    """
    tokens = [login.refresh_token]
    for _ in range(4):
        clock.advance(timedelta(hours=1))
        again = engine.refresh(tokens[-1])
        assert (login.session.id, login.session.expires_at) == (
            again.session.id,
            again.session.expires_at,
        )
        engine.verify(again.access_token)
        tokens.append(again.refresh_token)

    secrets = [claims_of(token)["jti"] for token in tokens]
    assert 5 == len(set(secrets))
    assert {43} == {len(secret) for secret in secrets}
    assert {claims_of(login.refresh_token)["exp"]} == {claims_of(t)["exp"] for t in tokens}


def test_s2_the_use_of_a_replaced_token_ends_the_session(
    engine: Engine, ada: User, login: LogIn, clock: SettableClock
) -> None:
    """
    Given a thief who copied a token which its owner has refreshed since,
    when the thief uses it,
    then neither the owner's tokens nor the thief's open anything, and the trail says why.
    """
    owners = engine.refresh(login.refresh_token)
    clock.advance(GRACE + A_SECOND)

    assert "reused" == refused(engine, login.refresh_token)

    assert "ended" == refused(engine, owners.refresh_token)
    with pytest.raises(SessionInvalid, match="ended"):
        engine.verify(owners.access_token)
    last = engine.users.timeline(ada)[-2]
    assert ("log-out", "reused") == (last.trigger, last.codes["because"])


def test_s2_the_owner_ends_what_a_thief_refreshed(
    engine: Engine, login: LogIn, clock: SettableClock
) -> None:
    """Given a thief who refreshed first, when the owner comes, then the thief is out."""
    thiefs = engine.refresh(login.refresh_token)
    for _ in range(3):
        clock.advance(timedelta(minutes=30))
        thiefs = engine.refresh(thiefs.refresh_token)

    assert "reused" == refused(engine, login.refresh_token)

    assert "ended" == refused(engine, thiefs.refresh_token)


def test_s2_another_session_of_the_user_goes_on(
    engine: Engine, login: LogIn, clock: SettableClock
) -> None:
    """Given two sessions, when a token of one is reused, then the other knows nothing of it."""
    other = log_in(engine)
    engine.refresh(login.refresh_token)
    clock.advance(GRACE + A_SECOND)

    assert "reused" == refused(engine, login.refresh_token)

    engine.refresh(other.refresh_token)


def test_s2_a_lost_answer_can_be_asked_for_again(
    engine: Engine, login: LogIn, clock: SettableClock
) -> None:
    """
    Given a client that did not get the answer,
    when it asks again, as often as it likes, up to the last instant of the grace,
    then it is given the same token each time, so that no second one lives.
    """
    first = engine.refresh(login.refresh_token)

    for _ in range(3):
        clock.advance(GRACE / 3)
        again = engine.refresh(login.refresh_token)
        assert text_of(first.refresh_token) == text_of(again.refresh_token)
        engine.verify(again.access_token)

    engine.refresh(first.refresh_token)


def test_s2_the_grace_is_for_the_last_one_only(engine: Engine, login: LogIn) -> None:
    """Given a token that was replaced twice within the grace, when it is used, then all end."""
    second = engine.refresh(login.refresh_token)
    third = engine.refresh(second.refresh_token)

    assert "reused" == refused(engine, login.refresh_token)

    assert "ended" == refused(engine, third.refresh_token)


def test_s2_without_grace_a_token_works_once(
    engine: Engine, login: LogIn, clock: SettableClock
) -> None:
    """Given the grace is nothing, when a replaced token is used a second later, then all end."""
    engine.settings.set("refresh_token_grace", 0)
    engine.refresh(login.refresh_token)
    clock.advance(A_SECOND)

    assert "reused" == refused(engine, login.refresh_token)


def test_s2_two_requests_at_once_get_the_same_token(engine: Engine, login: LogIn) -> None:
    """Given two tabs that refresh in the same moment, then both can go on."""
    both = threading.Barrier(2)
    answers: list[str] = []

    def refresh() -> None:
        both.wait()
        answers.append(text_of(engine.refresh(login.refresh_token).refresh_token))

    tabs = [threading.Thread(target=refresh) for _ in range(2)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()

    assert 1 == len(set(answers))
    assert 2 == len(answers)


def test_s2_a_commit_whose_fate_is_unknown_ends_nothing(
    engine: Engine, store: MemoryStore, login: LogIn
) -> None:
    """Given a store that loses its answer, when the client asks again, then it goes on."""
    store.lose_answer()
    with pytest.raises(FateUnknown):
        engine.refresh(login.refresh_token)

    again = engine.refresh(login.refresh_token)

    engine.refresh(again.refresh_token)


def test_s2_logging_out_with_a_replaced_token_ends_the_session(
    engine: Engine, login: LogIn, clock: SettableClock
) -> None:
    """Given an old token, whoever holds it, when it logs out, then the session is over."""
    owners = engine.refresh(login.refresh_token)
    clock.advance(timedelta(hours=1))

    engine.log_out(login.refresh_token)

    assert "ended" == refused(engine, owners.refresh_token)


def test_s2_a_replaced_token_stays_dead_when_rotation_is_switched_off(
    engine: Engine, login: LogIn, clock: SettableClock
) -> None:
    """Given a token that was replaced, when the setting goes off, then it is as dead as before, and
    the one that replaced it stays the same from then on."""
    owners = engine.refresh(login.refresh_token)
    other = engine.refresh(log_in(engine).refresh_token)
    engine.settings.set("refresh_token_rotation", False)
    clock.advance(GRACE + A_SECOND)

    again = engine.refresh(other.refresh_token)
    assert text_of(other.refresh_token) == text_of(again.refresh_token)
    assert "reused" == refused(engine, login.refresh_token)
    assert "ended" == refused(engine, owners.refresh_token)


def test_s2_existing_clients_keep_their_token(engine: Engine, clock: SettableClock) -> None:
    """Given no rotation, the default, when a session is refreshed, then its token is the same."""
    made(engine)
    login = log_in(engine)
    clock.advance(timedelta(days=1))

    again = engine.refresh(login.refresh_token)

    assert text_of(login.refresh_token) == text_of(again.refresh_token)
    assert clock.now() == again.session.refreshed_at
