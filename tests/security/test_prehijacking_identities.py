"""H1 to H5: what somebody prepared with another's address is worth nothing once she arrives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from told_providers import open_told, providers, told

from admit import Engine, LogIn, User
from admit.errors import (
    LogInRefused,
    SessionInvalid,
    TokenRefused,
    TokenSuperseded,
    UserNotFound,
    WrongCredentials,
)
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

ADDRESS = "victim@example.com"
ATTACKERS = "the password of the attacker"
VICTIMS = "the password of the victim"


@pytest.fixture(params=["reserve", "first-proof"])
def engine(
    request: pytest.FixtureRequest, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> Iterator[Engine]:
    """An engine under either address policy, in the flow `email`, with told providers."""
    with open_told(store, clock, inbox, address_policy=request.param) as opened:
        yield opened


def log_in(engine: Engine, password: str, address: str = ADDRESS) -> LogIn:
    return engine.log_in("local-userpass", username=address, password=password)


def opens(engine: Engine, password: str) -> bool:
    """Whether a password opens an account by the address."""
    try:
        log_in(engine, password)
    except LogInRefused:
        return False
    return True


def is_dead(engine: Engine, login: LogIn) -> bool:
    """Whether neither token of a log-in opens anything."""
    dead = 0
    for use in (
        lambda: engine.verify(login.access_token),
        lambda: engine.refresh(login.refresh_token),
    ):
        try:
            use()
        except SessionInvalid:
            dead += 1
    assert dead in (0, 2), "a session ends whole"
    return dead == 2


def squatted(engine: Engine) -> LogIn:
    """The attacker's account with the victim's address, which an application that confirms without
    proof let him use."""
    engine.confirm_manually(engine.register(ADDRESS, ATTACKERS))
    return log_in(engine, ATTACKERS)


def link(engine: Engine, login: LogIn, provider: str, **credentials: object) -> User:
    return engine.public.identities.link(login.access_token, provider, **credentials)


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


def by_confirming(engine: Engine, inbox: Inbox) -> User:
    """The link that was mailed at the registration, pressed late."""
    token, token_id = (
        re.search(rf"\b{name}=([0-9a-f]+)", inbox.messages[0].text) for name in ("token", "tokenId")
    )
    assert token is not None
    assert token_id is not None
    return engine.confirm(token=token[1], token_id=token_id[1])


def by_reset(engine: Engine, inbox: Inbox) -> User:
    """A reset that she asked for."""
    engine.public.reset(address=ADDRESS)
    engine.work_once()
    return engine.public.set_password(**inbox.last_link(ADDRESS).credentials, password=VICTIMS)


PROOFS: dict[str, Callable[[Engine, Inbox], User]] = {"confirm": by_confirming, "reset": by_reset}


@pytest.mark.parametrize("prove", PROOFS.values(), ids=PROOFS)
def test_h2_his_session_is_dead_when_the_address_is_proved(
    engine: Engine, inbox: Inbox, prove: Callable[[Engine, Inbox], User]
) -> None:
    """Given sessions of the attacker's, when the victim proves her address, then neither an access
    token nor a refresh token of theirs works at the next request."""
    his = [squatted(engine), log_in(engine, ATTACKERS)]

    prove(engine, inbox)

    assert [True, True] == [is_dead(engine, session) for session in his]


PROOFS_AND_LINK: dict[str, Callable[[Engine, Inbox], User]] = {
    **PROOFS,
    "link": lambda engine, inbox: engine.identities.link(
        engine.users.find(ADDRESS), "told", **told("victim", ADDRESS, True)
    ),
}


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


def with_a_login_of_hers(engine: Engine, inbox: Inbox, login: LogIn) -> User:
    """A login of its own address, which its owner has proved."""
    mine = engine.public.identities
    mine.add_login(access_token=login.access_token, login=ADDRESS, password=VICTIMS)
    engine.work_once()
    return mine.confirm_address(
        access_token=login.access_token, **inbox.last_link(ADDRESS).credentials
    )


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


# --- a change of address is a proof as well ------------------------------------------------------


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
