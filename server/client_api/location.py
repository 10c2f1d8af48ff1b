"""Where the application is: what every client asks first."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..hosting import Hosted
from ..routes import Route

_USUAL: Final = {"http": 80, "https": 443}
"""Ports that a URL leaves out."""


class Location(Body):
    """Where the application is served."""

    deployment_model: str
    location: str
    hostname: str
    ws_hostname: str


async def locate(ask: Ask) -> Response:
    """Answer with the URL of the settings, never with one that the request names (T7)."""
    url = url_of(ask, ask.hosted)
    there = Location(
        deployment_model="GLOBAL",
        location="US-VA",
        hostname=url,
        ws_hostname=url.replace("http", "ws", 1),
    )
    return told(there)


def url_of(ask: Ask, hosted: Hosted) -> str:
    """Return the URL at which *hosted* is reached: that of the settings, else the address of this
    machine at which the request arrived. What Host or X-Forwarded-* say is never looked at
    (security.md T7)."""
    settings = hosted.settings
    if settings.public_url:
        return settings.public_url
    host, port = ask.request.scope.get("server") or (None, None)
    if host is None or port is None:  # a socket that is a file
        host, port = settings.host, settings.port
    scheme = ask.request.scope["scheme"]
    there = f"{scheme}://[{host}]" if ":" in host else f"{scheme}://{host}"
    return there if port == _USUAL.get(scheme) else f"{there}:{port}"


ROUTES = [
    Route(
        method="GET",
        path="/app/{app}/location",
        handler=locate,
        summary="Say where the application is served.",
        answers={200: Location},
        changes=False,
    )
]
