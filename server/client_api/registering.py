"""Registering with an e-mail address and a password."""

from __future__ import annotations

from starlette.responses import Response

from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..routes import Route


class Registration(Body):
    """A new user's address and password."""

    email: str
    password: str


class Done(Body):
    """Nothing to say: it was done."""


async def register(ask: Ask) -> Response:
    """Register; the client logs in afterwards. In private mode, answered alike for any address."""
    given = await ask.body(Registration)
    engine = ask.engine()
    register = (
        engine.public.register if ask.hosted.settings.disclosure == "private" else engine.register
    )
    await ask.call(register, given.email, given.password)
    return told(Done(), 201)


ROUTES = [
    Route(
        method="POST",
        path="/app/{app}/auth/providers/local-userpass/register",
        handler=register,
        summary="Register with an e-mail address and a password.",
        body=Registration,
        answers={201: Done},
    )
]
