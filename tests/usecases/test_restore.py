"""Taking a deletion back while its grace runs: by an admin, or by the offer of a log-in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from leaving_users import ADDRESS, GRACE, PASSWORD, Watching, log_in

import admit
from admit import Actor, Secret, User
from admit.errors import (
    Leaving,
    SessionInvalid,
    TokenExpired,
    TokenMalformed,
    TokenUnknown,
    TokenUsed,
    UserDisabled,
    UserNotFound,
    WrongCredentials,
)
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine


@pytest.fixture
def watching() -> Watching:
    return Watching()


@pytest.fixture
def engine(
    store: MemoryStore, clock: SettableClock, inbox: Inbox, watching: Watching
) -> Iterator[admit.Engine]:
    """An engine that gives deleted users thirty days."""
    with open_engine(
        store,
        clock=clock,
        inbox=inbox,
        plugins=[watching],
        settings={"deletion_grace": GRACE},
    ) as opened:
        yield opened


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> User:
    """A confirmed user who proved her address."""
    engine.register(ADDRESS, PASSWORD)
    return engine.confirm(**inbox.last_link().credentials)


def offer(engine: admit.Engine) -> Secret:
    """What a log-in with the right password is answered with."""
    with pytest.raises(Leaving) as told:
        log_in(engine)
    return told.value.restore_token


def test_an_admin_restores(engine: admit.Engine, ada: User, clock: SettableClock) -> None:
    """
    Given a user in grace,
    when an admin restores her,
    then she logs in as before, the sessions of before stay dead, and no worker deletes her.
    """
    login = log_in(engine)
    engine.delete(ada)

    restored = engine.acting(Actor("admin", "support"), "she called").restore(address=ADDRESS)

    assert restored.delete_at is None
    assert ada.id == log_in(engine).user.id
    with pytest.raises(SessionInvalid):
        engine.verify(login.access_token)
    clock.advance(2 * GRACE)
    engine.work_once()
    assert 0 == engine.users.count("grace")
    assert ada.id == engine.users.get(ada.id).id
    events = [e.trigger for e in engine.users.timeline(ada)]
    assert events.index("grace") < events.index("restore")


def test_restoring_who_does_not_leave_writes_nothing(engine: admit.Engine, ada: User) -> None:
    """As enabling who is not disabled."""
    assert ada == engine.restore(ada)
    with pytest.raises(UserNotFound):
        engine.restore("0" * 24)


def test_she_restores_herself_by_the_offer_of_a_log_in(engine: admit.Engine, ada: User) -> None:
    """
    Given a user in grace,
    when she logs in with the right password,
    then she is offered to stay; she takes it, and logs in.
    """
    engine.public.delete(address=ADDRESS, password=PASSWORD)
    with pytest.raises(Leaving) as told:
        engine.public.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    assert told.value.delete_at == engine.users.get(ada.id).delete_at

    assert engine.public.restore(token=told.value.restore_token).delete_at is None

    assert ada.id == log_in(engine).user.id


def test_e1_a_stranger_learns_nothing_of_it(engine: admit.Engine, ada: User) -> None:
    """The wrong password is answered as for anybody."""
    engine.delete(ada)

    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username=ADDRESS, password="wrong wrong wrong")
    with pytest.raises(admit.errors.LogInRefused) as told:
        engine.public.log_in("local-userpass", username=ADDRESS, password="wrong wrong wrong")
    assert told.value.because is None


def test_t3_the_offer_is_in_no_text_of_the_error(engine: admit.Engine, ada: User) -> None:
    """Neither in what it says nor in its repr."""
    engine.delete(ada)
    with pytest.raises(Leaving) as told:
        log_in(engine)

    raw = told.value.restore_token.reveal()
    assert raw not in str(told.value)
    assert raw not in repr(told.value)


def test_t4_an_offer_is_taken_once(engine: admit.Engine, ada: User) -> None:
    """
    Given an offer that was taken,
    when it is taken again, or after she was deleted anew,
    then it is dead.
    """
    engine.delete(ada)
    taken = offer(engine)
    engine.public.restore(token=taken)

    with pytest.raises(TokenUsed):
        engine.public.restore(token=taken)
    engine.delete(ada)
    with pytest.raises(TokenUsed):
        engine.public.restore(token=taken)
    assert engine.users.get(ada.id).delete_at


def test_t5_an_offer_expires(engine: admit.Engine, ada: User, clock: SettableClock) -> None:
    """After a quarter of an hour, to the second."""
    engine.delete(ada)
    made = offer(engine)
    clock.advance(timedelta(minutes=15))

    with pytest.raises(TokenExpired):
        engine.public.restore(token=made)


def test_an_offer_never_outlives_the_grace(
    engine: admit.Engine, ada: User, clock: SettableClock
) -> None:
    """
    Given a log-in a minute before her time is up,
    when the time is up and no worker has come by,
    then the offer is dead, a log-in is answered as if she were gone, and an admin can still help.
    """
    engine.delete(ada)
    clock.advance(GRACE - timedelta(minutes=1))
    made = offer(engine)
    clock.advance(timedelta(minutes=1))

    with pytest.raises(TokenExpired):
        engine.public.restore(token=made)
    with pytest.raises(WrongCredentials):
        log_in(engine)
    assert engine.restore(ada).delete_at is None


def test_an_offer_of_who_is_gone_restores_nobody(engine: admit.Engine, ada: User) -> None:
    """
    Given an offer,
    when an admin deletes her at once before she takes it,
    then it is dead, and her address is free.
    """
    engine.delete(ada)
    made = offer(engine)
    engine.delete(ada, at_once=True)

    with pytest.raises(TokenUnknown):
        engine.public.restore(token=made)
    assert "pending" == engine.register(ADDRESS, PASSWORD).state


@pytest.mark.parametrize("change", [0, 30, 40, -1], ids=["user", "epoch", "time", "seal"])
def test_t1_a_forged_offer_restores_nobody(engine: admit.Engine, ada: User, change: int) -> None:
    """One sign changed anywhere."""
    engine.delete(ada)
    made = offer(engine).reveal()
    place = {0: 0, 30: 25, 40: len(made.split(".")[0]) + 4, -1: len(made) - 1}[change]
    other = "1" if made[place] != "1" else "2"

    with pytest.raises(TokenUnknown):
        engine.public.restore(token=made[:place] + other + made[place + 1 :])
    assert engine.users.get(ada.id).delete_at


@pytest.mark.parametrize("bad", ["", "x", "0" * 128, "é" * 100, "a.b.c.d"])
def test_what_is_no_offer_is_told_apart(engine: admit.Engine, bad: str) -> None:
    """It cannot belong to anybody."""
    with pytest.raises(TokenMalformed):
        engine.public.restore(token=bad)


def test_a_disabled_user_is_offered_nothing(engine: admit.Engine, ada: User) -> None:
    """Who must not get in is told that, whatever else is so."""
    engine.delete(ada)
    engine.disable(ada)

    with pytest.raises(UserDisabled):
        log_in(engine)
