"""Taking users in as they were elsewhere, and giving them out: JSON lines both ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

import admit
from admit.plain import plain
from admit.rows import to_line

from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .asked import as_admin, verb


class Arriving(Body):
    """Users as `admit users export` writes them, a line each; some hundred at a time."""

    lines: list[str]
    dry_run: bool = False


class Arrived(Body):
    """What became of one of them."""

    place: int
    user_id: str | None
    outcome: str
    error: dict[str, str] | None


class Leaving(Body):
    """Which users are given out, and whether with the hashes of their passwords."""

    label: str = "all"
    hashes: bool = False


def _import(engine: admit.Engine, ask: Ask, body: Arriving) -> list[dict[str, Any]]:
    results = engine.users.import_all(body.lines, dry_run=body.dry_run)
    return [
        {
            "place": result.place,
            "user_id": result.user_id,
            "outcome": result.outcome,
            "error": None if result.error is None else told_error(result.error),
        }
        for result in results
    ]


def told_error(error: admit.AdmitError) -> dict[str, str]:
    """Return an error as it stands in an answer that goes on behind it."""
    return {
        "code": error.code,
        "sentence": plain(error.sentence),
        "next_step": plain(error.next_step),
    }


async def export(ask: Ask) -> Response:
    """Answer with a line for each user. That they were taken is recorded."""
    engine = await as_admin(ask)
    given = await ask.body(Leaving)
    lines = await ask.call(_exported, engine, given)
    return StreamingResponse(
        iterate_in_threadpool(lines), headers={"content-type": "application/x-ndjson"}
    )


def _exported(engine: admit.Engine, given: Leaving) -> Iterator[str]:
    rows = engine.users.export_all(given.label, hashes=given.hashes)
    return (json.dumps(json.loads(to_line(row))) + "\n" for row in rows)


ROUTES = [
    verb(
        "POST",
        "/users-import",
        "Take in users as they were elsewhere; one that is refused does not stop the others.",
        _import,
        scope="owner",
        answer=list[Arrived],
        body=Arriving,
    ),
    Route(
        method="POST",
        path="/users-export",
        handler=export,
        summary="Give users out as `users-import` takes them, as JSON lines. It is recorded.",
        token="admin",  # noqa: S106 - which kind
        scope="owner",
        body=Leaving,
        answers={200: msgspec.Raw},
    ),
]
