"""The audit trail: sealed events in their order, those that are not, as a stream, and verified."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

import admit
from admit.errors import AdmitError, TryLater
from admit.plain import plain
from admit.records import Event

from ..answers import told
from ..asking import Ask
from ..routes import Route
from .asked import admitted, as_admin, number, verb

EVERY_SECONDS: Final = 0.5
"""How often a stream looks for what is new."""
MOST: Final = 1000
STREAMS_OF_A_KEY: Final = 4
"""How many a key may follow at the same time, in one process: each holds a connection."""
LINES: Final = {"content-type": "application/x-ndjson"}

_following: Final[Counter[str]] = Counter()
"""By the id of an admin key, which no other application has."""

PAGE = {"after": "The sequence of the last one seen.", "limit": "How many: 1 to 1,000."}


def _page(engine: admit.Engine, ask: Ask, body: None) -> tuple[Event, ...]:
    return engine.events.page(after=number(ask, "after", 0), limit=number(ask, "limit", 50))


class Following(StreamingResponse):
    """An answer without an end, counted as long as it goes on."""

    def __init__(self, lines: AsyncIterator[str], key: str) -> None:
        super().__init__(lines, headers=LINES)
        self._key = key
        _following[key] += 1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines as they come."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            _following[self._key] -= 1


async def stream(ask: Ask) -> Response:
    """Answer with sealed events as they come, a line of JSON each, until the client goes away, its
    key or token is not good any more, or the server ends.

    Raises: as `as_admin`; TryLater: the key follows as often as it may.
    """
    key = (await admitted(ask)).key.id
    engine = ask.engine(admit.Actor("admin", key))
    after = number(ask, "after", 0)
    if ask.request.method == "HEAD":
        return Response(None, headers=LINES)
    first = await ask.call(engine.events.page, after=after, limit=MOST)
    if _following[key] >= STREAMS_OF_A_KEY:
        raise TryLater("this key follows the events often enough", timedelta(seconds=60))

    async def lines() -> AsyncIterator[str]:
        page, last = first, after
        while True:
            for event in page:
                last = event.sequence or last
                yield json.dumps(plain(event)) + "\n"
            if await ask.ending.within(0 if len(page) == MOST else EVERY_SECONDS):
                return
            try:
                await admitted(ask)
                page = await ask.call(engine.events.page, after=last, limit=MOST)
            except AdmitError:  # the client asks again, and is told why
                return

    return Following(lines(), key)


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
    verb(
        "GET",
        "/events/tail",
        "List the last events, sealed or not, oldest first.",
        lambda engine, ask, body: engine.events.tail(limit=number(ask, "limit", 50)),
        scope="viewer",
        answer=list[Event],
        query={"limit": "How many: 0 to 1,000."},
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
