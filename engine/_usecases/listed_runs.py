"""Runs of all users: those that wait for a worker, and those that failed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import attrs

from .._codec import user_from
from .._core import Core
from ..errors import InvalidInput
from ..records import Run, User, UserId
from ..stores import Cursor, Page, Record

WhichRuns: TypeAlias = Literal["queued", "failed"]
_LABELS: Final = {"queued": "due", "failed": "pending/run-failed"}
_PAGE: Final = 200


@attrs.frozen(kw_only=True)
class RunOfUser:
    """A run, and whose it is."""

    user_id: UserId
    address: str | None
    run: Run


def runs(
    core: Core, which: WhichRuns, flow: str | None, after: Cursor | None, limit: int
) -> Page[RunOfUser]:
    """Return runs of one of two kinds; see `Users.runs`."""
    if which not in _LABELS:
        raise InvalidInput("which", "must be queued or failed.")
    found: list[RunOfUser] = []
    for place, user in _users(core, _LABELS[which], after):
        if len(found) >= limit:  # a user's runs stand on one page
            return Page(tuple(found), after)
        after = place
        found += [
            RunOfUser(user_id=user.id, address=run.typed or run.address, run=run)
            for run in (_waiting(user) if which == "queued" else _failed(user))
            if flow is None or run.flow == flow
        ]
    return Page(tuple(found))


def _users(core: Core, label: str, after: Cursor | None) -> Iterator[tuple[Cursor, User]]:
    while True:
        page = core.store.page("user", label, after, _PAGE)
        for record in page.items:
            if record.body["state"] != "deleted":
                yield _place(record, label), user_from(record)
        after = page.next
        if after is None:
            return


def _place(record: Record, label: str) -> Cursor:
    order = next(order for name, order in record.labels if name == label)
    return Cursor(order, record.id)


def _waiting(user: User) -> list[Run]:
    """Return the runs that are queued, or that somebody is at."""
    return [
        run
        for run in user.runs
        if run.result is None
        and (run.due_at is not None or (run.attempts and not run.attempts[-1].answered))
    ]


def _failed(user: User) -> list[Run]:
    return [] if user.last_run is None else [user.last_run]
