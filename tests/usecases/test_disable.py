"""Disable and enable: a separate axis from the lifecycle."""

from __future__ import annotations

import pytest

import admit
from admit.errors import (
    ConfirmationRequired,
    SessionInvalid,
    UserDisabled,
    UserNotFound,
    WrongCredentials,
)
from admit.testing import Inbox

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> admit.User:
    """A confirmed user."""
    engine.register("ada@example.com", PASSWORD)
    return engine.confirm(**inbox.last_link().credentials)


def log_in(engine: admit.Engine, password: str = PASSWORD) -> admit.LogIn:
    return engine.log_in("local-userpass", username="ada@example.com", password=password)


def test_a_disabled_user_cannot_log_in(engine: admit.Engine, ada: admit.User) -> None:
    """Right credentials are told why, wrong ones are not."""
    engine.disable(ada)

    with pytest.raises(UserDisabled):
        log_in(engine)
    with pytest.raises(WrongCredentials):
        log_in(engine, "wrong")


def test_disabling_ends_sessions_at_once(engine: admit.Engine, ada: admit.User) -> None:
    """
    Given a user with a session,
    when she is disabled,
    then her access token and her refresh token open nothing at the very next request.
    """
    session = log_in(engine)
    assert ada.id == engine.verify(session.access_token).user_id

    engine.disable(ada)

    with pytest.raises(SessionInvalid):
        engine.verify(session.access_token)
    with pytest.raises(SessionInvalid):
        engine.refresh(session.refresh_token)


def test_enabling_opens_the_door_but_brings_no_session_back(
    engine: admit.Engine, ada: admit.User
) -> None:
    """She logs in anew; what was ended stays ended."""
    session = log_in(engine)
    engine.disable(ada)

    enabled = engine.enable(ada)

    assert not enabled.disabled
    with pytest.raises(SessionInvalid):
        engine.verify(session.access_token)
    assert ada.id == log_in(engine).user.id


def test_a_pending_user_can_be_disabled(engine: admit.Engine) -> None:
    """Then she is told of that, and once it is taken back, of what is still missing."""
    ada = engine.register("ada@example.com", PASSWORD)
    engine.disable(ada)
    with pytest.raises(UserDisabled):
        log_in(engine)

    engine.enable(ada)

    with pytest.raises(ConfirmationRequired):
        log_in(engine)


@pytest.mark.parametrize("disabled", [True, False], ids=["disable", "enable"])
def test_doing_it_twice_writes_once(engine: admit.Engine, ada: admit.User, disabled: bool) -> None:
    """What is so already needs no event."""
    switch = engine.disable if disabled else engine.enable
    if not disabled:
        engine.disable(ada)
    first = switch(ada)

    assert first == switch(ada)
    trigger = "disable" if disabled else "enable"
    assert 1 == [e.trigger for e in engine.users.timeline(ada)].count(trigger)


def test_disabled_users_are_listed(engine: admit.Engine, ada: admit.User) -> None:
    """In a list of their own, besides that of their state."""
    disabled = engine.disable(ada)

    assert (disabled,) == engine.users.page("disabled").items
    assert (disabled,) == engine.users.page("confirmed").items
    engine.enable(ada)
    assert () == engine.users.page("disabled").items


def test_who_is_not_there_cannot_be_disabled(engine: admit.Engine) -> None:
    """Nor enabled."""
    with pytest.raises(UserNotFound):
        engine.disable(address="ada@example.com")
    with pytest.raises(UserNotFound):
        engine.enable("0" * 24)
