"""The id of a request: the client's, where it has the shape of one, else a new one."""

from __future__ import annotations

import re
import secrets
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ID: Final = "admit.id"
"""Where it stands in the scope."""
HEADER: Final = "x-request-id"
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")


class RequestIds:
    """Gives each request an id and names it in the answer, so that both logs speak of the same."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the id to the scope and to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _SHAPE.fullmatch(given) else secrets.token_hex(12)
        scope[ID] = request_id

        async def with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        await self._app(scope, receive, with_id)
