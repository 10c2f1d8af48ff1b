"""E4, and E1 where no address is known: nobody costs what somebody does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from statistics import median

import pytest
from races import meanwhile, records
from strangers import ADDRESS, PASSWORD, WRONG

import admit
from admit import (
    Check,
    Claim,
    Engine,
    Identity,
    LogIn,
    NewIdentity,
    Receipt,
    RegistrationRequest,
    Secret,
    Services,
    User,
    hookimpl,
)
from admit.errors import LogInRefused
from admit.providers import Credentials, Provider
from admit.stores import KeyTaken
from admit.testing import KEY, MemoryStore, SettableClock
from admit.testing import open as open_engine

SLOW_HASHING = {
    "password_time_cost": 100,
    "password_memory_kibibytes": 512,
    "password_parallelism": 1,
}
"""About 20 ms: far above what the rest of a log-in takes, and far below argon2's real default."""


def costs(known: Callable[[], object], unknown: Callable[[], object]) -> tuple[float, float]:
    """How long each takes to be refused: the medians of eleven, taken in turn, in seconds of this
    process's work, which a busy machine does not stretch."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(11):
        for call, seconds in zip((known, unknown), took, strict=True):
            start = time.process_time()
            with pytest.raises(LogInRefused):
                call()
            seconds.append(time.process_time() - start)
    return median(took[0]), median(took[1])


@pytest.fixture
def hashing() -> Iterator[Engine]:
    """An engine whose hashes take a hundred times as long as the rest of a log-in, so that one
    more or less doubles or ends what a request costs."""
    settings = {**SLOW_HASHING, "confirmation_flow": "auto"}
    with admit.open(MemoryStore(), key=KEY, settings=settings) as engine:
        yield engine


@pytest.mark.parametrize("nobody", ["nobody@example.com", "no address at all", "\u202eada@x.y"])
@pytest.mark.parametrize("password", [PASSWORD, None], ids=["with a password", "without one yet"])
def test_e4_a_log_in_of_nobody_costs_one_hash_with_the_current_parameters(
    hashing: Engine, nobody: str, password: str | None
) -> None:
    """
    Given a user, also one who has no password yet,
    when somebody logs in with a wrong password as her, and as nobody,
    then the one costs as much as the other.
    """
    hashing.register(ADDRESS, password)

    known, unknown = costs(
        lambda: hashing.log_in("local-userpass", username=ADDRESS, password=WRONG),
        lambda: hashing.log_in("local-userpass", username=nobody, password=WRONG),
    )

    assert known / 2 < unknown < known * 2


@pytest.mark.parametrize("named", ["delete", "change_password", "correct_address"])
def test_e4_a_password_asked_for_as_proof_costs_nobody_a_hash_less(
    hashing: Engine, named: str
) -> None:
    """Given a user, when a stranger gives a wrong password as proof for her and for nobody, then
    the one costs as much as the other."""
    hashing.register(ADDRESS, PASSWORD)
    proofs: dict[str, Callable[[str], User | LogIn | Receipt]] = {
        "delete": lambda who: hashing.public.delete(address=who, password=WRONG),
        "change_password": lambda who: hashing.public.change_password(
            address=who, current=WRONG, new="my own long password"
        ),
        "correct_address": lambda who: hashing.public.correct_address(
            address=who, password=WRONG, to="grace@example.com"
        ),
    }

    known, unknown = costs(
        lambda: proofs[named](ADDRESS), lambda: proofs[named]("nobody@example.com")
    )

    assert known / 2 < unknown < known * 2


def test_e1_a_reset_that_is_not_configured_says_nothing_of_the_account(
    store: MemoryStore, clock: SettableClock, account: Callable[[Engine, str], None]
) -> None:
    """
    Given any account, in an application whose resets are not configured,
    when a stranger asks for one,
    then the answer is the one that everybody gets.
    """
    with open_engine(store, clock=clock) as engine:
        account(engine, ADDRESS)
        engine.settings.unset("email.link_base")

        assert Receipt() == engine.public.reset(address=ADDRESS)


def test_e1_a_login_that_is_no_address_is_registered_alike_when_taken(
    store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a provider whose logins are no addresses,
    when a stranger registers one that is taken in this very instant,
    then the answer is the one that everybody gets, and nobody is there to be told.
    """

    class Cards:
        name = "card"
        inline = True

        @hookimpl
        def register_providers(self) -> Iterable[Provider]:
            return [self]

        def identify(self, credentials: Credentials, services: Services) -> Claim:
            return Claim(login_key="7-42")

        def check(
            self, credentials: Credentials, identity: Identity | None, services: Services
        ) -> Check:
            return Check(accepted=False)

        def new_identity(self, request: RegistrationRequest, services: Services) -> NewIdentity:
            return NewIdentity(login_key=request.login)

        def private_data(self, password: Secret, services: Services) -> dict[str, str]:
            return {}

        def verify_private(
            self, password: Secret, identity: Identity | None, services: Services
        ) -> bool:
            return False

    with open_engine(store, clock=clock, plugins=[Cards()]) as engine:

        def taken() -> None:
            raise KeyTaken("card:7-42")

        meanwhile(store, taken, before=records("register"))

        assert Receipt() == engine.public.register("7-42", PASSWORD, provider="card")
        assert 0 == engine.users.count()
