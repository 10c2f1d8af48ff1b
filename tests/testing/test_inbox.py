"""The inbox of `admit.testing`, and the fixtures of its pytest plugin."""

from __future__ import annotations

from datetime import datetime

import pytest

import admit
from admit.errors import DeliveryFailed
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.transports import Message

PASSWORD = "correct horse battery staple"


def test_an_empty_inbox_says_so(inbox: Inbox) -> None:
    """Rather than an index error that tells nothing."""
    with pytest.raises(LookupError, match="no message has arrived"):
        inbox.last()


def test_a_message_without_a_link_or_a_code_says_so(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a notice, which carries neither,
    when a test looks for them,
    then it learns what is missing.
    """
    inbox.messages.append(
        Message(to="ada@example.com", sender="a@b.example", subject="Hi", text="Hello.")
    )

    with pytest.raises(LookupError, match="no link"):
        inbox.last_link()
    with pytest.raises(LookupError, match="no code"):
        inbox.last_code("ada@example.com")


def test_an_inbox_refuses_until_told_otherwise(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given an inbox that refuses for good,
    when somebody registers, and again once it accepts,
    then the first is told, and the second has mail.
    """
    inbox.refuse_mail()
    with pytest.raises(admit.errors.FlowFailed) as failed:
        engine.register("ada@example.com", PASSWORD)
    assert isinstance(failed.value.__cause__, DeliveryFailed | None)

    inbox.accept_mail()
    engine.register("grace@example.com", PASSWORD)

    assert ["grace@example.com"] == [message.to for message in inbox.messages]


def test_the_fixtures_belong_together(
    admit_engine: admit.Engine,
    admit_store: MemoryStore,
    admit_clock: SettableClock,
    admit_inbox: Inbox,
) -> None:
    """
    Given a project that has admit installed,
    when its test asks for the engine of the pytest plugin,
    then store, clock and inbox are those of that engine.
    """
    admit_clock.set(datetime.fromisoformat("2040-01-01T00:00:00+00:00"))

    user = admit_engine.register("ada@example.com", PASSWORD)

    assert 2040 == user.created_at.year
    assert admit_store.get("user", user.id) is not None
    assert user.id == admit_engine.confirm(**admit_inbox.last_link().credentials).id
