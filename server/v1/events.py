"""The audit trail: sealed events in their order, those that are not, as a stream, and verified."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

import admit
from admit.plain import plain
from admit.records import Event

from ..answers import told
from ..asking import Ask
from ..routes import Route
from .asked import as_admin, number, verb

EVERY_SECONDS: Final = 0.5
"""How often a stream looks for what is new."""
MOST: Final = 1000

PAGE = {"after": "The sequence of the last one seen.", "limit": "How many: 1 to 1,000."}


def _page(engine: admit.Engine, ask: Ask, body: None) -> tuple[Event, ...]:
    return engine.events.page(after=number(ask, "after", 0), limit=number(ask, "limit", 50))


async def stream(ask: Ask) -> Response:
    """Answer with sealed events as they come, a line of JSON each, until the client goes away."""
    engine = await as_admin(ask)
    after = number(ask, "after", 0)
    first = await ask.call(engine.events.page, after=after, limit=MOST)

    async def lines() -> AsyncIterator[str]:
        page, last = first, after
        while True:
            for event in page:
                last = event.sequence or last
                yield json.dumps(plain(event)) + "\n"
            if len(page) < MOST:
                await asyncio.sleep(EVERY_SECONDS)
            page = await ask.call(engine.events.page, after=last, limit=MOST)

    return StreamingResponse(lines(), headers={"content-type": "application/x-ndjson"})


async def verify(ask: Ask) -> Response:
    """Answer with what the audit found."""
    engine = await as_admin(ask)
    return told(plain(await ask.call(engine.events.verify)))


ROUTES = [
    verb(
        "GET",
        "/events",
        "List sealed events, in their order.",
        _page,
        scope="viewer",
        answer=list[Event],
        query=PAGE,
    ),
    verb(
        "GET",
        "/events/unsealed",
        "List events that were not sealed yet.",
        lambda engine, ask, body: engine.events.unsealed(limit=number(ask, "limit", 50)),
        scope="viewer",
        answer=list[Event],
        query={"limit": PAGE["limit"]},
    ),
    Route(
        method="GET",
        path="/events/stream",
        handler=stream,
        summary="Follow sealed events as they come, as JSON lines.",
        token="admin",  # noqa: S106 - which kind
        scope="viewer",
        query={"after": PAGE["after"]},
        answers={200: Any},
        changes=False,
    ),
    Route(
        method="GET",
        path="/events/audit",
        handler=verify,
        summary="Verify that no event was changed or taken away.",
        token="admin",  # noqa: S106 - which kind
        scope="viewer",
        answers={200: dict[str, Any]},
        changes=False,
    ),
]
