"""Whether the server lives, whether it is ready, and its counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from admit.errors import AdmitError

from .answers import nothing, told
from .clients import comes_directly_from, networks
from .hosting import Applications
from .metrics import TYPE, Metrics
from .threads import Threads

LIVE: Final = "/health/live"
READY: Final = "/health/ready"
METRICS: Final = "/metrics"
KEPT_SECONDS: Final = 1.0
"""How long an answer whether the stores answer is good: nobody has them asked without end."""


def routes(
    applications: Applications,
    threads: Threads,
    metrics: Metrics,
    monotonic: Callable[[], float] = time.monotonic,
) -> list[Route]:
    """Return the three routes."""
    looked: list[tuple[float, dict[str, str], int]] = []
    one_by_one = asyncio.Lock()

    async def live(request: Request) -> Response:
        return told({"status": "live"})

    async def ready(request: Request) -> Response:
        """Ready: each store answers."""
        async with one_by_one:
            if not looked or monotonic() - looked[0][0] >= KEPT_SECONDS:
                found, status = await look()
                looked[:] = [(monotonic(), found, status)]
            _, found, status = looked[0]
        return told(found, status)

    async def look() -> tuple[dict[str, str], int]:
        for hosted in applications.all:
            try:
                await threads.call(partial(hosted.engine.users.page, limit=1))
            except AdmitError as problem:
                why = {"status": "not ready", "app": hosted.app_id, "code": problem.code}
                return why, 503
        return {"status": "ready"}, 200

    async def counts(request: Request) -> Response:
        """The counts, to whom the setting `server.metrics_for` names; others find nothing here."""
        allowed = networks(applications.all[0].settings.metrics_for)
        if not comes_directly_from(request, allowed):
            return nothing(404)
        return Response(metrics.text(), headers={"content-type": TYPE})

    return [
        Route(LIVE, live, methods=["GET"]),
        Route(READY, ready, methods=["GET"]),
        Route(METRICS, counts, methods=["GET"]),
    ]
