"""A merge in a process that has not loaded the provider of passwords takes the same course."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from told_providers import ToldProviders, open_told, providers, told

from admit import Engine, User
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[Engine]:
    """A process that has loaded everything."""
    with open_told(store, clock, inbox) as opened:
        yield opened


@pytest.fixture
def bare(
    store: MemoryStore, clock: SettableClock, inbox: Inbox, engine: Engine
) -> Iterator[Engine]:
    """Another one, without the provider of passwords."""
    with open_engine(
        store, clock=clock, inbox=inbox, plugins=[ToldProviders()], discover=["email"]
    ) as opened:
        yield opened


def with_password(engine: Engine, address: str) -> User:
    engine.confirm_manually(engine.register(address, PASSWORD))
    return engine.log_in("local-userpass", username=address, password=PASSWORD).user


def test_the_unproved_address_of_a_login_that_moves_comes_along(
    engine: Engine, bare: Engine
) -> None:
    """Given a user with a login whose address nobody proved, when another absorbs her there, then
    the survivor has the login and its address, and a reset finds her."""
    absorbed = with_password(engine, ADDRESS)
    into = engine.log_in("told", **told("ada")).user

    plan = bare.identities.plan_merge(into, absorbed)
    user = bare.identities.merge(into, absorbed, plan=plan)

    assert () == plan.drops_addresses
    assert [ADDRESS] == [address.typed for address in user.addresses]
    assert user.id == engine.users.find(ADDRESS).id
    assert user.id == engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD).user.id


def test_of_two_logins_with_a_password_one_stays(engine: Engine, bare: Engine) -> None:
    """Given two users with such logins, when one absorbs the other there, then the plan shows which
    goes, as where the provider is loaded."""
    into, absorbed = with_password(engine, ADDRESS), with_password(engine, "old@example.com")

    plan = bare.identities.plan_merge(into, absorbed)
    user = bare.identities.merge(into, absorbed, plan=plan)

    assert [(ADDRESS, "old@example.com")] == [
        (stays.login_key, goes.login_key) for stays, goes in plan.collisions
    ]
    assert ["local-userpass"] == providers(user)
    assert [ADDRESS] == [address.typed for address in user.addresses]
