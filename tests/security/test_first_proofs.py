"""H2, H3: whatever first proves an address ends and drops what somebody else left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from squatting import (
    ADDRESS,
    ATTACKERS,
    VICTIMS,
    is_dead,
    link,
    log_in,
    opens,
    squatted,
    with_a_login_of_hers,
)
from told_providers import open_told, providers, told

from admit import Engine, LogIn, User
from admit.errors import WrongCredentials
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine


@pytest.fixture(params=["reserve", "first-proof"])
def engine(
    request: pytest.FixtureRequest, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> Iterator[Engine]:
    """An engine under either address policy, in the flow `email`, with told providers."""
    with open_told(store, clock, inbox, address_policy=request.param) as opened:
        yield opened


def by_changing_the_address(engine: Engine, inbox: Inbox, login: LogIn | None = None) -> User:
    """The owner of a mistyped address has it changed, and proves the right one."""
    right = "right@example.com"
    if login is None:
        engine.identities.change_address(address=ADDRESS, to=right)
        return engine.identities.confirm_address(**inbox.last_link(right).credentials)
    mine = engine.public.identities
    mine.change_address(access_token=login.access_token, to=right)
    while engine.work_once():
        pass
    return mine.confirm_address(
        access_token=login.access_token, **inbox.last_link(right).credentials
    )


@pytest.mark.parametrize("face", ["public", "trusted"])
def test_h2_a_change_of_address_that_is_the_first_proof_ends_keys_and_drops_the_rest(
    engine: Engine, inbox: Inbox, face: str
) -> None:
    """
    Given a user whose address nobody has proved, with an API key and identities that were linked,
    when the address is changed to one that is proved,
    then the key is dead, and what is left is her login and what the session was opened with.
    """
    engine.settings.set("api-key.enabled", True)
    user = squatted(engine).user
    key = engine.api_keys.create(user, name="his").text
    engine.identities.link(user, "other", **told("attacker"))
    engine.identities.link(user, "told", **told("hers"))
    hers = None if face == "trusted" else engine.log_in("told", **told("hers"))

    user = by_changing_the_address(engine, inbox, hers)

    rest = [] if hers is None else ["told"]
    assert ["local-userpass", *rest] == providers(user)
    with pytest.raises(WrongCredentials):
        engine.log_in("api-key", key=key)
    assert user.id != engine.log_in("other", **told("attacker")).user.id
    [changed] = [e for e in engine.users.timeline(user) if e.trigger == "address-changed"]
    assert ("other" if hers else "other, told") == changed.codes["dropped"]
    assert hers is None or not is_dead(engine, hers)


def test_h2_a_change_of_a_proved_address_ends_no_keys_and_drops_nothing(
    engine: Engine, inbox: Inbox
) -> None:
    """Nothing new is known of who she is."""
    engine.settings.set("api-key.enabled", True)
    user = engine.register(ADDRESS, VICTIMS)
    engine.confirm(**inbox.last_link(ADDRESS).credentials)
    key = engine.api_keys.create(user, name="hers").text
    engine.identities.link(user, "other", **told("hers"))

    user = by_changing_the_address(engine, inbox)

    assert ["local-userpass", "other"] == providers(user)
    assert user.id == engine.log_in("api-key", key=key).user.id


def test_h3_who_has_no_login_of_that_address_keeps_her_ways_in(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a user with identities of providers alone, and no session that asks, when her address
    is proved by a change, then they stay: without them nobody would come in."""
    user = engine.log_in("told", **told("victim", ADDRESS)).user
    engine.identities.change_address(user, to="right@example.com")

    user = engine.identities.confirm_address(**inbox.last_link("right@example.com").credentials)

    assert ["told"] == providers(user)
    assert [True] == [address.proved_at is not None for address in user.addresses]


def test_h3_a_password_that_opened_the_session_goes_if_its_address_was_not_proved(
    engine: Engine,
) -> None:
    """
    Given a victim whose browser the attacker has logged in with the password that he set,
    when she links the identity whose provider has verified the address,
    then his password is gone all the same, her login stays for a reset, and her session goes on.
    """
    his = squatted(engine)

    user = link(engine, his, "told", **told("victim", ADDRESS, True))

    assert not opens(engine, ATTACKERS)
    assert ["local-userpass", "told"] == providers(user)
    assert {} == user.identities[0].private
    assert not is_dead(engine, his)


def test_h3_a_password_of_a_proved_address_stays(engine: Engine, inbox: Inbox) -> None:
    """Given a user who confirmed her address, when she links an identity that vouches for it, or
    for another one, then her password opens the account as before."""
    engine.register(ADDRESS, VICTIMS)
    engine.confirm(**inbox.last_link(ADDRESS).credentials)
    hers = log_in(engine, VICTIMS)

    link(engine, hers, "told", **told("victim", ADDRESS, True))
    link(engine, hers, "other", **told("victim", "second@example.com", True))

    assert opens(engine, VICTIMS)


@pytest.mark.parametrize("way", ["link", "add-login", "merge"])
def test_h2_the_session_of_a_key_that_dies_does_not_go_on(
    engine: Engine, inbox: Inbox, way: str
) -> None:
    """
    Given a user without a proved address, and a session that a key of hers opened,
    when in that session an address is proved for the first time, so that her keys die,
    then the session dies with the key, and a session of her own would have gone on.
    """
    engine.settings.set("api-key.enabled", True)
    engine.settings.set("fresh_log_in_within", None)  # else a key's session may do none of this
    user = engine.log_in("nobody").user
    key = engine.api_keys.create(user, name="program").text
    login = engine.log_in("api-key", key=key)

    if way == "link":
        link(engine, login, "told", **told("victim", ADDRESS, True))
    elif way == "add-login":
        with_a_login_of_hers(engine, inbox, login)
    else:
        other = engine.log_in("told", **told("victim", ADDRESS, True))
        engine.public.identities.merge(
            access_token=login.access_token, absorbed_access_token=other.access_token
        )

    assert is_dead(engine, login)
    with pytest.raises(WrongCredentials):
        engine.log_in("api-key", key=key)


def test_h3_a_process_without_the_password_provider_drops_no_password(
    store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given a registration, and a process that has not loaded the provider of passwords,
    when the link is pressed there, then the login with its password is as before: that this
    process cannot ask whether it was registered says nothing of who did.
    """
    with (
        open_told(store, clock, inbox) as engine,
        open_engine(store, clock=clock, inbox=inbox, discover=["email"]) as bare,
    ):
        engine.register(ADDRESS, VICTIMS)

        bare.confirm(**inbox.last_link(ADDRESS).credentials)

        assert opens(engine, VICTIMS)
