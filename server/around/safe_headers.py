"""Headers of every answer that has not its own: not kept, not framed, not guessed at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..hosting import Applications

# OWASP's REST security cheat sheet: what an API answers is no page.
HEADERS: Final[Mapping[str, str]] = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
STRICT: Final = "max-age=31536000"
_RAW: Final = tuple((name.encode(), value.encode()) for name, value in HEADERS.items())
_OVER_HTTPS: Final = (*_RAW, (b"strict-transport-security", STRICT.encode()))


class SafeHeaders:
    """Adds them."""

    def __init__(self, app: ASGIApp, applications: Applications) -> None:
        self._app = app
        self._applications = applications

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to the answer; over https, that it stays so."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                url = self._applications.all[0].settings.public_url or ""
                added = _OVER_HTTPS if url.startswith("https://") else _RAW
                has = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(header for header in added if header[0] not in has),
                ]
            await send(message)

        await self._app(scope, receive, with_headers)
