"""Create: a user that is confirmed at once, past the flow."""

from __future__ import annotations

import pytest

import admit
from admit.errors import (
    AddressTaken,
    InvalidAddress,
    PasswordMustChange,
    PasswordRefused,
    WrongCredentials,
)
from admit.testing import Inbox

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "another password altogether"


def test_a_created_user_is_confirmed_without_a_flow(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given any flow,
    when an admin creates a user,
    then it is confirmed, no run was begun, no mail was sent, and nothing is proved.
    """
    ada = engine.create("ada@example.com", PASSWORD)

    assert ("confirmed", (), []) == (ada.state, ada.runs, inbox.messages)
    assert ada.confirmed_at == ada.created_at
    assert ada.address is not None
    assert ada.address.proved_at is None


def test_a_password_chosen_by_somebody_else_must_be_changed(engine: admit.Engine) -> None:
    """
    Given a user created with a password,
    when she logs in with it, it opens nothing;
    when she has changed it, the new one opens the door, and the old one nothing.
    """
    ada = engine.create("ada@example.com", PASSWORD)
    with pytest.raises(PasswordMustChange):
        engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    engine.change_password(ada, current=PASSWORD, new=NEW_PASSWORD)

    engine.log_in("local-userpass", username="ada@example.com", password=NEW_PASSWORD)
    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_a_reset_takes_the_mark_away_too(engine: admit.Engine, inbox: Inbox) -> None:
    """A password that she set through her mailbox is her own."""
    ada = engine.create("ada@example.com", PASSWORD)
    engine.reset(ada)
    engine.set_password(password=NEW_PASSWORD, **inbox.last_link().credentials)

    log_in = engine.log_in("local-userpass", username="ada@example.com", password=NEW_PASSWORD)

    assert ada.id == log_in.user.id


def test_the_change_is_enforced_by_a_setting(engine: admit.Engine) -> None:
    """An application may let such passwords in."""
    engine.create("ada@example.com", PASSWORD)
    engine.settings.set("must_change_is_enforced", False)

    log_in = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    assert "confirmed" == log_in.user.state


def test_p6_a_password_may_be_left_as_it_was_given(engine: admit.Engine) -> None:
    """Given an admin who says so, as those of App Services did, then it opens the account."""
    engine.create("ada@example.com", PASSWORD, must_change=False)

    log_in = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    assert "confirmed" == log_in.user.state


def test_a_wrong_password_is_not_told_that_it_must_change(engine: admit.Engine) -> None:
    """Only who knows it hears about it."""
    engine.create("ada@example.com", PASSWORD)

    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username="ada@example.com", password=NEW_PASSWORD)


def test_a_user_without_a_password_cannot_log_in_until_a_reset(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """No password opens what has none; not even an empty one."""
    ada = engine.create("ada@example.com")
    for password in ("", PASSWORD):
        with pytest.raises(WrongCredentials):
            engine.log_in("local-userpass", username="ada@example.com", password=password)

    engine.reset(ada)
    engine.set_password(password=PASSWORD, **inbox.last_link().credentials)

    engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_a_taken_address_is_refused(engine: admit.Engine) -> None:
    """Nothing is written; the holder's state is named."""
    engine.register("ada@example.com", PASSWORD)

    with pytest.raises(AddressTaken) as taken:
        engine.create("Ada@example.com", PASSWORD)

    assert ("pending", 1) == (taken.value.holder_state, engine.users.count())


def test_the_rules_of_a_registration_hold(engine: admit.Engine) -> None:
    """An admin cannot create what nobody could register."""
    with pytest.raises(InvalidAddress):
        engine.create("ada", PASSWORD)
    with pytest.raises(PasswordRefused):
        engine.create("ada@example.com", "short")

    assert 0 == engine.users.count()
