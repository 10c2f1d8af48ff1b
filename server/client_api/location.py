"""Where the application is: what every client asks first."""

from __future__ import annotations

from starlette.responses import Response

from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..routes import Route


class Location(Body):
    """Where the application is served."""

    deployment_model: str
    location: str
    hostname: str
    ws_hostname: str


async def locate(ask: Ask) -> Response:
    """Answer with the URL of the settings, never with one that the request names (T7)."""
    url = ask.hosted.settings.public_url or str(ask.request.base_url).rstrip("/")
    there = Location(
        deployment_model="GLOBAL",
        location="US-VA",
        hostname=url,
        ws_hostname=url.replace("http", "ws", 1),
    )
    return told(there)


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
