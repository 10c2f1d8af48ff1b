"""Which web pages may call, and how long sessions live."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from starlette.responses import Response

from admit.errors import InvalidInput

from ..answers import nothing, told
from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .entering import in_path
from .rows import APP, acts, reads

ORIGINS: Final = "server.allowed_origins"
LIFETIME: Final = "refresh_token_lifetime"
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#,@]+(:[0-9]{1,5})?")


class Expiration(Body):
    """How long a session lives without a log-in."""

    expiration_time_seconds: int


async def show_origins(ask: Ask) -> Response:
    """Answer with the origins whose pages may call; none: all may."""
    admin = await in_path(ask)
    return told(await ask.call(admin.engine.settings.get, ORIGINS))


async def set_origins(ask: Ask) -> Response:
    """Replace them."""
    admin = await in_path(ask)
    given = await ask.body(list[str])
    for origin in given:
        if not _ORIGIN.fullmatch(origin):
            raise InvalidInput("origin", "must be <scheme>://<host>[:port], without a path.")
    await ask.call(admin.engine.settings.set, ORIGINS, ", ".join(given) or "none")
    return nothing()


async def show_expiration(ask: Ask) -> Response:
    """Answer with how long a session lives."""
    admin = await in_path(ask)
    lifetime = await ask.call(admin.engine.settings.get, LIFETIME)
    assert isinstance(lifetime, timedelta)
    return told(Expiration(expiration_time_seconds=int(lifetime.total_seconds())))


async def set_expiration(ask: Ask) -> Response:
    """Change it, for log-ins from now on. The setting's bounds are those of the service."""
    admin = await in_path(ask)
    seconds = (await ask.body(Expiration)).expiration_time_seconds
    await ask.call(admin.engine.settings.set, LIFETIME, seconds)
    return nothing()


_ORIGINS_AT = f"{APP}/security/allowed_request_origins"
_EXPIRATION_AT = f"{APP}/security/refresh_token_expiration"
ROUTES: list[Route] = [
    reads(_ORIGINS_AT, show_origins, "List the origins whose pages may call.", list[str]),
    acts("POST", _ORIGINS_AT, set_origins, "Replace these origins.", scope="owner", body=list[str]),
    reads(_EXPIRATION_AT, show_expiration, "Say how long a session lives.", Expiration),
    acts(
        "PUT",
        _EXPIRATION_AT,
        set_expiration,
        "Change how long a session lives.",
        scope="owner",
        body=Expiration,
    ),
]
