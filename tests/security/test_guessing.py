"""P5: who guesses passwords becomes slow, and no stranger can lock the owner out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from ada import ADDRESS, PASSWORD, WRONG, made

from admit import Actor, Client, Engine, LogIn, User
from admit.errors import LogInRefused, TryLater
from admit.public import PublicFace
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

HOME = "198.51.100.1"
WINDOW = timedelta(minutes=15)
A_CLIENT, AN_ACCOUNT = 10, 30
"""The defaults of `wrong_passwords_a_client` and `wrong_passwords_an_account`."""


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Engine:
    """An engine whose limit for all requests of a client is not what is tried here."""
    settings = {"requests_per_client": 100_000}
    return open_engine(store, clock=clock, inbox=inbox, settings=settings)


@pytest.fixture
def ada(engine: Engine) -> User:
    """A confirmed user."""
    return made(engine)


def at(engine: Engine, address: str | None) -> PublicFace:
    """The public face as a client of this network meets it."""
    return engine.acting(Actor("user"), client=Client(address=address)).public


def enter(engine: Engine, address: str | None, password: str = PASSWORD) -> LogIn:
    """Log in from a network."""
    return at(engine, address).log_in("local-userpass", username=ADDRESS, password=password)


def guess(engine: Engine, address: str | None, times: int = 1, who: str = ADDRESS) -> None:
    """Guess wrong, and be told so."""
    for _ in range(times):
        with pytest.raises(LogInRefused):
            at(engine, address).log_in("local-userpass", username=who, password=WRONG)


def waits(engine: Engine, address: str | None, password: str = WRONG) -> timedelta:
    """Be told to wait; how long."""
    with pytest.raises(TryLater) as later:
        enter(engine, address, password)
    assert later.value.after is not None
    return later.value.after


def crowd(engine: Engine, guesses: int) -> None:
    """Guess from many networks far apart, three times from each."""
    for number in range(guesses):
        network = number // 3
        guess(engine, f"203.{network // 250}.{network % 250}.7")


def test_p5_a_network_that_guesses_waits(engine: Engine, ada: User, clock: SettableClock) -> None:
    """
    Given one network that guesses ten times,
    when it tries again, right or wrong,
    then it waits a quarter of an hour from its first guess, and no longer.
    """
    guess(engine, "192.0.2.1", A_CLIENT - 1)
    clock.advance(timedelta(minutes=5))
    guess(engine, "192.0.2.1")

    assert timedelta(minutes=10) == waits(engine, "192.0.2.1")
    assert timedelta(minutes=10) == waits(engine, "192.0.2.1", PASSWORD)

    clock.advance(timedelta(minutes=10))
    enter(engine, "192.0.2.1")


def test_p5_waiting_is_told_before_the_password_is_looked_at(engine: Engine, ada: User) -> None:
    """Given a network that waits, then neither the right password nor an unknown address is told
    from the rest: unknown ones are counted alike."""
    guess(engine, "192.0.2.1", A_CLIENT)
    guess(engine, "192.0.2.1", A_CLIENT, who="nobody@example.com")

    assert waits(engine, "192.0.2.1") == waits(engine, "192.0.2.1", PASSWORD)
    with pytest.raises(TryLater):
        guess(engine, "192.0.2.1", who="nobody@example.com")


def test_p5_another_network_does_not_wait(engine: Engine, ada: User) -> None:
    """Given a stranger whose network waits, when the owner comes from hers, then she is let in."""
    guess(engine, "192.0.2.1", A_CLIENT)
    waits(engine, "192.0.2.1")

    assert ada.id == enter(engine, HOME).user.id


def test_p5_another_account_does_not_wait(engine: Engine, ada: User) -> None:
    """Given an office whose network waits for one account, then it does not for others."""
    made(engine, "grace@example.com")
    guess(engine, "192.0.2.1", A_CLIENT)

    face = at(engine, "192.0.2.1")
    face.log_in("local-userpass", username="grace@example.com", password=PASSWORD)


def test_p5_a_house_is_one_network(engine: Engine, ada: User) -> None:
    """Given an IPv6 /64, of which one client has every address, then it is counted as one."""
    for number in range(A_CLIENT):
        guess(engine, f"2001:db8:1:2::{number:x}")

    waits(engine, "2001:db8:1:2:ffff::1")
    guess(engine, "2001:db8:1:3::1")


def test_p5_right_passwords_are_no_guesses(engine: Engine, ada: User) -> None:
    """Given a program that logs in again and again, then it never waits, and a few slips are
    forgotten with the next right one."""
    for _ in range(3 * AN_ACCOUNT):
        enter(engine, HOME)
    for _ in range(4):
        guess(engine, HOME, A_CLIENT - 1)
        enter(engine, HOME)


def test_p5_a_crowd_becomes_slow(engine: Engine, ada: User, clock: SettableClock) -> None:
    """
    Given so many wrong passwords from many networks that the account's count is full,
    when the crowd goes on,
    then each neighbourhood – an IPv4 /24, an IPv6 /48 – has one try in the window, and no more.
    """
    crowd(engine, AN_ACCOUNT)

    guess(engine, "192.0.2.1")
    assert WINDOW == waits(engine, "192.0.2.1")
    assert WINDOW == waits(engine, "192.0.2.200")
    guess(engine, "2001:db8:1:2::1")
    assert WINDOW == waits(engine, "2001:db8:1:ffff::1")


def test_p5_a_crowd_does_not_lock_the_owner_out(
    engine: Engine, ada: User, clock: SettableClock
) -> None:
    """
    Given a crowd that keeps guessing, window after window,
    when the owner comes with the right password from where nobody has heard of her,
    then she is let in at once, each time.
    """
    for number in range(3):
        crowd(engine, AN_ACCOUNT)
        assert ada.id == enter(engine, f"198.51.{number}.1").user.id
        clock.advance(WINDOW)


def test_p5_where_the_owner_has_a_session_she_may_mistype(engine: Engine, ada: User) -> None:
    """Given a crowd, when the owner mistypes where she is logged in, then she has the tries that a
    network always has; when her sessions are over, the network is as unknown as any."""
    enter(engine, HOME)
    crowd(engine, AN_ACCOUNT)

    guess(engine, HOME, A_CLIENT - 1)
    enter(engine, HOME)
    guess(engine, HOME, 3)
    engine.log_out_all(ada)
    guess(engine, HOME)
    waits(engine, HOME, PASSWORD)


def test_p5_an_open_session_never_waits(engine: Engine, ada: User) -> None:
    """Given a crowd, then the owner's sessions go on and can be refreshed."""
    login = enter(engine, HOME)
    crowd(engine, AN_ACCOUNT)

    engine.verify(login.access_token)
    engine.refresh(login.refresh_token)


