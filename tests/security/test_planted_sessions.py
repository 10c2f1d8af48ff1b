"""H2, O6: a session that an attacker planted in the victim's browser, in which she links hers.

She believes to be logged in as herself. The account is his, and stays his: what he had there is not
dropped, since her proof says nothing of his mailbox. But she is told at her own, and can take her
identity back; and the link makes his session no fresher.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from told_providers import open_told, providers, told

from admit import Engine, LogIn, User
from admit.errors import FreshLogInNeeded, SessionInvalid, WrongCredentials
from admit.testing import Inbox, MemoryStore, SettableClock

HIS = "attacker@example.com"
HERS = "victim@example.com"
PASSWORD = "the password of the attacker"


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[Engine]:
    """An engine with providers that believe what they are told, and API keys."""
    settings = {"api-key.enabled": True}
    with open_told(store, clock, inbox, **settings) as opened:
        yield opened


def planted(engine: Engine, inbox: Inbox, *, proved: bool) -> LogIn:
    """A session of an account of his own, which he puts into her browser."""
    user = engine.register(HIS, PASSWORD)
    if proved:
        engine.confirm(**inbox.last_link(HIS).credentials)
    else:
        engine.confirm_manually(user)
    return engine.log_in("local-userpass", username=HIS, password=PASSWORD)


def links_hers(engine: Engine, inbox: Inbox, session: LogIn) -> User:
    """She links the identity that she has at a provider which has verified her address."""
    inbox.messages.clear()
    user = engine.public.identities.link(session.access_token, "told", **told("her", HERS, True))
    engine.work_once()
    return user


def lives(engine: Engine, login: LogIn) -> bool:
    try:
        engine.verify(login.access_token)
    except SessionInvalid:
        return False
    return True


@pytest.mark.parametrize("proved", [False, True])
def test_h2_the_owner_of_an_address_that_an_account_gains_by_a_link_is_told_there(
    engine: Engine, inbox: Inbox, proved: bool
) -> None:
    """
    Given a session of an attacker's account in the victim's browser,
    when she links her identity there, so that the account gains her proved address,
    then both mailboxes are told, hers that it belongs to an account with another one.
    """
    user = links_hers(engine, inbox, planted(engine, inbox, proved=proved))

    assert [HIS, HERS] == [address.typed for address in user.addresses]
    [to_him] = [message.text for message in inbox.to(HIS)]
    [to_her] = [message.text for message in inbox.to(HERS)]
    assert "Another way to log in was added to your account." in to_him
    assert "was added to an account that has another address as well" in " ".join(to_her.split())


def test_h2_nobody_is_told_twice_where_the_address_is_the_accounts_own(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a user who confirmed her address, when she links an identity that vouches for it, then
    one notice goes there; and an anonymous user's first address gets one as well."""
    engine.register(HERS, PASSWORD)
    engine.confirm(**inbox.last_link(HERS).credentials)
    hers = engine.log_in("local-userpass", username=HERS, password=PASSWORD)

    links_hers(engine, inbox, hers)
    assert 1 == len(inbox.messages)
    anonymous = engine.log_in("nobody")
    inbox.messages.clear()
    engine.public.identities.link(anonymous.access_token, "other", **told("her", HERS, True))
    engine.work_once()

    assert [HERS] == [message.to for message in inbox.messages]


def test_h2_a_registration_that_a_link_absorbs_is_told_of_as_well(
    engine: Engine, inbox: Inbox
) -> None:
    """Given a confirmed registration that nobody logged in with, when it is linked in a session of
    somebody with another address, then both mailboxes are told."""
    engine.register(HERS, PASSWORD)
    engine.confirm(**inbox.last_link(HERS).credentials)
    session = engine.log_in("told", **told("him", HIS, True))
    inbox.messages.clear()

    engine.public.identities.link(
        session.access_token, "local-userpass", username=HERS, password=PASSWORD
    )
    engine.work_once()

    assert [HIS, HERS] == sorted(message.to for message in inbox.messages)


def test_h2_her_identity_comes_back_to_her(engine: Engine, inbox: Inbox) -> None:
    """
    Given her identity in his account,
    when she logs in with it and unlinks it,
    then the next log-in with it makes an account of her own.
    """
    his = links_hers(engine, inbox, planted(engine, inbox, proved=True))
    hers = engine.log_in("told", **told("her", HERS, True))
    assert his.id == hers.user.id

    engine.public.identities.unlink(access_token=hers.access_token, provider="told")

    assert his.id != engine.log_in("told", **told("her", HERS, True)).user.id


