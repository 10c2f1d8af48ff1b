"""Confirm manually: an admin's hand, past the flow."""

from __future__ import annotations

from datetime import timedelta

import pytest

import admit
from admit import Actor, Run, User, hookimpl
from admit.errors import FlowFailed, NotAllowed, UserNotFound, Vetoed
from admit.testing import Inbox, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


def test_a_stuck_user_is_confirmed_and_nothing_is_proved(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given a user whose mail cannot be delivered,
    when an admin confirms her,
    then she is confirmed, can log in, and her address stays unproved.
    """
    inbox.refuse_mail()
    with pytest.raises(FlowFailed):
        engine.register("ada@example.com", PASSWORD)

    ada = engine.confirm_manually(address="ada@example.com")

    assert "confirmed" == ada.state
    assert ada.address is not None
    assert ada.address.proved_at is None
    engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_the_event_says_who_and_why(engine: admit.Engine) -> None:
    """An admin's confirmation is told apart from a press."""
    ada = engine.register("ada@example.com", PASSWORD)

    engine.acting(Actor("admin", "support"), "rang us up").confirm_manually(ada)

    event = engine.users.timeline(ada)[-1]
    assert ("confirm", "pending", "confirmed") == (event.trigger, event.from_state, event.to_state)
    assert ("admin", Actor("admin", "support")) == (event.codes["cause"], event.actor)
    assert event.detail is not None
    assert "rang us up" == event.detail["reason"]


def test_a_message_that_waits_to_be_sent_again_is_not_sent_any_more(
    engine: admit.Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given a run that is queued because the mail server was busy,
    when an admin confirms the user,
    then no mail follows.
    """
    inbox.refuse_mail(temporary=True)
    ada = engine.register("ada@example.com", PASSWORD)
    inbox.accept_mail()

    engine.confirm_manually(ada)
    clock.advance(timedelta(days=1))
    engine.work_once()

    assert [] == inbox.messages


def test_a_plugin_may_say_no(engine: admit.Engine) -> None:
    """A *before* hook is asked; for an admin it sees no run."""

    class Strict:
        @hookimpl
        def before_confirm(self, user: User, run: Run | None) -> str | None:
            return "Nobody is confirmed by hand." if run is None else None

    with open_engine(plugins=[Strict()]) as strict:
        ada = strict.register("ada@example.com", PASSWORD)

        with pytest.raises(Vetoed, match="by hand"):
            strict.confirm_manually(ada)

        assert ada == strict.users.get(ada.id)


def test_confirming_by_hand_never_enables(engine: admit.Engine) -> None:
    """A disabled user stays disabled."""
    ada = engine.register("ada@example.com", PASSWORD)
    engine.disable(ada)

    assert engine.confirm_manually(ada).disabled


def test_only_who_is_pending_can_be_confirmed(engine: admit.Engine) -> None:
    """Twice is once too often: unlike a press, it was no slip of a finger."""
    ada = engine.register("ada@example.com", PASSWORD)
    engine.confirm_manually(ada)

    with pytest.raises(NotAllowed):
        engine.confirm_manually(ada)
    with pytest.raises(UserNotFound):
        engine.confirm_manually("0" * 24)
