"""Registering with an e-mail address and a password."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from admit.errors import FlowRefused, RegistrationRefused

from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .telling import Refused

LOCAL: Final = "/app/{app}/auth/providers/local-userpass"


class Registration(Body):
    """A new user's address and password."""

    email: str
    password: str


class Done(Body):
    """Nothing to say: it was done."""


def is_private(ask: Ask) -> bool:
    """Whether strangers learn nothing of accounts here (security.md E1)."""
    return ask.hosted.settings.disclosure == "private"


async def register(ask: Ask) -> Response:
    """Register; the client logs in afterwards. In private mode, answered alike for any address."""
    given = await ask.body(Registration)
    engine = ask.engine()
    register = engine.public.register if is_private(ask) else engine.register
    try:
        await ask.call(register, given.email, given.password)
    except (RegistrationRefused, FlowRefused):
        raise Refused(400, "BadRequest", f'failed to confirm user "{given.email}"') from None
    return told(Done(), 201)


ROUTES = [
    Route(
        method="POST",
        path=f"{LOCAL}/register",
        handler=register,
        summary="Register with an e-mail address and a password.",
        body=Registration,
        answers={201: Done},
    )
]