def test_h2_the_first_proof_of_his_account_ends_what_he_has_but_the_calling_session(
    engine: Engine, inbox: Inbox
) -> None:
    """
    Given his account without a proved address, with a second session and a key,
    when her link is its first proof,
    then both are dead; the calling session goes on, and so does his password: the account is his.
    """
    session = planted(engine, inbox, proved=False)
    second = engine.log_in("local-userpass", username=HIS, password=PASSWORD)
    key = engine.api_keys.create(session.user, name="his").text

    user = links_hers(engine, inbox, session)

    assert (True, False) == (lives(engine, session), lives(engine, second))
    with pytest.raises(WrongCredentials):
        engine.log_in("api-key", key=key)
    assert ["local-userpass", "told"] == providers(user)
    assert user.id == engine.log_in("local-userpass", username=HIS, password=PASSWORD).user.id


def test_h2_a_further_proof_ends_nothing(engine: Engine, inbox: Inbox) -> None:
    """Given his account with a proved address, when she links hers, then nothing new is known of
    its owner: existing clients go on in all their sessions."""
    session = planted(engine, inbox, proved=True)
    second = engine.log_in("local-userpass", username=HIS, password=PASSWORD)

    links_hers(engine, inbox, session)

    assert (True, True) == (lives(engine, session), lives(engine, second))


# --- how old the calling session is afterwards ----------------------------------------------------


@pytest.mark.parametrize("proved", [False, True])
def test_o6_a_link_makes_a_session_no_fresher(
    engine: Engine, inbox: Inbox, clock: SettableClock, proved: bool
) -> None:
    """
    Given a session of somebody who can log in again, four minutes after the log-in,
    when an identity is linked in it,
    then it is as old as before: two minutes later it may not link, nor do what else a thief would.
    """
    session = planted(engine, inbox, proved=proved)
    clock.advance(timedelta(minutes=4))
    links_hers(engine, inbox, session)
    clock.advance(timedelta(minutes=2))

    with pytest.raises(FreshLogInNeeded):
        engine.sessions.verify_fresh(session.access_token)
    assert session.session.authenticated_at == engine.verify(session.access_token).authenticated_at
    engine.public.sessions.prove_again(session.access_token, "told", **told("her"))
    engine.sessions.verify_fresh(session.access_token)


def test_o6_the_linked_identity_is_the_log_in_of_who_had_none_to_repeat(
    engine: Engine, clock: SettableClock
) -> None:
    """
    Given an anonymous user whose session is old, and who was exempt so far,
    when she links an identity,
    then its proof counts as her log-in, for five minutes, and further links do not lengthen it.
    """
    session = engine.log_in("nobody")
    clock.advance(timedelta(minutes=20))
    mine = engine.public.identities

    mine.link(session.access_token, "told", **told("ada"))
    clock.advance(timedelta(minutes=4))
    mine.link(session.access_token, "other", **told("ada"))
    clock.advance(timedelta(minutes=1, seconds=1))

    with pytest.raises(FreshLogInNeeded):
        engine.sessions.verify_fresh(session.access_token)


def test_o6_a_link_gives_the_session_of_a_key_no_age(engine: Engine, inbox: Inbox) -> None:
    """
    Given a key of an anonymous user, and an application that asks for no fresh log-in,
    when an identity is linked in the key's session, and fresh log-ins are asked for again,
    then that session is still nobody's proof.
    """
    engine.settings.set("fresh_log_in_within", None)
    user = engine.log_in("nobody").user
    key = engine.api_keys.create(user, name="program").text
    session = engine.log_in("api-key", key=key)
    engine.public.identities.link(session.access_token, "told", **told("ada"))

    engine.settings.unset("fresh_log_in_within")

    with pytest.raises(FreshLogInNeeded):
        engine.sessions.verify_fresh(session.access_token)


# --- whoever has the account is told at the address that it had -----------------------------------


def test_t9_a_login_that_was_added_is_told_of_where_the_account_was_known_before(
    engine: Engine, inbox: Inbox
) -> None:
    """
    Given an account that a provider made, with a proved address,
    when a login with another address is added in its session, and confirmed,
    then that it was is told at the address of before: the new one heard of it by its own message.
    """
    session = engine.log_in("told", **told("him", HIS, True))
    mine = engine.public.identities
    mine.add_login(access_token=session.access_token, login=HERS, password=PASSWORD)
    engine.work_once()
    link = inbox.last_link(HERS).credentials
    inbox.messages.clear()

    mine.confirm_address(access_token=session.access_token, **link)
    engine.work_once()

    assert [HIS] == [message.to for message in inbox.messages]
