"""Sessions after the log-in: verified, refreshed, listed, ended."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

import admit
from admit import LogIn, User
from admit.errors import InvalidInput, SessionInvalid
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> User:
    """A confirmed user."""
    engine.register("ada@example.com", PASSWORD)
    return engine.confirm(**inbox.last_link().credentials)


@pytest.fixture
def login(engine: admit.Engine, ada: User) -> LogIn:
    """A session of hers."""
    return log_in(engine)


def log_in(engine: admit.Engine) -> LogIn:
    return engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def refused(engine: admit.Engine, token: str | admit.Secret) -> str:
    """Why an access token opens nothing."""
    with pytest.raises(SessionInvalid) as invalid:
        engine.verify(token)
    return invalid.value.because


def test_an_access_token_says_until_when(
    engine: admit.Engine, login: LogIn, clock: SettableClock
) -> None:
    """Half an hour from its making."""
    access = engine.verify(login.access_token)

    assert clock.now() == access.issued_at
    assert timedelta(minutes=30) == access.expires_at - access.issued_at


def test_an_access_token_is_expired_at_exactly_its_end(
    engine: admit.Engine, login: LogIn, clock: SettableClock
) -> None:
    """A second before it is good."""
    clock.advance(timedelta(minutes=30, seconds=-1))
    engine.verify(login.access_token)

    clock.advance(timedelta(seconds=1))

    assert "expired" == refused(engine, login.access_token)


def test_a_refresh_gives_a_new_access_token_of_the_same_session(
    engine: admit.Engine, login: LogIn, clock: SettableClock
) -> None:
    """
    Given a session whose access token has expired,
    when it is refreshed,
    then the new one opens, and existing clients may keep their refresh token.
    """
    clock.advance(timedelta(hours=1))

    again = engine.refresh(login.refresh_token)

    assert login.session.id == engine.verify(again.access_token).session_id
    assert login.refresh_token.reveal() == again.refresh_token.reveal()


def test_a_refresh_shows_that_she_was_seen(
    engine: admit.Engine, login: LogIn, clock: SettableClock
) -> None:
    """Every quarter of an hour at most."""
    clock.advance(timedelta(minutes=14))
    assert login.user.last_seen_at == engine.refresh(login.refresh_token).user.last_seen_at

    clock.advance(timedelta(minutes=1))

    assert clock.now() == engine.refresh(login.refresh_token).user.last_seen_at


def test_a_session_ends_with_its_refresh_token(
    engine: admit.Engine, ada: User, login: LogIn, clock: SettableClock
) -> None:
    """After sixty days it is listed no more, and opens nothing."""
    clock.advance(timedelta(days=60))

    assert () == engine.sessions.of(ada)
    with pytest.raises(SessionInvalid, match="expired"):
        engine.refresh(login.refresh_token)


def test_the_kinds_of_tokens_are_not_interchangeable(engine: admit.Engine, login: LogIn) -> None:
    """A refresh token opens no request, an access token no session."""
    assert "incorrect token type" == refused(engine, login.refresh_token)
    with pytest.raises(SessionInvalid, match="incorrect token type"):
        engine.refresh(login.access_token)


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: "",
        lambda token: "nonsense",
        lambda token: token[:-3],
        lambda token: token + "x",
        lambda token: "x" + token,
        lambda token: token.replace(".", ".eyJ9", 1),
        lambda token: token.rpartition(".")[0] + ".",
        lambda token: "é" + token,
    ],
    ids=["empty", "nonsense", "cut", "longer", "header", "payload", "unsigned", "not ASCII"],
)
def test_what_is_not_signed_by_us_opens_nothing(
    engine: admit.Engine, login: LogIn, forge: object
) -> None:
    """One changed sign is enough."""
    forged = forge(login.access_token.reveal())  # type: ignore[operator]  # a function from above

    assert refused(engine, forged) in {"malformed", "bad signature"}


def test_a_token_of_another_engine_opens_nothing(login: LogIn) -> None:
    """Another store, the same user id and key: there is no such session."""
    with open_engine() as other:
        assert "ended" == refused(other, login.access_token)


def test_logging_out_ends_the_session_at_once(
    engine: admit.Engine, ada: User, login: LogIn
) -> None:
    """Its access token too; another session of hers goes on."""
    other = log_in(engine)

    engine.log_out(login.refresh_token)

    assert "ended" == refused(engine, login.access_token)
    with pytest.raises(SessionInvalid):
        engine.refresh(login.refresh_token)
    assert (other.session,) == engine.sessions.of(ada)
    engine.verify(other.access_token)


def test_logging_out_twice_says_that_it_is_over(engine: admit.Engine, login: LogIn) -> None:
    """The token opens nothing any more."""
    engine.log_out(login.refresh_token)

    with pytest.raises(SessionInvalid):
        engine.log_out(login.refresh_token)


def test_logging_out_everywhere_ends_every_session(
    engine: admit.Engine, ada: User, login: LogIn
) -> None:
    """Those of before; a new log-in opens a new one."""
    other = log_in(engine)

    engine.log_out_all(ada)

    assert () == engine.sessions.of(ada)
    assert "ended" == refused(engine, login.access_token)
    assert "ended" == refused(engine, other.access_token)
    new = log_in(engine)
    assert (new.session,) == engine.sessions.of(ada)


def test_one_session_can_be_ended_by_its_id(engine: admit.Engine, ada: User, login: LogIn) -> None:
    """The lost phone, not the desk; one that is gone already is let pass."""
    desk = log_in(engine)

    engine.sessions.end(login.session.id)
    engine.sessions.end(login.session.id)

    assert (desk.session,) == engine.sessions.of(ada)
    assert "ended" == refused(engine, login.access_token)
    with pytest.raises(InvalidInput, match="session"):
        engine.sessions.end("the phone")


def test_ending_is_recorded(engine: admit.Engine, ada: User, login: LogIn) -> None:
    """One session by its id, all of them at once."""
    engine.log_out(login.refresh_token)
    engine.log_out_all(ada)

    last, everywhere = engine.users.timeline(ada)[-2:]

    assert ("log-out", login.session.id) == (last.trigger, last.codes["session"])
    assert "log-out-all" == everywhere.trigger


def test_sessions_are_listed_oldest_first(
    engine: admit.Engine, ada: User, login: LogIn, clock: SettableClock
) -> None:
    """Those of one user only."""
    clock.advance(timedelta(minutes=1))
    second = log_in(engine)
    grace = engine.create("grace@example.com", PASSWORD)

    assert (login.session, second.session) == engine.sessions.of(ada)
    assert () == engine.sessions.of(grace)


def test_a_deleted_users_sessions_are_none(engine: admit.Engine, ada: User, login: LogIn) -> None:
    """Also before a worker has removed them."""
    engine.delete(ada)

    assert () == engine.sessions.of(ada)


def test_another_engine_on_the_store_knows_at_once(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock, login: LogIn
) -> None:
    """Sessions are not remembered between requests."""
    other = open_engine(store, clock=clock)
    assert login.session.id == other.verify(login.access_token).session_id

    engine.log_out(login.refresh_token)

    assert "ended" == refused(other, login.access_token)


def test_an_access_token_outlives_no_clock_that_was_put_back(
    engine: admit.Engine, login: LogIn, clock: SettableClock
) -> None:
    """A clock that jumps back lengthens a token by the jump, and no further."""
    clock.advance(timedelta(minutes=-10))
    engine.verify(login.access_token)
    clock.advance(timedelta(minutes=40))

    assert "expired" == refused(engine, login.access_token)


def test_s3_the_user_of_a_token_is_the_one_of_now() -> None:
    """
    Given an access token and an engine that does not look sessions up on each request,
    when its user is asked for,
    then it is the record of now; who was disabled since has none.
    """
    store = MemoryStore()
    settings = {"confirmation_flow": "auto", "sessions_end_at_once": False}
    with open_engine(store, settings=settings) as quick:
        grace = quick.register("grace@example.com", PASSWORD)
        token = quick.log_in(
            "local-userpass", username="grace@example.com", password=PASSWORD
        ).access_token
        assert quick.users.get(grace.id) == quick.sessions.user_of(token)
        quick.disable(grace)

        assert grace.id == quick.verify(token).user_id
        with pytest.raises(SessionInvalid):
            quick.sessions.user_of(token)


def test_an_engine_says_whether_its_store_is_a_file_here(
    engine: admit.Engine, json_path: Path
) -> None:
    """Given a TinyDB file, then it is local; a store that has no path is asked from afar."""
    with admit.open(json_path) as on_file:
        assert on_file.is_local
    assert not engine.is_local
