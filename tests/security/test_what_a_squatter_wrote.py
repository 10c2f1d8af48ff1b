"""H1: what somebody wrote at a registration with another's address goes with his password."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from told_providers import ToldProviders, open_told, providers, told

from admit import Engine, User
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

ADDRESS = "Victim@example.com"
KEY = "victim@example.com"
ATTACKERS = "the password of the attacker"
VICTIMS = "the password of the victim"
DATA = {"name": "the squatter", "note": "call me at 555-0100"}


@pytest.fixture(params=["reserve", "first-proof"])
def engine(
    request: pytest.FixtureRequest, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> Iterator[Engine]:
    """An engine under either address policy, in the flow `email`, with told providers."""
    with open_told(store, clock, inbox, address_policy=request.param) as opened:
        yield opened


def squatted(engine: Engine) -> User:
    """The registration of somebody whose address it is not."""
    return engine.register(ADDRESS, ATTACKERS, data=DATA)


def let_in(engine: Engine) -> User:
    """The same, in an application that confirms without proof."""
    return engine.confirm_manually(squatted(engine))


def by_reset(engine: Engine, inbox: Inbox) -> User:
    engine.public.reset(address=ADDRESS)
    engine.work_once()
    return engine.public.set_password(**inbox.last_link().credentials, password=VICTIMS)


def by_reset_code(engine: Engine, inbox: Inbox) -> User:
    engine.public.reset(address=ADDRESS)
    engine.work_once()
    return engine.public.set_password(
        address=ADDRESS, code=inbox.last_code(ADDRESS), password=VICTIMS
    )


def by_link(engine: Engine, inbox: Inbox) -> User:
    return engine.public.confirm(**inbox.last_link().credentials, password=VICTIMS)


def by_code(engine: Engine, inbox: Inbox) -> User:
    return engine.public.confirm(address=ADDRESS, code=inbox.last_code(ADDRESS), password=VICTIMS)


PROOFS: dict[str, Callable[[Engine, Inbox], User]] = {
    "reset": by_reset,
    "reset-code": by_reset_code,
    "confirm": by_link,
    "confirm-code": by_code,
}


@pytest.mark.parametrize("prove", PROOFS.values(), ids=PROOFS)
@pytest.mark.parametrize("squat", [squatted, let_in])
def test_h1_what_a_squatter_wrote_goes_with_his_password(
    engine: Engine,
    inbox: Inbox,
    squat: Callable[[Engine], User],
    prove: Callable[[Engine, Inbox], User],
) -> None:
    """Given a registration by somebody else, with data, when the owner of the address proves it
    with a password of her own, then nothing is left of it but her address."""
    squat(engine)

    user = prove(engine, inbox)

    assert [{"email": ADDRESS}] == [identity.data for identity in user.identities]
    assert user.id == engine.log_in("local-userpass", username=ADDRESS, password=VICTIMS).user.id


@pytest.mark.parametrize("prove", [by_link, by_code])
def test_h1_what_a_user_wrote_herself_stays(
    engine: Engine, inbox: Inbox, prove: Callable[[Engine, Inbox], User]
) -> None:
    """Given a registration with data, when its owner confirms it with the password that she set
    there, then what she wrote is hers."""
    engine.register(ADDRESS, VICTIMS, data=DATA)

    user = prove(engine, inbox)

    assert {"email": ADDRESS, **DATA} == user.identities[0].data


@pytest.mark.parametrize("face", ["public", "trusted"])
def test_h1_it_goes_when_a_link_proves_the_address(engine: Engine, face: str) -> None:
    """
    Given an account with the victim's address that somebody else was let into,
    when an identity is linked to it whose provider has verified the address,
    then what he wrote is gone with his password; her identity has what its provider says.
    """
    his = let_in(engine)
    credentials = told("victim", ADDRESS, True)

    if face == "trusted":
        user = engine.identities.link(his, "told", **credentials)
    else:
        login = engine.log_in("local-userpass", username=ADDRESS, password=ATTACKERS)
        user = engine.public.identities.link(login.access_token, "told", **credentials)

    assert ["local-userpass", "told"] == providers(user)
    assert [{"email": ADDRESS}, {"name": "victim"}] == [i.data for i in user.identities]


def test_h1_it_stays_when_the_linked_address_was_proved_before(
    engine: Engine, inbox: Inbox
) -> None:
    """Nothing new is known of who wrote it: her password stays, and so does what she wrote."""
    engine.register(ADDRESS, VICTIMS, data=DATA)
    hers = by_link(engine, inbox)

    user = engine.identities.link(hers, "told", **told("victim", ADDRESS, True))

    assert {"email": ADDRESS, **DATA} == user.identities[0].data


def test_h1_it_goes_where_nobody_can_say_what_the_login_itself_was(
    store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given such an account, and a process that has not loaded the provider of passwords,
    when the address is proved there by a link, which drops his password,
    then all that he wrote is gone as well, her login key alone is left for a reset.
    """
    with (
        open_told(store, clock, inbox) as engine,
        open_engine(
            store, clock=clock, inbox=inbox, plugins=[ToldProviders()], discover=["email"]
        ) as bare,
    ):
        his = let_in(engine)

        user = bare.identities.link(his, "told", **told("victim", ADDRESS, True))

        assert (KEY, {}, {}) == (
            user.identities[0].login_key,
            user.identities[0].data,
            user.identities[0].private,
        )
        assert user.id == by_reset(engine, inbox).id
