"""Registering with an e-mail address and a password."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from starlette.responses import Response

from admit.errors import FlowRefused, RegistrationRefused

from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .telling import Refused

T = TypeVar("T")

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


async def as_told(ask: Ask, verb: Callable[..., T], *args: Any, **named: Any) -> T:
    """Return what a trusted verb comes to for a stranger, who is told it: in compatible mode. The
    client is counted first, as `engine.public` counts it in private mode (E2).

    Raises:
        TryLater: too many requests of this client; and what the verb raises.
    """
    count = ask.engine().public.count_request

    def counted() -> T:
        count()
        return verb(*args, **named)

    return await ask.call(counted)


async def register(ask: Ask) -> Response:
    """Register; the client logs in afterwards. In private mode, answered alike for any address."""
    given = await ask.body(Registration)
    engine = ask.engine()
    try:
        if is_private(ask):
            await ask.call(engine.public.register, given.email, given.password)
        else:
            await as_told(ask, engine.register, given.email, given.password)
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
