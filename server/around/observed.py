"""Each request is logged and counted, once, when its answer is complete."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..metrics import Metrics
from .request_ids import ID

_log: Final = logging.getLogger("admit.server.requests")

ROUTE: Final = "admit.route"
"""Where the path of the table stands in the scope, once it is known."""
NO_ROUTE: Final = "-"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET: Final = "/health/"
"""What is asked every few seconds is not logged."""


class Observed:
    """Logs and counts."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through and look at its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # of a request that ends without an answer
        began = self._clock()
        self._metrics.began()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            _log.exception(
                "failed", extra={"request": scope[ID], "route": scope.get(ROUTE, NO_ROUTE)}
            )
            raise
        finally:
            seconds = self._clock() - began
            method = scope["method"] if scope["method"] in _METHODS else "OTHER"
            route = scope.get(ROUTE, NO_ROUTE)
            self._metrics.ended(method, route, status, seconds)
            if not scope["path"].startswith(_QUIET):
                milliseconds = round(seconds * 1000, 1)
                told = {"method": method, "route": route, "status": status, "ms": milliseconds}
                _say({"request": scope[ID], **told})


def _say(told: Mapping[str, object]) -> None:
    """Log a request, without looking for the line of code that does it: that takes longer."""
    if _log.isEnabledFor(logging.INFO):
        record = _log.makeRecord(_log.name, logging.INFO, "", 0, "request", (), None, extra=told)
        _log.handle(record)
