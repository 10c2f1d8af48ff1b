"""How many sessions a user has, how long they live, and what makes room."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from ada import log_in, made
from tokens import claims_of
from visitors import Visitors

from admit import Engine
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine

A_MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("name", "shortest", "default", "longest"),
    [
        ("access_token_lifetime", 5 * A_MINUTE, 30 * A_MINUTE, timedelta(days=1)),
        ("refresh_token_lifetime", 30 * A_MINUTE, timedelta(days=60), timedelta(days=5 * 365)),
        ("max_sessions_a_user", 1, 20, 1000),
        ("api_keys_a_user", 0, 20, 1000),
        ("server_api_keys", 0, 100, 10_000),
        ("expire_anonymous_after", timedelta(days=1), timedelta(days=90), None),
    ],
)
def test_the_limits_are_those_of_the_service_that_clients_know(
    engine: Engine, name: str, shortest: object, default: object, longest: object
) -> None:
    """What is not set is as there, and the bounds themselves may be set."""
    assert default == engine.settings.get(name)

    for value in (shortest, longest):
        engine.settings.set(name, value)
        assert value == engine.settings.get(name)


def ids(engine: Engine, address: str = "ada@example.com") -> list[str]:
    """Her live sessions."""
    return [session.id for session in engine.sessions.of(address=address)]


def test_the_twenty_first_session_ends_the_oldest(engine: Engine, clock: SettableClock) -> None:
    """
    Given a user with twenty sessions, and another one,
    when the first logs in once more,
    then her oldest session is over at once, by the same commit, and the trail says why.
    """
    ada = made(engine)
    other = made(engine, "grace@example.com")
    stays = log_in(engine, "grace@example.com")
    logins = []
    for _ in range(20):
        clock.advance(A_MINUTE)
        logins.append(log_in(engine))

    newest = log_in(engine)

    assert [*(login.session.id for login in logins[1:]), newest.session.id] == ids(engine)
    assert [stays.session.id] == ids(engine, "grace@example.com")
    log_out = next(e for e in reversed(engine.users.timeline(ada)) if e.trigger == "log-out")
    assert {"session": logins[0].session.id, "because": "too-many"} == dict(log_out.codes)
    assert "log-out" not in [e.trigger for e in engine.users.timeline(other)]


def test_the_most_is_a_setting(engine: Engine, clock: SettableClock) -> None:
    """Given more sessions than the setting now allows, when she logs in, then the oldest go."""
    made(engine)
    for _ in range(5):
        clock.advance(A_MINUTE)
        log_in(engine)
    engine.settings.set("max_sessions_a_user", 2)
    assert 5 == len(ids(engine))

    kept = ids(engine)[-1]
    newest = log_in(engine)

    assert [kept, newest.session.id] == ids(engine)


def test_dead_sessions_make_room_before_live_ones(engine: Engine, clock: SettableClock) -> None:
    """Given sessions of an earlier epoch among the most, when she logs in, then those go."""
    ada = made(engine)
    engine.settings.set("max_sessions_a_user", 3)
    log_in(engine)
    log_in(engine)
    engine.log_out_all(ada)
    clock.advance(A_MINUTE)
    logins = [log_in(engine) for _ in range(3)]

    assert [login.session.id for login in logins] == ids(engine)
    assert "too-many" not in str(engine.users.timeline(ada))


def test_log_ins_at_once_do_not_count_on_the_same_one_to_go(
    engine: Engine, store: MemoryStore
) -> None:
    """Given as many sessions as there may be, when she logs in at several places in the same
    moment, then there are no more afterwards."""
    made(engine)
    engine.settings.set("max_sessions_a_user", 4)
    for _ in range(4):
        log_in(engine)
    together = threading.Barrier(3)

    def enter() -> None:
        together.wait()
        log_in(engine)

    places = [threading.Thread(target=enter) for _ in range(3)]
    for place in places:
        place.start()
    for place in places:
        place.join()

    assert 4 == len(ids(engine))


def test_no_token_outlives_its_session(engine: Engine, clock: SettableClock) -> None:
    """Given a session that ends in ten minutes, when it is refreshed, then so does the token: it
    may be verified by those who look nothing up."""
    made(engine)
    engine.settings.set("refresh_token_lifetime", timedelta(minutes=35))
    login = log_in(engine)
    clock.advance(timedelta(minutes=25))

    again = engine.refresh(login.refresh_token)

    assert login.session.expires_at == engine.verify(again.access_token).expires_at


def test_who_cannot_log_in_again_keeps_the_session(
    store: MemoryStore, clock: SettableClock
) -> None:
    """Given a user who would lose the account with the session, as an anonymous one, when others
    have logged out long ago, then the session still is."""
    with open_engine(store, clock=clock, plugins=[Visitors()]) as engine:
        visitor = engine.log_in("visitor", name="a")

        clock.advance(timedelta(days=4 * 365))

        assert visitor.session.id == engine.refresh(visitor.refresh_token).session.id


def test_a_session_knows_its_device_and_when_it_was_used(
    engine: Engine, clock: SettableClock
) -> None:
    """Given a log-in from a device, when it is refreshed, then the list shows both, the time to a
    quarter of an hour, and nothing of the network's address."""
    made(engine)
    login = log_in(engine, device="Ada's phone", at="192.0.2.7")
    clock.advance(timedelta(minutes=14))
    engine.refresh(login.refresh_token)
    assert login.session.refreshed_at == engine.sessions.of(address="ada@example.com")[0].created_at
    clock.advance(A_MINUTE)
    engine.refresh(login.refresh_token)

    (session,) = engine.sessions.of(address="ada@example.com")

    assert ("Ada's phone", clock.now()) == (session.device, session.refreshed_at)
    assert "192.0.2" not in repr(session)
    assert session.network is not None
    assert session.network not in repr(session)


def test_a_token_says_when_its_user_proved_who_she_is(engine: Engine, clock: SettableClock) -> None:
    """Given an old session, when it is refreshed, then `auth_time` is the log-in's, not now."""
    made(engine)
    login = log_in(engine)
    clock.advance(timedelta(hours=3))

    again = engine.refresh(login.refresh_token)

    assert int(login.session.created_at.timestamp()) == claims_of(again.access_token)["auth_time"]


def test_ended_sessions_are_swept(engine: Engine, store: MemoryStore, clock: SettableClock) -> None:
    """Given sessions past their end, when a worker sweeps, then they are gone from the store."""
    made(engine)
    log_in(engine)
    clock.advance(timedelta(days=30))
    log_in(engine)
    clock.advance(timedelta(days=30))

    assert 1 == engine.sweep().sessions
    assert 1 == store.count("session", "expiring")
