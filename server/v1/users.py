"""Looking at users: lists, one user, why it is stuck, what happened to it; and many at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from starlette.concurrency import iterate_in_threadpool
from starlette.responses import Response, StreamingResponse

import admit
from admit import RunOfUser
from admit.leaving import Erasure
from admit.records import CustomData, Event, User

from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .asked import as_admin, cursor, cursor_text, duration, flag, named, number, verb
from .moving import told_error

AFTER = {"after": "Where the page before ended: its `next`.", "limit": "How many: 1 to 1,000."}


class UsersPage(Body):
    """Users of a list, and where the next page begins."""

    users: list[User]
    next: str | None = None


class Count(Body):
    """How many there are."""

    count: int


class ErasuresPage(Body):
    """Erasures that are not over, and where the next page begins."""

    erasures: list[Erasure]
    next: str | None = None


class RunsPage(Body):
    """Runs, each with whose it is, and where the next page begins."""

    runs: list[RunOfUser]
    next: str | None = None


class WhyStuck(Body):
    """Where a user stands, what blocks it, and what to do."""

    user: User
    sentence: str
    delivery: str
    allowed: list[str]
    blocked: dict[str, str]
    suggestion: str


class Rerun(Body):
    """Who is re-run, all that are given must fit; and how."""

    pending_longer_than: str = "0s"
    run_failed: bool = False
    domain: str | None = None
    flow: str | None = None
    dry_run: bool = False
    per_second: float | None = 10.0
    after: str | None = None
    limit: int | None = None


class Rerunning(Body):
    """What became of one of them: a line of the answer, which is JSON lines."""

    user_id: str
    address: str | None
    outcome: str
    error: dict[str, str] | None
    cursor: str


def _list(engine: admit.Engine, ask: Ask, body: None) -> dict[str, Any]:
    limit = number(ask, "limit", 50)
    prefix = ask.query("search")
    if prefix is not None:
        return {"users": engine.users.search(prefix, limit=limit), "next": None}
    page = engine.users.page(
        ask.query("in") or "all",
        after=cursor(ask.query("after")),
        limit=limit,
        reverse=flag(ask, "newest"),
    )
    return {"users": page.items, "next": cursor_text(page.next)}


def _get(engine: admit.Engine, ask: Ask, body: None) -> User:
    who = ask.part("who")
    return engine.users.find(who) if "@" in who else engine.users.get(who)


def _runs(engine: admit.Engine, ask: Ask, body: None) -> dict[str, Any]:
    which: Any = ask.query("in") or "queued"
    page = engine.users.runs(
        which,
        flow=ask.query("flow"),
        after=cursor(ask.query("after")),
        limit=number(ask, "limit", 50),
    )
    return {"runs": page.items, "next": cursor_text(page.next)}


def _erasures(engine: admit.Engine, ask: Ask, body: None) -> dict[str, Any]:
    page = engine.users.erasures(after=cursor(ask.query("after")), limit=number(ask, "limit", 50))
    return {"erasures": page.items, "next": cursor_text(page.next)}


async def rerun_all(ask: Ask) -> Response:
    """Re-run many; a line of JSON for each, as it is done. Whoever goes away ends it."""
    engine = await as_admin(ask)
    given = await ask.body(Rerun)
    results = await ask.call(_begun, engine, given)
    return StreamingResponse(
        iterate_in_threadpool(results), headers={"content-type": "application/x-ndjson"}
    )


def _begun(engine: admit.Engine, given: Rerun) -> Iterator[str]:
    """Return the lines; a wrong filter is told before the first."""
    results = engine.users.rerun_all(
        pending_longer_than=duration("pending_longer_than", given.pending_longer_than),
        run_failed=given.run_failed,
        domain=given.domain,
        flow=given.flow,
        dry_run=given.dry_run,
        per_second=given.per_second,
        after=cursor(given.after),
        limit=given.limit,
    )
    return (json.dumps(_line(result)) + "\n" for result in results)


def _line(result: admit.BulkResult) -> dict[str, Any]:
    error = result.error
    return {
        "user_id": result.user_id,
        "address": result.address,
        "outcome": result.outcome,
        "error": None if error is None else told_error(error),
        "cursor": cursor_text(result.cursor),
    }


ROUTES = [
    verb(
        "GET",
        "/users",
        "List users, oldest first; or those whose address begins with `search`.",
        _list,
        scope="viewer",
        answer=UsersPage,
        query={
            "in": "Which list: all, pending, pending/run-failed, confirmed, disabled, deleted, "
            "grace, anonymous, provider/NAME.",
            "search": "How their address begins.",
            "newest": "true: the newest first.",
            **AFTER,
        },
    ),
    verb(
        "GET",
        "/users-count",
        "Say how many users are in a list.",
        lambda engine, ask, body: {"count": engine.users.count(ask.query("in") or "all")},
        scope="viewer",
        answer=Count,
        query={"in": "Which list."},
    ),
    verb(
        "GET", "/users/{who}", "Show one user, by id or address.", _get, scope="viewer", answer=User
    ),
    verb(
        "GET",
        "/users/{who}/why",
        "Explain where a user stands, what blocks it, and what to do next.",
        lambda engine, ask, body: engine.why(**named(ask)),
        scope="viewer",
        answer=WhyStuck,
    ),
    verb(
        "GET",
        "/users/{who}/timeline",
        "Tell what happened to a user, oldest first.",
        lambda engine, ask, body: engine.users.timeline(**named(ask)),
        scope="viewer",
        answer=list[Event],
    ),
    verb(
        "POST",
        "/users/{who}/export",
        "Give everything that is kept about a user. That it was taken is recorded.",
        lambda engine, ask, body: engine.users.export(**named(ask)),
        scope="owner",
        answer=dict[str, Any],
    ),
    verb(
        "GET",
        "/users/{who}/erasure",
        "Say how far the erasing of a deleted user is.",
        lambda engine, ask, body: engine.users.erasure(ask.part("who")),
        scope="viewer",
        answer=Erasure,
    ),
    verb(
        "GET",
        "/users/{who}/custom-data",
        "Give what the application keeps of a user.",
        lambda engine, ask, body: engine.custom_data.get(**named(ask)),
        scope="viewer",
        answer=CustomData,
    ),
    verb(
        "GET",
        "/runs",
        "List runs: queued ones, the most urgent first; or those that failed.",
        _runs,
        scope="viewer",
        answer=RunsPage,
        query={"in": "queued or failed.", "flow": "Only runs of this flow.", **AFTER},
    ),
    verb(
        "GET",
        "/erasures",
        "List erasures with a step that has not succeeded yet.",
        _erasures,
        scope="viewer",
        answer=ErasuresPage,
        query=AFTER,
    ),
    Route(
        method="POST",
        path="/users-rerun",
        handler=rerun_all,
        summary="Re-run many stuck users; `dry_run` tells who it would be. Answers JSON lines.",
        token="admin",  # noqa: S106 - which kind
        scope="support",
        body=Rerun,
        answers={200: msgspec.Raw},
    ),
]