def test_p5_who_proves_her_mailbox_begins_anew(engine: Engine, ada: User, inbox: Inbox) -> None:
    """Given an owner who mistyped until she has to wait, when she sets a password by a reset, then
    she need not wait with it."""
    crowd(engine, AN_ACCOUNT)
    guess(engine, HOME)
    waits(engine, HOME, PASSWORD)

    at(engine, HOME).reset(address=ADDRESS)
    engine.work_once()
    new = "a new and long password"
    at(engine, HOME).set_password(**inbox.last_link().credentials, password=new)

    assert ada.id == enter(engine, HOME, new).user.id


def test_p5_without_an_address_all_wait_for_the_window_only(
    engine: Engine, ada: User, clock: SettableClock
) -> None:
    """Given an application that does not say where its clients are, when the account's count is
    full, then everybody waits, a quarter of an hour at most."""
    guess(engine, None, AN_ACCOUNT)
    assert WINDOW == waits(engine, None, PASSWORD)

    clock.advance(WINDOW)

    enter(engine, None)


@pytest.mark.parametrize(
    "prove",
    [
        lambda face, password: face.change_password(
            address=ADDRESS, current=password, new="a new and long password"
        ),
        lambda face, password: face.delete(address=ADDRESS, password=password),
        lambda face, password: face.correct_address(
            address=ADDRESS, password=password, to="new@example.com"
        ),
    ],
    ids=["change-password", "delete", "correct-address"],
)
def test_p5_other_ways_to_ask_for_the_password_give_no_more_guesses(
    engine: Engine, ada: User, prove: Callable[[PublicFace, str], object]
) -> None:
    """Given a network that has used up its guesses at the door, then it has none elsewhere."""
    guess(engine, "192.0.2.1", A_CLIENT - 1)
    with pytest.raises(LogInRefused):
        prove(at(engine, "192.0.2.1"), WRONG)

    with pytest.raises(TryLater):
        prove(at(engine, "192.0.2.1"), PASSWORD)
    waits(engine, "192.0.2.1")


def test_p5_the_trusted_face_counts_for_users_only(engine: Engine, ada: User) -> None:
    """Given the engine's own methods, when the application logs in, then it never waits; when it
    acts as a user, she does."""
    for _ in range(2 * AN_ACCOUNT):
        with pytest.raises(LogInRefused):
            engine.log_in("local-userpass", username=ADDRESS, password=WRONG)
    user = engine.acting(Actor("user"), client=Client(address="192.0.2.1"))
    for _ in range(A_CLIENT):
        with pytest.raises(LogInRefused):
            user.log_in("local-userpass", username=ADDRESS, password=WRONG)

    with pytest.raises(TryLater):
        user.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)


def test_p5_counts_keep_no_address(engine: Engine, store: MemoryStore, ada: User) -> None:
    """Given guesses about an account from a network, then neither stands in what is counted."""
    guess(engine, "192.0.2.1", 3)
    enter(engine, HOME)

    counters = store.page("throttle", "until").items
    sessions = store.page("session", "expiring").items

    kept = str([*counters, *sessions])
    assert len(counters) >= 3
    for secret in ("192.0.2", "198.51.100", "ada"):
        assert secret not in kept


def test_p5_linking_gives_no_more_guesses(engine: Engine, ada: User) -> None:
    """Given a stranger with an account of his own, when he guesses the owner's password by linking
    her login to it, then he is slowed down as at the door."""
    made(engine, "mallory@example.com")
    face = at(engine, "192.0.2.1")
    own = face.log_in("local-userpass", username="mallory@example.com", password=PASSWORD)

    for _ in range(A_CLIENT):
        with pytest.raises(LogInRefused):
            face.identities.link(
                own.access_token, "local-userpass", username=ADDRESS, password=WRONG
            )

    assert WINDOW == waits(engine, "192.0.2.1")
