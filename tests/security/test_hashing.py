"""P3, P4: how passwords are hashed, and how many at once."""

from __future__ import annotations

import threading

import pytest

import admit
from admit import Actor, Client, Engine, hookimpl
from admit.errors import (
    LogInRefused,
    PasswordRefused,
    TryLater,
    WrongCredentials,
)
from admit.testing import CHEAP_HASHING, KEY, Inbox, MemoryStore
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"


def hash_of(engine: Engine, address: str = ADDRESS) -> str:
    """What is kept of a user's password."""
    identity = engine.users.find(address).identity("local-userpass")
    assert identity is not None
    return identity.private["hash"]


def create(engine: Engine, password: str, address: str = ADDRESS) -> None:
    """Make a user who may log in with *password* at once."""
    engine.confirm_manually(engine.register(address, password))


# --- P3 ------------------------------------------------------------------------------------------


def test_p3_without_settings_a_password_is_hashed_with_rfc_9106s_low_memory_profile() -> None:
    """Given an engine as anybody opens it, then a hash is argon2id with 64 MiB, three passes and
    four lanes."""
    with admit.open(MemoryStore(), key=KEY, settings={"confirmation_flow": "auto"}) as engine:
        engine.register(ADDRESS, PASSWORD)

        assert hash_of(engine).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_p3_two_users_with_one_password_have_different_hashes(engine: Engine) -> None:
    """Each hash has a salt of its own."""
    create(engine, PASSWORD)
    create(engine, PASSWORD, "grace@example.com")

    assert hash_of(engine) != hash_of(engine, "grace@example.com")


