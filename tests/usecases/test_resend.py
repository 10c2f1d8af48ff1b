"""Resend: the message of the confirmation flow, once more."""

from __future__ import annotations

from datetime import timedelta

import pytest

import admit
import admit.testing
from admit.errors import (
    InvalidInput,
    NotAllowed,
    ResendNotPossible,
    TokenMalformed,
    UserNotFound,
)
from admit.records import Receipt
from admit.testing import Inbox, SettableClock

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


def test_h7_an_old_link_names_whom_a_stranger_asks_for(
    engine: admit.Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given a link that is past its time,
    when a stranger who holds it asks for the message again by it,
    then a new link goes to the address of its user: as if he had named her by her id.
    """
    engine.register("ada@example.com", PASSWORD)
    old = inbox.last_link()
    clock.advance(timedelta(hours=1))

    receipt = engine.public.resend(**old.credentials)
    engine.work_once()

    assert Receipt() == receipt
    assert old.token != inbox.last_link("ada@example.com").token
    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_e1_by_a_link_of_nobody_the_answer_is_the_same(engine: admit.Engine) -> None:
    """A token that nobody has is answered like one; what is none, or one beside an address, is
    refused."""
    nobody = {"token_id": "0" * 24, "token": "0" * 128}

    assert Receipt() == engine.public.resend(**nobody)
    with pytest.raises(TokenMalformed):
        engine.public.resend(token_id="0" * 24, token="0")
    with pytest.raises(InvalidInput, match="token: stands in place"):
        engine.public.resend(address="ada@example.com", **nobody)
