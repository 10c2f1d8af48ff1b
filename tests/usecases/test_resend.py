"""Resend: the message of the confirmation flow, once more."""

from __future__ import annotations

import pytest

import admit
import admit.testing
from admit.errors import NotAllowed, ResendNotPossible, UserNotFound
from admit.testing import Inbox

PASSWORD = "correct horse battery staple"


def test_a_resend_is_a_rerun_that_says_why(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a pending user,
    when the message is sent again,
    then there is a second run, with its own reason and a token that works.
    """
    ada = engine.register("ada@example.com", PASSWORD)

    again = engine.resend(ada)

    assert ["register", "resend"] == [run.reason for run in again.runs]
    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


@pytest.mark.parametrize("flow", ["auto", "function"])
def test_a_flow_without_messages_names_what_helps_instead(flow: str) -> None:
    """
    Given a flow that sends nothing,
    when a message is asked for again,
    then the error names `rerun`, and nothing was written.
    """
    functions = {"wait": lambda call: {"status": "pending"}}
    with admit.testing.open(functions=functions) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        engine.settings.set("function.confirmation", "wait")
        engine.settings.set("confirmation_flow", flow)

        with pytest.raises(ResendNotPossible, match="rerun") as problem:
            engine.resend(ada)

        assert flow == problem.value.flow
        assert ada == engine.users.get(ada.id)


def test_only_pending_users_get_the_message_again(engine: admit.Engine) -> None:
    """A confirmed user has nothing to confirm; who is not there gets nothing."""
    ada = engine.create("ada@example.com", PASSWORD)

    with pytest.raises(NotAllowed):
        engine.resend(ada)
    with pytest.raises(UserNotFound):
        engine.resend(address="grace@example.com")
