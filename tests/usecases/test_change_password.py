"""Change a password with the current one as proof."""

from __future__ import annotations

import pytest

import admit
from admit import LogIn, User
from admit.errors import (
    PasswordRefused,
    SessionInvalid,
    TokenSuperseded,
    UserNotFound,
    WrongCredentials,
)
from admit.stores import Change
from admit.testing import Inbox, MemoryStore

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "another password altogether"


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> User:
    """A confirmed user."""
    engine.register("ada@example.com", PASSWORD)
    return engine.confirm(**inbox.last_link().credentials)


def log_in(engine: admit.Engine, password: str) -> LogIn:
    return engine.log_in("local-userpass", username="ada@example.com", password=password)


def test_the_new_password_opens_the_door_and_the_old_one_nothing(
    engine: admit.Engine, ada: User
) -> None:
    """By address as well as by record."""
    engine.change_password(address="ada@example.com", current=PASSWORD, new=NEW_PASSWORD)

    assert ada.id == log_in(engine, NEW_PASSWORD).user.id
    with pytest.raises(WrongCredentials):
        log_in(engine, PASSWORD)


def test_every_session_ends(engine: admit.Engine, ada: User) -> None:
    """Who changes a password wants everybody else out."""
    session = log_in(engine, PASSWORD)

    engine.change_password(ada, current=PASSWORD, new=NEW_PASSWORD)

    with pytest.raises(SessionInvalid):
        engine.verify(session.access_token)


def test_a_wrong_current_password_changes_nothing(engine: admit.Engine, ada: User) -> None:
    """Knowing the address is no proof."""
    with pytest.raises(WrongCredentials):
        engine.change_password(ada, current="wrong", new=NEW_PASSWORD)

    assert ada == engine.users.get(ada.id)


def test_the_policy_holds_for_a_change(engine: admit.Engine, ada: User) -> None:
    """Too short, or the address itself."""
    for refused in ("short", "ada@example.com"):
        with pytest.raises(PasswordRefused):
            engine.change_password(ada, current=PASSWORD, new=refused)

    log_in(engine, PASSWORD)


def test_who_is_not_there_changes_nothing(engine: admit.Engine) -> None:
    """The engine's own methods tell the truth."""
    with pytest.raises(UserNotFound):
        engine.change_password(address="ada@example.com", current=PASSWORD, new=NEW_PASSWORD)


def test_a_pending_user_can_change_her_password(engine: admit.Engine, inbox: Inbox) -> None:
    """She stays pending, and her link still confirms."""
    ada = engine.register("ada@example.com", PASSWORD)

    assert "pending" == engine.change_password(ada, current=PASSWORD, new=NEW_PASSWORD).state

    engine.confirm(**inbox.last_link().credentials)
    log_in(engine, NEW_PASSWORD)


def test_the_slower_of_two_changes_is_refused(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """
    Given two changes of one password at the same time,
    when the slower one is about to be written,
    then the password it proved itself with is the current one no more.
    """

    def faster(change: Change) -> None:
        store.before_commit = None
        engine.change_password(ada, current=PASSWORD, new=NEW_PASSWORD)

    store.before_commit = faster

    with pytest.raises(WrongCredentials):
        engine.change_password(ada, current=PASSWORD, new="a third one, even longer")

    log_in(engine, NEW_PASSWORD)


def test_a_reset_link_of_before_is_dead(engine: admit.Engine, inbox: Inbox, ada: User) -> None:
    """
    Given a reset that somebody asked for,
    when the owner changes her password with the current one,
    then the link in the mailbox sets no other: changing it is what one does when the mailbox was
    read by somebody else.
    """
    engine.reset(ada)
    link = inbox.last_link().credentials
    engine.change_password(ada, current=PASSWORD, new=NEW_PASSWORD)

    with pytest.raises(TokenSuperseded):
        engine.set_password(password="a third one, even longer", **link)


def test_no_password_stands_in_an_event(engine: admit.Engine, ada: User) -> None:
    """Only that it was changed, and by what proof."""
    engine.change_password(ada, current=PASSWORD, new=NEW_PASSWORD)

    event = engine.users.timeline(ada)[-1]

    assert ("password-set", {"cause": "change"}) == (event.trigger, event.codes)
    assert PASSWORD not in repr(engine.users.timeline(ada))
    assert NEW_PASSWORD not in repr(engine.users.timeline(ada))
