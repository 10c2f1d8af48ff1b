"""Unlink: an identity goes, never the last one that somebody could log in with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from races import meanwhile
from told_providers import open_told, providers, told

import admit
from admit import LogIn, User
from admit.errors import (
    FreshLogInNeeded,
    IdentityNotFound,
    InvalidInput,
    LastIdentity,
    NotAllowed,
    SessionInvalid,
    TokenSuperseded,
    UnknownName,
    WrongCredentials,
)
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[admit.Engine]:
    """An engine with the providers `told`, `other` and `nobody`, in the flow `email`."""
    with open_told(store, clock, inbox) as opened:
        yield opened


def linked(engine: admit.Engine, *more: str) -> LogIn:
    """A log-in of Ada, with an identity of `told` and of those providers."""
    login = engine.log_in("told", **told("ada"))
    for provider in more:
        engine.public.identities.link(login.access_token, provider, **told("ada"))
    return login


def unlink(engine: admit.Engine, login: LogIn, provider: str, identity: str | None = None) -> User:
    return engine.public.identities.unlink(
        access_token=login.access_token, provider=provider, identity=identity
    )


def test_an_unlinked_identity_opens_nothing_and_is_free(engine: admit.Engine) -> None:
    """
    Given a user of two identities,
    when one is unlinked,
    then it no longer finds her: whoever proves it next is a new user.
    """
    login = linked(engine, "other")

    assert ["told"] == providers(unlink(engine, login, "other"))

    assert login.user.id != engine.log_in("other", **told("ada")).user.id
    assert login.user.id == engine.log_in("told", **told("ada")).user.id


def test_all_sessions_end_but_the_callers(engine: admit.Engine) -> None:
    """What was opened with it must not go on; whoever unlinks proved who she is a moment ago."""
    login = linked(engine, "other")
    others = [engine.log_in("other", **told("ada")), engine.log_in("told", **told("ada"))]

    unlink(engine, login, "other")

    assert login.user.id == engine.verify(login.access_token).user_id
    assert login.user.id == engine.refresh(login.refresh_token).user.id
    for other in others:
        with pytest.raises(SessionInvalid):
            engine.verify(other.access_token)
        with pytest.raises(SessionInvalid):
            engine.refresh(other.refresh_token)


def test_o6_a_session_stays_as_fresh_as_its_log_in(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """Given a session that was opened with the identity that its user unlinks, then it goes on, and
    is as fresh as the log-in was: she proved who she is at that moment."""
    login = linked(engine, "other")
    unlink(engine, login, "told")
    engine.public.identities.link(login.access_token, "told", **told("again"))

    clock.advance(timedelta(minutes=6))
    with pytest.raises(FreshLogInNeeded):
        engine.public.identities.link(login.access_token, "told", **told("once more"))


def test_a_log_in_with_it_that_is_under_way_opens_nothing(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """
    Given a user who is seen all the time, so that a log-in writes a session and not her document,
    when her identity is unlinked between a log-in's look and its commit,
    then the session that this log-in got is dead.
    """
    login = linked(engine, "other")
    meanwhile(store, lambda: unlink(engine, login, "other"))

    raced = engine.log_in("other", **told("ada"))

    with pytest.raises(SessionInvalid):
        engine.verify(raced.access_token)


def test_one_of_several_is_named_by_its_id(engine: admit.Engine) -> None:
    """Given two identities of one provider, without the id it is not clear which is meant."""
    login = linked(engine, "other")
    engine.public.identities.link(login.access_token, "other", **told("countess"))

    with pytest.raises(InvalidInput, match="several of this provider"):
        unlink(engine, login, "other")

    user = unlink(engine, login, "other", "id-of-ada")
    assert ["id-of-ada", "id-of-countess"] == [identity.id for identity in user.identities]
    with pytest.raises(IdentityNotFound):
        unlink(engine, login, "other", "id-of-ada")


def test_a_provider_she_does_not_have_is_not_found(engine: admit.Engine) -> None:
    """Also one that is not loaded at all: her identities are what counts."""
    login = linked(engine)

    with pytest.raises(IdentityNotFound):
        unlink(engine, login, "oauth2-google")


def test_a_reset_that_was_sent_dies_with_the_password(engine: admit.Engine, inbox: Inbox) -> None:
    """What would set the password of an identity that is gone opens nothing."""
    ada = engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    engine.identities.link(ada, "told", **told("ada"))
    engine.reset(ada)
    link = inbox.last_link()

    engine.identities.unlink(ada, provider="local-userpass")

    with pytest.raises(TokenSuperseded):
        engine.set_password(**link.credentials, password="another good one")
    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)


def test_the_owner_of_the_address_is_told(engine: admit.Engine, inbox: Inbox) -> None:
    """The address stays hers, as data, whatever was unlinked."""
    ada = engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    engine.identities.link(ada, "told", **told("ada"))
    engine.identities.unlink(ada, provider="told")

    engine.work_once()

    assert ADDRESS == inbox.last().to
    assert "A way to log in was removed" in inbox.last().text
    unlinked = next(e for e in engine.users.timeline(ada) if e.trigger == "unlink")
    assert {"provider": "told"} == unlinked.codes


def test_a_pending_user_is_not_unlinked(engine: admit.Engine) -> None:
    """It has the one identity that it registered with."""
    ada = engine.register(ADDRESS, PASSWORD)

    with pytest.raises(NotAllowed, match="pending cannot unlink"):
        engine.identities.unlink(ada, provider="local-userpass")


# --- O5: the last usable one -------------------------------------------------------------------


def test_o5_the_last_identity_cannot_be_unlinked(engine: admit.Engine) -> None:
    """Neither by the user nor by the application; she logs in as before."""
    login = linked(engine)

    with pytest.raises(LastIdentity):
        unlink(engine, login, "told")
    with pytest.raises(LastIdentity):
        engine.identities.unlink(login.user, provider="told")

    assert login.user.id == engine.log_in("told", **told("ada")).user.id


def test_o5_an_identity_that_opens_nothing_does_not_count(engine: admit.Engine) -> None:
    """
    Given a user who began anonymously, and whose other provider was switched off,
    when she unlinks the only identity that logs her in,
    then it is refused, until the other provider is enabled again.
    """
    login = engine.log_in("nobody")
    for provider in ("told", "other"):
        engine.public.identities.link(login.access_token, provider, **told("ada"))
    engine.settings.set("other.enabled", False)

    with pytest.raises(LastIdentity):
        unlink(engine, login, "told")
    assert ["told"] == [i.provider for i in engine.identities.usable(login.user)]

    engine.settings.set("other.enabled", True)
    assert ["nobody", "other"] == providers(unlink(engine, login, "told"))


def test_o5_one_whose_provider_is_not_loaded_here_does_not_count(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """A process that lacks a plugin does not guess whether it could log her in elsewhere."""
    ada = engine.create(ADDRESS, PASSWORD)
    engine.identities.link(ada, "told", **told("ada"))

    with open_engine(store, clock=clock) as bare:
        with pytest.raises(LastIdentity):
            bare.identities.unlink(ada, provider="local-userpass")
        with pytest.raises(UnknownName):
            bare.identities.link(ada, "told", **told("ada"))


@pytest.mark.parametrize("proved", [False, True], ids=["never-proved", "proved"])
def test_o5_a_login_without_a_password_counts_if_a_reset_can_set_one(
    engine: admit.Engine, inbox: Inbox, proved: bool
) -> None:
    """
    Given a user with a login that has no password,
    when her other identity is unlinked,
    then it depends on whether the address is known to be hers.
    """
    ada = engine.register(ADDRESS)
    if proved:
        engine.confirm(**inbox.last_link().credentials)
    else:
        engine.confirm_manually(ada)
    engine.identities.link(ada, "told", **told("ada"))

    if proved:
        assert ["local-userpass"] == providers(engine.identities.unlink(ada, provider="told"))
    else:
        with pytest.raises(LastIdentity):
            engine.identities.unlink(ada, provider="told")
