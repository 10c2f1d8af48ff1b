"""H3: of who had an account before its owner was heard of no login stays, and hers does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from readers import Readers
from told_providers import ToldProviders, providers, told

from admit import Engine, User
from admit.errors import WrongCredentials
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

HERS = "victim@example.com"
HIS = "attacker@example.com"
PIN = "71829364"
HER_PIN = "93271846"
PASSWORD = "the password of the attacker"


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[Engine]:
    """An engine whose users may log in with a card, and have an address for messages alone."""
    with open_engine(
        store,
        clock=clock,
        inbox=inbox,
        plugins=[Readers(), ToldProviders()],
        settings={"cool_down": "0s"},
    ) as opened:
        yield opened


@pytest.fixture
def bare(
    store: MemoryStore, clock: SettableClock, inbox: Inbox, engine: Engine
) -> Iterator[Engine]:
    """Another process, which has not loaded the provider of cards."""
    with open_engine(store, clock=clock, inbox=inbox, plugins=[ToldProviders()]) as opened:
        yield opened


def reader(engine: Engine) -> User:
    """A card, registered by somebody with the victim's address."""
    return engine.register("4711", PIN, provider="reader", data={"address": HERS})


def let_in(engine: Engine) -> User:
    """The same, in an application that confirms without proof."""
    return engine.confirm_manually(reader(engine))


def opens(engine: Engine, provider: str, **credentials: object) -> bool:
    try:
        engine.log_in(provider, **credentials)
    except WrongCredentials:
        return False
    return True


@pytest.mark.parametrize("proved", [False, True])
def test_h3_a_login_with_an_address_that_is_dropped_goes_with_it(
    engine: Engine, inbox: Inbox, proved: bool
) -> None:
    """
    Given an account whose login is no address, to which somebody else added his own – proved or
    not –,
    when the owner of the address that messages go to is heard of first,
    then her card is what is left, and his login opens nothing.
    """
    user = let_in(engine)
    link = inbox.last_link(HERS).credentials
    if proved:
        engine.identities.add_login(user, HIS, PASSWORD)
        engine.identities.confirm_address(**inbox.last_link(HIS).credentials)
    else:
        engine.confirm_manually(engine.register(HIS, PASSWORD))
        engine.identities.link(user, "local-userpass", username=HIS, password=PASSWORD)

    user = engine.confirm(**link)

    assert ["reader"] == providers(user)
    assert [HERS] == [address.typed for address in user.addresses]
    assert not opens(engine, "local-userpass", username=HIS, password=PASSWORD)
    assert "local-userpass" == engine.users.timeline(user)[-1].codes["dropped"]


def test_h7_the_password_that_she_gives_is_that_of_the_login_which_stays(
    engine: Engine, inbox: Inbox
) -> None:
    """Given the same account, when she confirms with a PIN of her own, then it is her card's: his
    PIN and his login open nothing."""
    user = let_in(engine)
    link = inbox.last_link(HERS).credentials
    engine.identities.add_login(user, HIS, PASSWORD)
    engine.identities.confirm_address(**inbox.last_link(HIS).credentials)

    user = engine.public.confirm(password=HER_PIN, **link)

    assert ["reader"] == providers(user)
    assert (False, True) == tuple(
        opens(engine, "reader", card="4711", pin=pin) for pin in (PIN, HER_PIN)
    )
    assert not opens(engine, "local-userpass", username=HIS, password=PASSWORD)


@pytest.mark.parametrize("squat", [reader, let_in])
def test_h3_a_process_that_knows_not_how_she_logs_in_leaves_her_a_way(
    engine: Engine, bare: Engine, inbox: Inbox, squat: object
) -> None:
    """Given a registration of a provider that a process has not loaded, when the link is pressed
    there, then the login that was registered stays: without it she could never come in."""
    assert callable(squat)
    squat(engine)

    user = bare.confirm(**inbox.last_link(HERS).credentials)

    assert ["reader"] == providers(user)
    assert opens(engine, "reader", card="4711", pin=PIN)


def test_h3_what_was_linked_to_it_goes_there_as_well(
    engine: Engine, bare: Engine, inbox: Inbox
) -> None:
    """Given such an account with an identity that somebody linked, when the link is pressed there,
    then what he linked is dropped: the registration came first."""
    user = let_in(engine)
    link = inbox.last_link(HERS).credentials
    engine.identities.link(user, "told", **told("attacker"))

    assert ["reader"] == providers(bare.confirm(**link))
