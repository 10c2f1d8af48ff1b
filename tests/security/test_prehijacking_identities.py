"""H1 to H4: what somebody prepared with an address of another is worth nothing once she arrives."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from squatting import (
    ADDRESS,
    ATTACKERS,
    PROOFS,
    PROOFS_AND_LINK,
    VICTIMS,
    by_reset,
    is_dead,
    link,
    log_in,
    opens,
    squatted,
)
from told_providers import open_told, providers, told

from admit import Engine, LogIn, User
from admit.errors import TokenRefused, TokenSuperseded, WrongCredentials
from admit.testing import Inbox, MemoryStore, SettableClock


@pytest.fixture(params=["reserve", "first-proof"])
def engine(
    request: pytest.FixtureRequest, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> Iterator[Engine]:
    """An engine under either address policy, in the flow `email`, with told providers."""
    with open_told(store, clock, inbox, address_policy=request.param) as opened:
        yield opened


# --- H1: she arrives through a provider ----------------------------------------------------------


@pytest.mark.parametrize("state", ["pending", "confirmed"])
def test_h1_who_arrives_through_a_provider_gets_an_account_of_her_own(
    engine: Engine, state: str
) -> None:
    """
    Given an attacker who registered the victim's address with his password,
    when she arrives through a provider that has verified it,
    then hers is another account: his password, sessions and data are not in it.
    """
    if state == "pending":
        his = engine.register(ADDRESS, ATTACKERS, data={"note": "the attacker's"})
    else:
        his = squatted(engine).user

    hers = engine.log_in("told", **told("victim", ADDRESS, True)).user

    assert his.id != hers.id
    assert ["told"] == providers(hers)
    assert {"name": "victim"} == hers.identities[0].data
    assert [True] == [address.proved_at is not None for address in hers.addresses]
    assert hers.id == engine.log_in("told", **told("victim")).user.id
    assert {s.user for s in engine.sessions.of(hers)} == {hers.id}
    if state == "confirmed":
        assert his.id == log_in(engine, ATTACKERS).user.id
    else:
        assert not opens(engine, ATTACKERS)


def test_h1_her_proof_takes_the_address_from_a_registration_that_only_waits(
    engine: Engine, inbox: Inbox
) -> None:
    """
    Given the attacker's pending registration, and the victim in her own account,
    when she adds a password to it, for the address that her provider has verified,
    then hers is the one that opens, and his registration is gone with its link.
    """
    engine.register(ADDRESS, ATTACKERS)
    his = inbox.last_link(ADDRESS)
    hers = engine.log_in("told", **told("victim", ADDRESS, True))

    engine.public.identities.add_login(
        access_token=hers.access_token, login=ADDRESS, password=VICTIMS
    )
    engine.work_once()

    assert hers.user.id == log_in(engine, VICTIMS).user.id
    assert not opens(engine, ATTACKERS)
    with pytest.raises(TokenRefused):
        engine.confirm(**his.credentials)


@pytest.mark.parametrize("face", ["public", "trusted"])
def test_h1_the_password_of_before_dies_when_a_provider_proves_the_address(
    engine: Engine, face: str
) -> None:
    """
    Given an attacker's account with the victim's address, used and never proved, and the victim in
    it by a session that is not of his password – or an application that links by address –,
    when the identity is linked whose provider has verified the address,
    then his password and his sessions are dead, and she comes in by her own.
    """
    his = squatted(engine)
    if face == "trusted":
        user = engine.identities.link(his.user, "told", **told("victim", ADDRESS, True))
    else:
        engine.identities.link(his.user, "other", **told("victim"))
        hers = engine.log_in("other", **told("victim"))
        user = link(engine, hers, "told", **told("victim", ADDRESS, True))
        assert not is_dead(engine, hers)

    assert not opens(engine, ATTACKERS)
    assert is_dead(engine, his)
    assert user.id == engine.log_in("told", **told("victim")).user.id


# --- H2: the proof ends his sessions -------------------------------------------------------------


@pytest.mark.parametrize("prove", PROOFS.values(), ids=PROOFS)
def test_h2_his_session_is_dead_when_the_address_is_proved(
    engine: Engine, inbox: Inbox, prove: Callable[[Engine, Inbox], User]
) -> None:
    """Given sessions of the attacker's, when the victim proves her address, then neither an access
    token nor a refresh token of theirs works at the next request."""
    his = [squatted(engine), log_in(engine, ATTACKERS)]

    prove(engine, inbox)

    assert [True, True] == [is_dead(engine, session) for session in his]


@pytest.mark.parametrize("prove", PROOFS_AND_LINK.values(), ids=PROOFS_AND_LINK)
def test_h2_his_api_key_is_dead_when_the_address_is_proved(
    engine: Engine, inbox: Inbox, prove: Callable[[Engine, Inbox], User]
) -> None:
    """Given an API key that the attacker made, and a session that it opened, when the victim proves
    her address, then neither works any more, and a key that she makes does."""
    engine.settings.set("api-key.enabled", True)
    his = engine.api_keys.create(squatted(engine).user, name="his").text
    opened = engine.log_in("api-key", key=his)

    user = prove(engine, inbox)

    assert is_dead(engine, opened)
    with pytest.raises(WrongCredentials):
        engine.log_in("api-key", key=his)
    hers = engine.api_keys.create(user, name="hers").text
    assert user.id == engine.log_in("api-key", key=hers).user.id


def test_h2_a_link_that_is_the_first_proof_ends_the_others_and_keeps_the_callers(
    engine: Engine,
) -> None:
    """Existing clients go on with their old refresh token after a link."""
    hers = engine.log_in("nobody")
    elsewhere = log_in_again(engine, hers)

    link(engine, hers, "told", **told("victim", ADDRESS, True))

    assert (False, True) == (is_dead(engine, hers), is_dead(engine, elsewhere))


def log_in_again(engine: Engine, login: LogIn) -> LogIn:
    """Another session of the same user, by an identity that proves no address."""
    engine.identities.link(login.user, "other", **told("again"))
    return engine.log_in("other", **told("again"))


def test_h2_a_link_that_is_not_the_first_proof_ends_nothing(engine: Engine) -> None:
    """Nothing new is known of the user."""
    hers = engine.log_in("told", **told("victim", ADDRESS, True))
    elsewhere = engine.log_in("told", **told("victim"))

    link(engine, hers, "other", **told("victim", "second@example.com", True))

    assert (False, False) == (is_dead(engine, hers), is_dead(engine, elsewhere))


# --- H3: identities that he linked ---------------------------------------------------------------


@pytest.mark.parametrize("prove", PROOFS.values(), ids=PROOFS)
def test_h3_the_identities_that_he_linked_are_dropped_and_listed(
    engine: Engine, inbox: Inbox, prove: Callable[[Engine, Inbox], User]
) -> None:
    """
    Given an attacker who linked identities of his own, one with a verified address of his,
    when the victim proves her address,
    then they open nothing, his address is not there, and the event lists what went.
    """
    his = squatted(engine)
    link(engine, his, "told", **told("attacker", "attacker@example.com", True))
    his = log_in(engine, ATTACKERS)  # his first proof has ended the session of before
    link(engine, his, "other", **told("attacker"))

    user = prove(engine, inbox)

    assert ["local-userpass"] == providers(user)
    assert [ADDRESS] == [address.typed for address in user.addresses]
    for provider in ("told", "other"):
        assert user.id != engine.log_in(provider, **told("attacker")).user.id
    event = next(e for e in engine.users.timeline(user) if "dropped" in e.codes)
    assert "told, other" == event.codes["dropped"]
    assert event.detail is not None
    assert [
        {"provider": "told", "id": "id-of-attacker"},
        {"provider": "other", "id": "id-of-attacker"},
    ] == event.detail["dropped"]


def test_h3_the_proof_by_a_link_drops_them_too(engine: Engine) -> None:
    """
    Given the same, and the victim in the account by an identity that she linked,
    when she links the one whose provider has verified the address,
    then those two stay – her own acts –, and his are dropped.
    """
    his = squatted(engine)
    link(engine, his, "other", **told("attacker"))
    engine.identities.link(his.user, "other", **told("victim"))
    hers = engine.log_in("other", **told("victim"))

    user = link(engine, hers, "told", **told("victim", ADDRESS, True))

    assert ["id-of-victim"] * 2 == [i.id for i in user.identities if i.provider != "local-userpass"]
    assert user.id != engine.log_in("other", **told("attacker")).user.id
    linked = [e for e in engine.users.timeline(user) if e.trigger == "link"][-1]
    assert {"provider": "told", "dropped": "other"} == linked.codes


@pytest.mark.parametrize("prove", PROOFS.values(), ids=PROOFS)
def test_h3_what_is_linked_to_a_proved_user_stays(
    engine: Engine, inbox: Inbox, prove: Callable[[Engine, Inbox], User]
) -> None:
    """Given a user who proved her address and then linked an identity, when the address is proved
    once more, then nothing is dropped."""
    engine.register(ADDRESS, VICTIMS)
    engine.confirm(**inbox.last_link(ADDRESS).credentials)
    hers = log_in(engine, VICTIMS)
    link(engine, hers, "told", **told("victim"))

    user = prove(engine, inbox)

    assert ["local-userpass", "told"] == providers(user)


# --- H4: changes of address that he opened -------------------------------------------------------


def by_changing_the_password(engine: Engine, inbox: Inbox) -> User:
    """Whoever knows the password was there as well."""
    return engine.change_password(address=ADDRESS, current=ATTACKERS, new=VICTIMS)


def by_linking(engine: Engine, inbox: Inbox) -> User:
    """An identity is linked."""
    return link(engine, log_in(engine, ATTACKERS), "told", **told("victim", ADDRESS, True))


CANCELS = {**PROOFS, "change-password": by_changing_the_password, "link": by_linking}


@pytest.mark.parametrize("prove", CANCELS.values(), ids=CANCELS)
def test_h4_a_change_of_address_that_he_opened_is_cancelled(
    engine: Engine, inbox: Inbox, prove: Callable[[Engine, Inbox], User]
) -> None:
    """
    Given a change of address that the attacker asked for, and whose link he has,
    when the victim confirms, resets or links, or the password is changed,
    then his link is dead.
    """
    his = squatted(engine)
    engine.public.identities.change_address(
        access_token=his.access_token, to="attacker@example.com"
    )
    engine.work_once()
    change = inbox.last_link("attacker@example.com").credentials

    user = prove(engine, inbox)

    with pytest.raises(TokenSuperseded):
        engine.identities.confirm_address(**change)
    assert [ADDRESS] == [address.typed for address in user.addresses]


def test_h4_a_login_that_he_wanted_to_add_is_cancelled_by_a_link(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a further login that the attacker asked for, when the victim links her identity, then
    his link adds nothing."""
    his = engine.log_in("told", **told("attacker", ADDRESS))
    engine.public.identities.add_login(
        access_token=his.access_token, login="attacker@example.com", password=ATTACKERS
    )
    engine.work_once()

    engine.identities.link(his.user, "other", **told("victim", ADDRESS, True))

    with pytest.raises(TokenSuperseded):
        engine.identities.confirm_address(**inbox.last_link("attacker@example.com").credentials)


def test_h4_the_notice_at_the_old_address_is_in_time(engine: Engine, inbox: Inbox) -> None:
    """The owner of the old address is told when it is asked for, and a reset stops it."""
    his = squatted(engine)
    engine.public.identities.change_address(
        access_token=his.access_token, to="attacker@example.com"
    )
    engine.work_once()
    change = inbox.last_link("attacker@example.com").credentials
    assert any("ask for a new\npassword at once" in m.text for m in inbox.messages)

    user = by_reset(engine, inbox)

    with pytest.raises(TokenSuperseded):
        engine.identities.confirm_address(**change)
    assert [ADDRESS] == [address.typed for address in user.addresses]
