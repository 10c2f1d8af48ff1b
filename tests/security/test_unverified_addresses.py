"""H5: an address that nobody vouched for proves nothing and finds nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from squatting import (
    ADDRESS,
    ATTACKERS,
    PROOFS_AND_LINK,
    VICTIMS,
    is_dead,
    link,
    log_in,
    opens,
    squatted,
    with_a_login_of_hers,
)
from told_providers import open_told, providers, told

from admit import Engine, User
from admit.errors import UserNotFound, WrongCredentials
from admit.testing import Inbox, MemoryStore, SettableClock


@pytest.fixture(params=["reserve", "first-proof"])
def engine(
    request: pytest.FixtureRequest, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> Iterator[Engine]:
    """An engine under either address policy, in the flow `email`, with told providers."""
    with open_told(store, clock, inbox, address_policy=request.param) as opened:
        yield opened


# --- H5: providers that do not verify -------------------------------------------------------------


@pytest.mark.parametrize("verified", [None, False, "false", "true", 1], ids=repr)
def test_h5_an_address_that_is_not_verified_proves_nothing_and_links_nothing(
    engine: Engine, verified: object
) -> None:
    """
    Given the victim's account with a proved address,
    when somebody comes through a provider that says the address without vouching for it,
    then his is another account, in which it is not proved; and linked it proves nothing either.
    """
    hers = engine.log_in("other", **told("victim", ADDRESS, True)).user

    his = engine.log_in("told", **told("attacker", ADDRESS, verified))

    assert hers.id != his.user.id
    assert [None] == [address.proved_at for address in his.user.addresses]
    user = link(engine, his, "other", **told("attacker", ADDRESS, verified))
    assert [None] == [address.proved_at for address in user.addresses]
    assert not is_dead(engine, his)


def test_h5_it_drops_and_ends_nothing(engine: Engine) -> None:
    """
    Given a user with an unproved address and several identities,
    when an identity is linked whose provider does not vouch for that address,
    then every session, identity and password is as before.
    """
    login = squatted(engine)
    link(engine, login, "other", **told("more"))

    user = link(engine, login, "told", **told("again", ADDRESS, "true"))

    assert ["local-userpass", "other", "told"] == providers(user)
    assert not is_dead(engine, login)
    assert opens(engine, ATTACKERS)


def test_h5_auto_confirmation_does_not_prove_a_providers_address(engine: Engine) -> None:
    """Confirmed is not proved: a first log-in confirms at once, the address stays unproved."""
    user = engine.log_in("told", **told("victim", ADDRESS)).user

    assert ("confirmed", [None]) == (user.state, [address.proved_at for address in user.addresses])
    with pytest.raises(WrongCredentials):
        log_in(engine, VICTIMS)


# --- an identity whose name looks like an address ------------------------------------------------


@pytest.mark.parametrize("prove", PROOFS_AND_LINK.values(), ids=PROOFS_AND_LINK)
def test_h3_an_identity_that_is_called_like_the_address_is_dropped_too(
    engine: Engine, inbox: Inbox, prove: Callable[[Engine, Inbox], User]
) -> None:
    """
    Given an attacker who linked an identity that his provider calls by the victim's address,
    when she proves the address,
    then it opens nothing of hers: it was never registered with the address.
    """
    his = squatted(engine)
    link(engine, his, "other", **told(ADDRESS))

    user = prove(engine, inbox)

    assert "other" not in providers(user)
    assert user.id != engine.log_in("other", **told(ADDRESS)).user.id


def test_t9_a_reset_goes_to_the_address_of_the_login_whose_password_it_sets(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given a user with a login, and an identity of another provider that is called by an address –
    which that provider does not vouch for –,
    when she asks for a reset,
    then the message goes to the address of her login, and none to the other.
    """
    elses = "somebody-else@example.com"
    login = engine.log_in("told", **told(elses, elses))
    with_a_login_of_hers(engine, inbox, login)
    clock.advance(timedelta(hours=1))
    while engine.work_once():
        pass
    before = len(inbox.messages)

    engine.public.reset(address=ADDRESS)
    while engine.work_once():
        pass

    assert [ADDRESS] == [message.to for message in inbox.messages[before:]]


