"""Cross-origin requests: web pages of the origins that are configured may call the APIs."""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from admit.errors import UnknownName

from ..hosting import Applications, Hosted

METHODS: Final = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
HEADERS: Final = "authorization, content-type, accept, x-baas-request-origin"
EXPOSED: Final = "x-baas-location, x-request-id, retry-after"
SECONDS: Final = "600"
"""How long a browser may keep the answer to a preflight."""
_APIS: Final = "/api/"
"""What pages may call at all: the inbox of development mode, counts and health are not for them."""
_APPLICATION: Final = re.compile(r"/apps?/([^/]+)")
"""Where a path of an API names the application: by its client app id or its internal one."""
_LOG_IN: Final = re.compile(r"/auth/providers/([a-z0-9-]{1,64})/login$")


class CrossOrigin:
    """Adds what browsers need to the answers of the APIs; without an Origin header, nothing. The
    pages of the server itself – the inbox of development mode – are nobody else's to read."""

    def __init__(self, app: ASGIApp, applications: Applications) -> None:
        self._app = app
        self._applications = applications

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or let the request through and add the headers to its answer."""
        origin = Headers(scope=scope).get("origin") if scope["type"] == "http" else None
        if origin is None:
            await self._app(scope, receive, send)
            return
        allowed = self._allowed(scope["path"], origin)
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(allowed, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                found = MutableHeaders(scope=message)
                found.add_vary_header("Origin")
                for name, value in allowed.items():
                    found[name] = value
            await send(message)

        await self._app(scope, receive, with_headers)

    def _allowed(self, path: str, origin: str) -> dict[str, str]:
        """Return the headers for *origin*: none if it may not call."""
        if not f"/{path.lstrip('/')}".startswith(_APIS):
            return {}
        asked = self._asked(path)
        if any(_named(one, origin) or _links(one, path, origin) for one in asked):
            return {
                "access-control-allow-origin": origin,
                "access-control-allow-credentials": "true",
                "access-control-expose-headers": EXPOSED,
            }
        if any(not one.settings.allowed_origins for one in asked):
            return {
                "access-control-allow-origin": "*",
                "access-control-expose-headers": EXPOSED,
            }
        return {}

    def _asked(self, path: str) -> Iterable[Hosted]:
        """Return the application of the path; where it names none, all of them: a preflight carries
        no token that would say which."""
        found = _APPLICATION.search(path)
        name = "" if found is None else found[1]
        one = self._applications.by_app_id(name) or self._applications.by_internal_id(name)
        return self._applications.all if one is None else (one,)


def _named(hosted: Hosted, origin: str) -> bool:
    return origin in hosted.settings.allowed_origins


def _links(hosted: Hosted, path: str, origin: str) -> bool:
    """Whether a page of *origin* may begin a link through the browser at *path*, which it asks with
    cookies (wire-contract.md §1): one of those that a log-in there would be handed to."""
    found = _LOG_IN.search(path)
    if found is None:
        return False
    try:
        places = hosted.engine.settings.get(f"{found[1]}.return_uris")
    except UnknownName:  # no provider to which browsers are sent
        return False
    return isinstance(places, tuple) and any(_origin_of(str(place)) == origin for place in places)


def _origin_of(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


async def _preflight(allowed: dict[str, str], send: Send) -> None:
    headers = MutableHeaders()
    headers.add_vary_header("Origin")
    for name, value in allowed.items():
        headers[name] = value
    if allowed:
        headers["access-control-allow-methods"] = METHODS
        headers["access-control-allow-headers"] = HEADERS
        headers["access-control-max-age"] = SECONDS
    await send(
        {
            "type": "http.response.start",
            "status": 204 if allowed else 403,
            "headers": headers.raw,
        }
    )
    await send({"type": "http.response.body", "body": b""})
