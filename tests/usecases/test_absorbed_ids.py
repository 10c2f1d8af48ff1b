"""The id of a user who was absorbed leads to the survivor, wherever a user is looked up by id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from told_providers import open_told, told

import admit
from admit import Engine, LogIn, User
from admit.errors import LogInRefused, TokenRefused
from admit.records import UserId
from admit.testing import Inbox, MemoryStore, SettableClock

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery staple"
OTHER = "another horse, another battery"


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[Engine]:
    """An engine with providers that believe what they are told, and API keys."""
    with open_told(store, clock, inbox, **{"api-key.enabled": True}) as opened:
        yield opened


@pytest.fixture
def old(engine: Engine) -> User:
    """A user who is absorbed."""
    return engine.log_in("told", **told("ada")).user


@pytest.fixture
def survivor(engine: Engine, old: User) -> LogIn:
    """Who absorbed her: twice, so that the first id had to be led on."""
    between = engine.log_in("other", **told("ada")).user
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    user = engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD).user
    engine.identities.merge(between, old)
    engine.identities.merge(user, between)
    login = engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    engine.api_keys.create(user, name="hers")
    engine.custom_data.set(user, {"plan": "gold"})
    return login


LOOK_UPS: dict[str, Callable[[Engine, str], object]] = {
    "get": lambda engine, user: engine.users.get(user).id,
    "export": lambda engine, user: engine.users.export(UserId(user))["user"]["id"],
    "sessions": lambda engine, user: {s.user for s in engine.sessions.of(UserId(user))}.pop(),
    "api keys": lambda engine, user: {k.user for k in engine.api_keys.of(user)}.pop(),
    "custom data": lambda engine, user: engine.custom_data.get(user).user,
    "why": lambda engine, user: engine.why(user).user.id,
    "disable": lambda engine, user: engine.disable(user).id,
    "log out all": lambda engine, user: engine.log_out_all(user).id,
    "change password": lambda engine, user: (
        engine.change_password(user, current=PASSWORD, new=OTHER).id
    ),
    "reset": lambda engine, user: engine.reset(user).id,
    "link": lambda engine, user: engine.identities.link(user, "told", **told("more")).id,
    "new key": lambda engine, user: engine.api_keys.create(user, name="new").key.user,
    "new data": lambda engine, user: engine.custom_data.set(user, {"plan": "new"}).user,
    "delete": lambda engine, user: engine.delete(user).id,
}


@pytest.mark.parametrize("look_up", LOOK_UPS.values(), ids=LOOK_UPS)
def test_an_absorbed_id_leads_to_the_survivor(
    engine: Engine, old: User, survivor: LogIn, look_up: Callable[[Engine, str], object]
) -> None:
    """Given an id that was absorbed, whose survivor was absorbed as well, when anything is looked
    up or done by it, then it is that of the last survivor."""
    assert survivor.user.id == look_up(engine, old.id)


def test_the_usable_identities_of_an_absorbed_id_are_the_survivors(
    engine: Engine, old: User, survivor: LogIn
) -> None:
    """Also those that came from her."""
    assert ["local-userpass", "other", "told"] == [
        identity.provider for identity in engine.identities.usable(old.id)
    ]


def test_the_history_of_an_absorbed_id_is_its_own(
    engine: Engine, old: User, survivor: LogIn
) -> None:
    """What was done by the old user stays where it happened: it ends with being absorbed."""
    assert "absorb" == engine.users.timeline(old.id)[-1].trigger


def test_nobody_has_sessions_by_an_id_that_is_nobodys(engine: Engine, old: User) -> None:
    """Neither of a deleted user nor of one that never was."""
    engine.delete(old)

    assert ((), ()) == (engine.sessions.of(old.id), engine.sessions.of(UserId("0" * 24)))


def test_o1_no_token_of_an_absorbed_user_follows(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given a user with a reset on its way, and the password of the survivor,
    when the reset link is used after the merge, or strangers name the old id with that password,
    then neither opens anything: credentials are the survivor's by her own name alone.
    """
    engine.confirm_manually(engine.register("old@example.com", PASSWORD))
    old = engine.log_in("local-userpass", username="old@example.com", password=PASSWORD).user
    engine.reset(old)
    link = inbox.last_link("old@example.com").credentials
    engine.identities.merge(engine.log_in("told", **told("ada")).user, old)
    clock.advance(timedelta(minutes=1))

    with pytest.raises(TokenRefused):
        engine.set_password(password=OTHER, **link)
    with pytest.raises(TokenRefused):
        engine.public.set_password(password=OTHER, **link)
    with pytest.raises(LogInRefused):
        engine.public.change_password(user=old.id, current=PASSWORD, new=OTHER)
    assert isinstance(engine.public.resend(user=old.id), admit.Receipt)
