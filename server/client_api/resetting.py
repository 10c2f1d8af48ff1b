"""Replacing a forgotten password, by mail or by a function (wire-contract.md §5)."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

import admit
from admit.errors import FlowRefused, UserNotFound

from .. import ejson
from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .confirming import FUNCTION, Address, Token
from .registering import LOCAL, Done, as_told, is_private
from .telling import Refused


class NewPassword(Token):
    """The token of a reset link, and what is to be the password."""

    password: str


class ResetCall(Body):
    """What a reset function is called with."""

    email: str
    password: str
    arguments: list[Any] = msgspec.field(default_factory=list)


async def reset(ask: Ask) -> Response:
    """Set a password by the token of a link; a pending user is confirmed by it (H7)."""
    given = await ask.body(NewPassword)
    engine = ask.engine()
    verb = engine.public.set_password if is_private(ask) else engine.set_password
    await ask.call(verb, token_id=given.tokenId, token=given.token, password=given.password)
    return told(Done())


async def send(ask: Ask) -> Response:
    """Mail a link to replace the password."""
    given = await ask.body(Address)
    engine = ask.engine()
    if is_private(ask):
        await ask.call(engine.public.reset, address=given.email)
        return told(Done())
    if _by_function(engine):
        raise Refused(400, "BadRequest", "please use reset password via function")
    await as_told(ask, engine.reset, address=given.email)
    return told(Done())


async def call(ask: Ask) -> Response:
    """Let the reset function decide. What it answers is not told: `success` and `pending` look the
    same, and it can act on this very user alone (security.md N5)."""
    given = await ask.body(ResetCall)
    arguments = ejson.decoded(given.arguments, "arguments")
    engine = ask.engine()
    if is_private(ask):
        await ask.call(
            engine.public.reset, address=given.email, password=given.password, arguments=arguments
        )
        return told(Done())
    if not _by_function(engine):
        raise Refused(400, "BadRequest", "please use reset password via email")
    await as_told(ask, _call, engine, given, arguments)
    return told(Done())


def _call(engine: admit.Engine, given: ResetCall, arguments: list[Any]) -> None:
    user = engine.users.find(given.email)
    if user.state == "pending":
        raise UserNotFound("address")  # as the service said of them
    try:
        engine.reset(user, password=given.password, arguments=arguments)
    except FlowRefused:
        sentence = f'failed to reset password for user "{given.email}"'
        raise Refused(400, "BadRequest", sentence) from None


def _by_function(engine: admit.Engine) -> bool:
    return engine.settings.get("reset_flow") == FUNCTION


ROUTES = [
    Route(
        method="POST",
        path=f"{LOCAL}/reset",
        handler=reset,
        summary="Set a password by the token of a link.",
        body=NewPassword,
        answers={200: Done},
    ),
    Route(
        method="POST",
        path=f"{LOCAL}/reset/send",
        handler=send,
        summary="Mail a link to replace a forgotten password.",
        body=Address,
        answers={200: Done},
    ),
    Route(
        method="POST",
        path=f"{LOCAL}/reset/call",
        handler=call,
        summary="Call the reset function.",
        body=ResetCall,
        answers={200: Done},
    ),
]