def test_p3_a_log_in_hashes_again_when_the_parameters_rose(
    store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given a user whose hash was made with small parameters,
    when she logs in at an engine with greater ones,
    then her hash has the greater ones, the password still opens, and a second log-in leaves it.
    """
    create(open_engine(store, inbox=inbox), PASSWORD)
    stronger = admit.open(
        store,
        key=KEY,
        plugins=[inbox],
        settings={**CHEAP_HASHING, "password_time_cost": 2, "password_memory_kibibytes": 16},
    )
    before = hash_of(stronger)

    stronger.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    after = hash_of(stronger)
    stronger.log_in("local-userpass", username=ADDRESS, password=PASSWORD)

    assert before.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert after.startswith("$argon2id$v=19$m=16,t=2,p=1$")
    assert after == hash_of(stronger)


def test_p3_a_wrong_password_hashes_nothing_again(store: MemoryStore, inbox: Inbox) -> None:
    """Given a user with a small hash at an engine with greater parameters, when somebody logs in
    with a wrong password, then the hash stays."""
    create(open_engine(store, inbox=inbox), PASSWORD)
    stronger = admit.open(
        store, key=KEY, plugins=[inbox], settings={**CHEAP_HASHING, "password_time_cost": 2}
    )
    before = hash_of(stronger)

    with pytest.raises(WrongCredentials):
        stronger.log_in("local-userpass", username=ADDRESS, password="wrong password")

    assert before == hash_of(stronger)


def test_p3_hashing_again_keeps_the_mark_of_an_admins_password(
    store: MemoryStore, inbox: Inbox
) -> None:
    """Given a password that an admin chose, when its hash is made anew at a log-in that is let
    through, then it is still marked as the admin's."""
    open_engine(store, inbox=inbox).create(ADDRESS, PASSWORD)
    stronger = admit.open(
        store,
        key=KEY,
        plugins=[inbox],
        settings={**CHEAP_HASHING, "password_time_cost": 2, "must_change_is_enforced": False},
    )

    user = stronger.log_in("local-userpass", username=ADDRESS, password=PASSWORD).user

    assert "t=2" in hash_of(stronger)
    assert "admin" == user.identities[0].private["password_set_by"]


# --- P4 ------------------------------------------------------------------------------------------


ONE_AT_A_TIME = {
    "hashes_at_once": 1,
    "password_time_cost": 400,
    "password_memory_kibibytes": 1024,
    "password_parallelism": 1,
    "confirmation_flow": "auto",
}
"""Hashes of about 0.2 s, so that those which begin together meet."""


class Together:
    """Holds the first registrations just before their hash until all have come, then lets go."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties)
        self._turns = iter(range(parties))

    @hookimpl
    def before_register(self) -> None:
        if next(self._turns, None) is not None:
            self._barrier.wait(30)


def register_together(engine: Engine, parties: int) -> list[BaseException | None]:
    """Let that many users register at the same moment; return the error of each, or None."""
    outcomes: list[BaseException | None] = []

    def register(number: int) -> None:
        try:
            engine.register(f"user{number}@example.com", PASSWORD)
        except admit.AdmitError as problem:
            outcomes.append(problem)
        else:
            outcomes.append(None)

    threads = [threading.Thread(target=register, args=(number,)) for number in range(parties)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


@pytest.mark.parametrize(("waiting", "parties"), [(0, 2), (1, 3), (2, 5)])
def test_p4_a_full_queue_answers_try_later(waiting: int, parties: int) -> None:
    """
    Given room for one hash at a time, and for some that wait,
    when more registrations come at the same moment,
    then one and those that may wait are hashed, each other is told to try later, and nothing is
    written for it.
    """
    with admit.open(
        MemoryStore(),
        key=KEY,
        settings={**ONE_AT_A_TIME, "hashes_waiting": waiting},
        plugins=[Together(parties)],
    ) as engine:
        outcomes = register_together(engine, parties)

        refused = [outcome for outcome in outcomes if outcome is not None]
        assert [TryLater] * (parties - 1 - waiting) == [type(problem) for problem in refused]
        assert 1 + waiting == engine.users.count()


def test_p4_hashes_that_had_to_wait_are_not_lost() -> None:
    """Given room for one hash at a time and for all others to wait, when eight users register at
    the same moment, then all are there and each may log in."""
    with admit.open(
        MemoryStore(),
        key=KEY,
        settings={**CHEAP_HASHING, "hashes_at_once": 1, "confirmation_flow": "auto"},
        plugins=[Together(8)],
    ) as engine:
        outcomes = register_together(engine, 8)

        assert [None] * 8 == outcomes
        for number in range(8):
            engine.log_in("local-userpass", username=f"user{number}@example.com", password=PASSWORD)


def test_p4_a_queue_that_was_full_is_open_again_afterwards() -> None:
    """Given an engine that told somebody to try later, when she tries later, then she is
    registered."""
    with admit.open(
        MemoryStore(),
        key=KEY,
        settings={**ONE_AT_A_TIME, "hashes_waiting": 0},
        plugins=[Together(2)],
    ) as engine:
        outcomes = register_together(engine, 2)
        assert 1 == sum(isinstance(outcome, TryLater) for outcome in outcomes)
        assert 1 == engine.users.count()

        engine.register("later@example.com", PASSWORD)

        assert 2 == engine.users.count()


ENDLESS_HASHING = {
    "password_time_cost": 10_000_000,
    "password_memory_kibibytes": 1024,
    "password_parallelism": 1,
    "confirmation_flow": "auto",
}
"""One hash would take hours: whoever comes back has not hashed."""


def test_p4_the_length_is_checked_before_hashing() -> None:
    """Given hashing that takes hours, when a password is too long or too short, then it is refused
    at once, on every way in."""
    with admit.open(MemoryStore(), key=KEY, settings=ENDLESS_HASHING) as engine:
        engine.register(ADDRESS)
        too_long = "x" * 1_000_000

        for password in (too_long, "short"):
            with pytest.raises(PasswordRefused):
                engine.register("grace@example.com", password)
            with pytest.raises(PasswordRefused):
                engine.public.register("grace@example.com", password)
        with pytest.raises(WrongCredentials):
            engine.log_in("local-userpass", username=ADDRESS, password=too_long)
        with pytest.raises(LogInRefused):
            engine.public.delete(address=ADDRESS, password=too_long)


def test_p4_a_client_who_asks_too_often_costs_no_hash() -> None:
    """Given hashing that takes hours, when a client that has used up its requests registers, then
    it has to wait, and no hash was begun."""
    with admit.open(MemoryStore(), key=KEY, settings=ENDLESS_HASHING) as engine:
        engine.settings.set("requests_per_client", 10)
        client = engine.acting(Actor("user"), client=Client(address="203.0.113.7"))
        for number in range(10):
            client.public.reset(address=f"a{number}@example.com")

        with pytest.raises(TryLater):
            client.public.register("grace@example.com", "a fine long password")


def test_p4_a_dead_token_costs_no_hash(inbox: Inbox) -> None:
    """Given hashing that takes hours, when a stranger uses made-up tokens to set a password or to
    confirm with one, then they are refused at once."""
    with admit.open(MemoryStore(), key=KEY, settings=ENDLESS_HASHING, plugins=[inbox]) as engine:
        user = engine.register(ADDRESS)
        token = user.id + "0" * 104

        for use in (engine.public.confirm, engine.public.set_password, engine.set_password):
            with pytest.raises(admit.errors.TokenRefused):
                use(token_id=user.runs[-1].id, token=token, password="my own long password")