def test_t9_a_notice_goes_to_the_proved_address_not_to_one_that_an_identity_is_called_by(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a user with an address that her provider vouched for, when an identity is linked that
    is called by another one, then she is told, and that other mailbox is not."""
    hers = engine.log_in("told", **told("victim", ADDRESS, True))

    user = link(engine, hers, "other", **told("evil@example.com", "evil@example.com"))
    engine.work_once()

    assert [ADDRESS] == [message.to for message in inbox.messages]
    assert [ADDRESS] == [address.typed for address in user.addresses]


def test_h5_a_merge_brings_no_address_that_an_identity_is_only_called_by(engine: Engine) -> None:
    """Given two users, one of whom is called by an address that nobody vouched for, when they are
    merged, then that address is not the survivor's."""
    hers = engine.log_in("told", **told("victim", ADDRESS, True)).user
    other = engine.log_in("other", **told("evil@example.com", "evil@example.com")).user

    user = engine.identities.merge(hers, other)

    assert ["told", "other"] == providers(user)
    assert [ADDRESS] == [address.typed for address in user.addresses]


# --- whom an address leads to ---------------------------------------------------------------------


def test_h5_an_address_leads_to_who_proved_it_not_to_who_only_carries_it(engine: Engine) -> None:
    """
    Given an attacker whose provider says the victim's address and does not vouch for it,
    when something is done for the user with this address before and after she proved it,
    then it is never done for him: nobody is found, and then she is.
    """
    his = engine.log_in("told", **told("attacker", ADDRESS)).user
    with pytest.raises(UserNotFound):
        engine.api_keys.create(address=ADDRESS, name="hers")
    with pytest.raises(UserNotFound):
        engine.users.find(ADDRESS)

    hers = engine.log_in("other", **told("victim", ADDRESS, True)).user

    assert hers.id == engine.api_keys.create(address=ADDRESS, name="hers").key.user
    assert hers.id == engine.users.find(ADDRESS).id
    engine.disable(address=ADDRESS)
    assert (True, False) == (engine.users.get(hers.id).disabled, engine.users.get(his.id).disabled)


def test_h5_many_who_only_carry_an_address_do_not_hide_who_proved_it(engine: Engine) -> None:
    """Given a user who proved her address, when attackers come through a provider that says it of
    each of them, then it is still she whom the address leads to."""
    hers = engine.log_in("other", **told("victim", ADDRESS, True)).user

    for number in range(25):
        engine.log_in("told", **told(f"attacker-{number}", ADDRESS))

    assert hers.id == engine.users.find(ADDRESS).id


def test_h5_who_only_carries_an_address_does_not_shadow_who_waits_for_it(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given the same attacker, and the victim who registered and waits to be confirmed,
    when she asks for another message, for a new password, or has a mistyped address corrected,
    then it is her account that is meant.
    """
    engine.log_in("told", **told("attacker", ADDRESS))
    engine.public.register(ADDRESS, VICTIMS)
    engine.work_once()
    asks: list[Callable[[], object]] = [
        lambda: engine.public.resend(address=ADDRESS),
        lambda: engine.public.reset(address=ADDRESS),
    ]

    for ask in asks:
        clock.advance(timedelta(minutes=20))
        before = len(inbox.messages)
        ask()
        engine.work_once()
        assert [ADDRESS] == [message.to for message in inbox.messages[before:]]
    clock.advance(timedelta(minutes=20))
    engine.public.correct_address(address=ADDRESS, password=VICTIMS, to="victim@example.org")

    assert "pending" == engine.users.find("victim@example.org").state
