"""Re-running many: by filter, previewed, paced, resumable, a result for each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import attrs

from .._codec import user_from
from .._core import Core
from .._events import Acting
from .._numbers import check_duration, check_number
from .._text import check_text
from ..clock import to_text
from ..errors import AdmitError, FlowRefused, InvalidInput
from ..records import User, UserId
from ..stores import Cursor
from .rerun import rerun

_LONGEST: Final = timedelta(days=36_500)
_SLOWEST: Final = 0.001
"""One in a quarter of an hour."""
_QUICKEST: Final = 1_000_000.0


@attrs.frozen(kw_only=True)
class Stuck:
    """Which pending users a bulk re-run is about."""

    pending_longer_than: timedelta = timedelta(0)
    run_failed: bool = False
    """Only those whose last run failed, was refused or vetoed."""
    domain: str | None = None
    """Only addresses of this domain."""
    flow: str | None = None
    """Only those whose last run was of this flow: it need not be loaded any more."""


@attrs.frozen(kw_only=True)
class BulkResult:
    """What became of one user."""

    user_id: UserId
    address: str | None
    outcome: str
    """`would-rerun`, `rerun`, `confirmed`, `refused` by the flow, or `failed`."""
    error: AdmitError | None = None
    cursor: Cursor
    """Hand this to the next call's `after` to go on behind this user."""


def rerun_all(
    core: Core,
    by: Acting,
    stuck: Stuck,
    *,
    dry_run: bool,
    per_second: float | None,
    after: Cursor | None,
    limit: int | None,
) -> Iterator[BulkResult]:
    """Re-run each pending user that *stuck* describes, oldest first; see `Users.rerun_all`."""
    check_duration(stuck.pending_longer_than, "pending_longer_than", timedelta(0), _LONGEST)
    if stuck.domain is not None:
        check_text(stuck.domain, "domain")
    if stuck.flow is not None:
        check_text(stuck.flow, "flow")
    if limit is not None:
        check_number(limit, "limit", 0, 2**31)
    if per_second is not None:
        _check_pace(per_second)

    def each() -> Iterator[BulkResult]:
        for place, (cursor, user) in enumerate(_chosen(core, stuck, after)):
            if limit is not None and place >= limit:
                return
            if place and per_second is not None and not dry_run:
                core.clock.sleep(timedelta(seconds=1 / per_second))
            yield _one(core, by, user, cursor, dry_run=dry_run)

    return each()


def _check_pace(per_second: object) -> None:
    if not isinstance(per_second, int | float) or isinstance(per_second, bool):
        raise InvalidInput("per_second", "must be a number.")
    if not _SLOWEST <= per_second <= _QUICKEST:  # a not-a-number is neither
        raise InvalidInput("per_second", f"must be from {_SLOWEST} to {_QUICKEST:,.0f}.")


def _chosen(core: Core, stuck: Stuck, after: Cursor | None) -> Iterator[tuple[Cursor, User]]:
    # Users that register while this runs are younger, so a fixed deadline ends the walk.
    deadline = to_text(core.now() - stuck.pending_longer_than)
    label = "pending/run-failed" if stuck.run_failed else "pending"
    while True:
        page = core.store.page("user", label, after, 100)
        for record in page.items:
            user = user_from(record)
            created = to_text(user.created_at)
            if created > deadline:
                return
            if _is_meant(stuck, user):
                yield Cursor(created, record.id), user
        after = page.next
        if after is None:
            return


def _is_meant(stuck: Stuck, user: User) -> bool:
    if stuck.domain is not None and _domain(user) != stuck.domain.lower():
        return False
    last = user.last_run
    return stuck.flow is None or (last is not None and last.flow == stuck.flow)


def _domain(user: User) -> str | None:
    return None if user.address is None else user.address.canonical.rpartition("@")[2]


def _one(core: Core, by: Acting, user: User, cursor: Cursor, *, dry_run: bool) -> BulkResult:
    error: AdmitError | None = None
    outcome = "would-rerun"
    if not dry_run:
        try:
            outcome = (
                "confirmed" if rerun(core, by, user.id).run().state == "confirmed" else "rerun"
            )
        except FlowRefused as problem:
            outcome, error = "refused", problem
        except AdmitError as problem:
            outcome, error = "failed", problem
    return BulkResult(
        user_id=user.id,
        address=None if user.address is None else user.address.typed,
        outcome=outcome,
        error=error,
        cursor=cursor,
    )
