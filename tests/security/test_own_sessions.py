"""S4: a user sees and ends her own sessions; O6: she proves again who she is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from ada import ADDRESS, PASSWORD, WRONG, log_in, made

from admit import Engine, User
from admit.errors import (
    FreshLogInNeeded,
    InvalidInput,
    LogInRefused,
    SessionInvalid,
    TryLater,
    UnknownName,
)
from admit.testing import SettableClock


@pytest.fixture
def ada(engine: Engine) -> User:
    """A confirmed user."""
    return made(engine)


def test_s4_a_user_lists_her_sessions(engine: Engine, ada: User, clock: SettableClock) -> None:
    """Given sessions on two devices, when one asks, then it sees both, and which one it is."""
    phone = log_in(engine, device="phone")
    clock.advance(timedelta(minutes=1))
    desk = log_in(engine, device="desk")
    made(engine, "grace@example.com")
    log_in(engine, "grace@example.com")

    listed = engine.public.sessions.all(desk.access_token)

    assert ["phone", "desk"] == [session.device for session in listed]
    assert desk.session.id == engine.verify(desk.access_token).session_id == listed[1].id
    assert "digest" not in repr(listed)
    assert phone.session == listed[0]


def test_s4_a_user_ends_one_of_her_sessions(engine: Engine, ada: User) -> None:
    """Given a lost phone, when its session is ended from the desk, then it is dead at once, the
    desk goes on, and ending it twice does no harm."""
    phone, desk = log_in(engine, device="phone"), log_in(engine, device="desk")

    for _ in range(2):
        engine.public.sessions.end(phone.session.id, access_token=desk.access_token)

    with pytest.raises(SessionInvalid, match="ended"):
        engine.verify(phone.access_token)
    assert (desk.session,) == engine.public.sessions.all(desk.access_token)


def test_s4_nobody_ends_sessions_of_others(engine: Engine, ada: User) -> None:
    """Given somebody else's session id, when it is to be ended, then it goes on, and nothing tells
    whether there is such a session."""
    made(engine, "grace@example.com")
    grace, own = log_in(engine, "grace@example.com"), log_in(engine)

    engine.public.sessions.end(grace.session.id, access_token=own.access_token)

    engine.verify(grace.access_token)


def test_s4_a_user_ends_all_but_the_session_that_asks(engine: Engine, ada: User) -> None:
    """Given several sessions, when the others are ended, then they are dead at once."""
    others, own = [log_in(engine) for _ in range(3)], log_in(engine)

    engine.public.sessions.end_others(own.access_token)

    for other in others:
        with pytest.raises(SessionInvalid, match="ended"):
            engine.refresh(other.refresh_token)
    assert (own.session,) == engine.public.sessions.all(own.access_token)


def test_s4_a_dead_token_sees_and_ends_nothing(engine: Engine, ada: User) -> None:
    """Given a session that ended, when its token asks, then it is refused."""
    dead, alive = log_in(engine), log_in(engine)
    engine.log_out(dead.refresh_token)
    sessions = engine.public.sessions

    for ask in (
        lambda: sessions.all(dead.access_token),
        lambda: sessions.end(alive.session.id, access_token=dead.access_token),
        lambda: sessions.end_others(dead.access_token),
        lambda: sessions.prove_again(
            dead.access_token, "local-userpass", username=ADDRESS, password=PASSWORD
        ),
        lambda: sessions.all(alive.refresh_token),
    ):
        with pytest.raises(SessionInvalid):
            ask()
    engine.verify(alive.access_token)


def test_s4_what_is_no_id_is_refused(engine: Engine, ada: User) -> None:
    """Given a text that is no id, then it is said."""
    login = log_in(engine)

    with pytest.raises(InvalidInput, match="session"):
        engine.public.sessions.end("the phone", access_token=login.access_token)


def test_o6_a_repeated_proof_makes_a_session_fresh(
    engine: Engine, ada: User, clock: SettableClock
) -> None:
    """
    Given an old session, and another one of hers,
    when she gives her password once more in the first,
    then that one is fresh, the other as old as before, and the trail has it.
    """
    login, other = log_in(engine), log_in(engine)
    clock.advance(timedelta(hours=1))
    login, other = engine.refresh(login.refresh_token), engine.refresh(other.refresh_token)
    with pytest.raises(FreshLogInNeeded):
        engine.sessions.verify_fresh(login.access_token)

    session = engine.public.sessions.prove_again(
        login.access_token, "local-userpass", username=ADDRESS, password=PASSWORD
    )

    assert clock.now() == session.authenticated_at
    assert session.id == engine.sessions.verify_fresh(login.access_token).session_id
    with pytest.raises(FreshLogInNeeded):
        engine.sessions.verify_fresh(other.access_token)
    event = engine.users.timeline(ada)[-1]
    assert ("proved-again", session.id) == (event.trigger, event.codes["session"])
    again = engine.refresh(login.refresh_token)
    assert int(clock.now().timestamp()) == engine.verify(again.access_token).claims["auth_time"]


def test_o6_only_the_callers_own_credentials_count(
    engine: Engine, ada: User, clock: SettableClock
) -> None:
    """Given a thief of a token who has an account of his own, when he gives a wrong password of
    hers, or the right one of his, then the session is as old as before, and he is told the same."""
    made(engine, "thief@example.com")
    login = log_in(engine)
    clock.advance(timedelta(hours=1))
    token = engine.refresh(login.refresh_token).access_token
    told = []

    for who, password in ((ADDRESS, WRONG), ("thief@example.com", PASSWORD)):
        with pytest.raises(LogInRefused) as refused:
            engine.public.sessions.prove_again(
                token, "local-userpass", username=who, password=password
            )
        told.append((type(refused.value), str(refused.value)))

    assert told[0] == told[1]
    with pytest.raises(FreshLogInNeeded):
        engine.sessions.verify_fresh(token)


def test_o6_guesses_at_a_repeated_proof_are_counted(engine: Engine, ada: User) -> None:
    """Given a thief of a token, when he guesses the password with it, then he is slowed down as at
    the door (P5)."""
    token = log_in(engine).access_token
    prove = engine.public.sessions.prove_again

    for _ in range(30):
        with pytest.raises(LogInRefused):
            prove(token, "local-userpass", username=ADDRESS, password=WRONG)

    with pytest.raises(TryLater):
        prove(token, "local-userpass", username=ADDRESS, password=PASSWORD)


def test_o6_a_provider_that_is_not_there_is_named(engine: Engine, ada: User) -> None:
    """Given a name that no provider has, then the known ones are listed."""
    token = log_in(engine).access_token

    with pytest.raises(UnknownName):
        engine.public.sessions.prove_again(token, "nothing")


def test_o6_only_a_person_makes_a_session_of_a_key_fresh(
    engine: Engine, ada: User, clock: SettableClock
) -> None:
    """Given a session that her API key opened, which is never fresh, when the key is given again,
    then it is no proof; when she gives her password, it is."""
    engine.settings.set("api-key.enabled", True)
    key = engine.api_keys.create(ada, name="phone").text.reveal()
    token = engine.log_in("api-key", key=key).access_token
    clock.advance(timedelta(seconds=1))
    prove = engine.public.sessions.prove_again

    with pytest.raises(LogInRefused):
        prove(token, "api-key", key=key)
    with pytest.raises(FreshLogInNeeded):
        engine.sessions.verify_fresh(token)

    prove(token, "local-userpass", username=ADDRESS, password=PASSWORD)
    assert clock.now() == engine.sessions.verify_fresh(token).authenticated_at
