"""Confirming an address, and asking for it once more (wire-contract.md §5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.responses import Response

import admit
from admit.errors import FlowRefused, NotAllowed, ResendNotPossible

from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .registering import LOCAL, Done, as_told, is_private
from .telling import Refused

AUTO: Final = "auto"
FUNCTION: Final = "function"


class Token(Body):
    """What a link carries."""

    token: str
    tokenId: str


class Address(Body):
    """Whom it is about."""

    email: str


async def confirm(ask: Ask) -> Response:
    """Confirm by the token of a link. It activates the password that is stored, in private mode
    too: clients send none (docs/compatibility.md, H7)."""
    given = await ask.body(Token)
    prepare = ask.engine().prepare
    await ask.batched(prepare.confirm(token_id=given.tokenId, token=given.token))
    return told(Done())


async def send_again(ask: Ask) -> Response:
    """Send the message again: only where the active flow sends any."""
    given = await ask.body(Address)
    engine = ask.engine()
    if is_private(ask):
        await ask.call(engine.public.resend, address=given.email)
    else:
        await as_told(ask, _asked_again, engine.resend, given.email)
    return told(Done())


async def call_again(ask: Ask) -> Response:
    """Let the confirmation function look at the user again."""
    given = await ask.body(Address)
    engine = ask.engine()
    if is_private(ask):
        await ask.call(engine.public.rerun, address=given.email)
        return told(Done())
    if engine.settings.get("confirmation_flow") == AUTO:
        raise _confirmed_by_itself(given.email)
    await as_told(ask, _call_again, engine, given.email)
    return told(Done())


def _call_again(engine: admit.Engine, email: str) -> None:
    if engine.settings.get("confirmation_flow") != FUNCTION:
        allowed = engine.may(address=email).allowed
        if "rerun" in allowed:
            raise Refused(400, "BadRequest", "please use resend confirmation email")
    _asked_again(engine.rerun, email)


def _asked_again(verb: Callable[..., admit.User], email: str) -> None:
    try:
        verb(address=email)
    except NotAllowed as refused:
        if refused.state != "confirmed":
            raise
        raise Refused(400, "UserAlreadyConfirmed", "already confirmed") from None
    except ResendNotPossible as refused:
        if refused.flow == AUTO:
            raise _confirmed_by_itself(email) from None
        raise Refused(400, "BadRequest", "please use confirm via function") from None
    except FlowRefused:
        raise Refused(400, "BadRequest", f'failed to confirm user "{email}"') from None


def _confirmed_by_itself(email: str) -> Refused:
    sentence = f"cannot run confirmation for {email}: automatic confirmation is enabled"
    return Refused(400, "", sentence)


ROUTES = [
    Route(
        method="POST",
        path=f"{LOCAL}/confirm",
        handler=confirm,
        summary="Confirm by the token of a link.",
        body=Token,
        answers={200: Done},
    ),
    Route(
        method="POST",
        path=f"{LOCAL}/confirm/send",
        handler=send_again,
        summary="Send the confirmation message again.",
        body=Address,
        answers={200: Done},
    ),
    Route(
        method="POST",
        path=f"{LOCAL}/confirm/call",
        handler=call_again,
        summary="Call the confirmation function again.",
        body=Address,
        answers={200: Done},
    ),
]
