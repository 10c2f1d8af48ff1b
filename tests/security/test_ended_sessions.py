"""S3: what ends sessions, and that it ends them at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from admit import Engine, LogIn
from admit.errors import ProviderDisabled, SessionInvalid, TokenSuperseded
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

ADDRESS = "ada@example.com"
PASSWORD = "correct horse battery staple"
NEW = "my own long password"


def log_in(engine: Engine, password: str = PASSWORD) -> LogIn:
    """A log-in of the one user."""
    return engine.log_in("local-userpass", username=ADDRESS, password=password)


def assert_dead(engine: Engine, login: LogIn) -> None:
    """Neither token of a log-in opens anything."""
    for use in (
        lambda: engine.verify(login.access_token),
        lambda: engine.refresh(login.refresh_token),
        lambda: engine.log_out(login.refresh_token),
    ):
        with pytest.raises(SessionInvalid):
            use()
    assert () == engine.sessions.of(login.user)


def _reset(engine: Engine, inbox: Inbox) -> None:
    engine.reset(address=ADDRESS)
    engine.set_password(**inbox.last_link().credentials, password=NEW)


def _public_reset(engine: Engine, inbox: Inbox) -> None:
    engine.public.reset(address=ADDRESS)
    engine.work_once()
    engine.public.set_password(**inbox.last_link().credentials, password=NEW)


def _delete_with_a_grace(engine: Engine, inbox: Inbox) -> None:
    engine.settings.set("deletion_grace", "30 days")
    assert engine.public.delete(address=ADDRESS, password=PASSWORD).delete_at


ENDINGS: dict[str, Callable[[Engine, Inbox], object]] = {
    "disable": lambda engine, inbox: engine.disable(address=ADDRESS),
    "delete": lambda engine, inbox: engine.delete(address=ADDRESS),
    "public-delete": lambda engine, inbox: engine.public.delete(address=ADDRESS, password=PASSWORD),
    "delete-with-a-grace": _delete_with_a_grace,
    "change-password": lambda engine, inbox: engine.change_password(
        address=ADDRESS, current=PASSWORD, new=NEW
    ),
    "public-change-password": lambda engine, inbox: engine.public.change_password(
        address=ADDRESS, current=PASSWORD, new=NEW
    ),
    "reset": _reset,
    "public-reset": _public_reset,
    "log-out-all": lambda engine, inbox: engine.log_out_all(address=ADDRESS),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS.keys())
def test_s3_every_session_ends_in_the_same_moment(
    engine: Engine, store: MemoryStore, inbox: Inbox, end: Callable[[Engine, Inbox], object]
) -> None:
    """
    Given a user with two sessions, and a second engine on the same store,
    when she is disabled or deleted, or her password changes,
    then both sessions are dead at the next request, at either engine, with no worker's help.
    """
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    logins = [log_in(engine), log_in(engine)]
    other = open_engine(store, inbox=inbox)
    other.verify(logins[0].access_token)

    end(engine, inbox)

    for login in logins:
        assert_dead(engine, login)
        assert_dead(other, login)


def test_s3_a_log_out_ends_its_own_session_only(engine: Engine) -> None:
    """Given two sessions, when one logs out, then it is dead and the other goes on."""
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    one, other = log_in(engine), log_in(engine)

    engine.log_out(one.refresh_token)

    for token in (one.access_token,):
        with pytest.raises(SessionInvalid):
            engine.verify(token)
    assert one.user.id == engine.verify(other.access_token).user_id
    assert [other.session.id] == [session.id for session in engine.sessions.of(one.user)]


def test_s3_one_session_ended_by_its_id_is_dead(engine: Engine) -> None:
    """Given two sessions, when an admin ends one by its id, then only that one is dead."""
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    one, other = log_in(engine), log_in(engine)

    engine.sessions.end(one.session.id)

    with pytest.raises(SessionInvalid):
        engine.refresh(one.refresh_token)
    engine.refresh(other.refresh_token)


def test_s3_enabling_again_brings_no_session_back(engine: Engine) -> None:
    """Given a session that ended because its user was disabled, when she is enabled, then it stays
    dead, and a new log-in works."""
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    before = log_in(engine)
    engine.disable(address=ADDRESS)
    engine.enable(address=ADDRESS)

    assert_dead(engine, before)
    engine.verify(log_in(engine).access_token)


def test_s3_a_new_registration_of_the_address_revives_nothing(engine: Engine) -> None:
    """Given a session of a deleted user, when her address registers again and is confirmed, then
    the session stays dead."""
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    before = log_in(engine)
    engine.delete(address=ADDRESS)
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))

    with pytest.raises(SessionInvalid):
        engine.verify(before.access_token)


def test_s3_a_refresh_gives_no_longer_life_than_the_session_has(
    engine: Engine, clock: SettableClock
) -> None:
    """Given a session that is refreshed all the time, when its own lifetime is over, then it is
    dead."""
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    login = log_in(engine)
    clock.set(login.session.expires_at)

    with pytest.raises(SessionInvalid):
        engine.refresh(login.refresh_token)


def test_s3_an_access_token_is_no_refresh_token_nor_the_reverse(engine: Engine) -> None:
    """Given a log-in, when one of its tokens is used in the place of the other, then it opens
    nothing."""
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    login = log_in(engine)

    with pytest.raises(SessionInvalid):
        engine.verify(login.refresh_token)
    with pytest.raises(SessionInvalid):
        engine.refresh(login.access_token)


def test_s3_a_token_of_another_store_opens_nothing(engine: Engine, inbox: Inbox) -> None:
    """Given a log-in at another application with the same key, when its tokens are used here, then
    they open nothing: there is no such session."""
    elsewhere = open_engine(inbox=inbox)
    elsewhere.confirm_manually(elsewhere.register(ADDRESS, PASSWORD))

    with pytest.raises(SessionInvalid):
        engine.verify(log_in(elsewhere).access_token)


def test_s3_a_provider_that_is_switched_off_ends_no_session(engine: Engine) -> None:
    """Given a session, when its provider is switched off, then nobody logs in by it any more, and
    the session goes on until it is ended: as docs/sessions.md says."""
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    login = log_in(engine)

    engine.settings.set("local-userpass.enabled", False)

    with pytest.raises(ProviderDisabled):
        log_in(engine)
    engine.verify(engine.refresh(login.refresh_token).access_token)
    engine.log_out_all(login.user)
    assert_dead(engine, login)


@pytest.mark.parametrize("ending", ["disable", "log-out-all"])
def test_s3_a_change_of_address_that_was_asked_for_ends_with_the_sessions(
    engine: Engine, inbox: Inbox, ending: str
) -> None:
    """
    Given a change of address that somebody asked for in a session of the user's,
    when all her sessions are ended,
    then the link that is at the new address already changes nothing.
    """
    user = engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    engine.identities.change_address(user, to="thief@example.com")
    link = inbox.last_link("thief@example.com").credentials

    if ending == "disable":
        engine.disable(user)
    else:
        engine.log_out_all(user)

    with pytest.raises(TokenSuperseded):
        engine.identities.confirm_address(**link)
