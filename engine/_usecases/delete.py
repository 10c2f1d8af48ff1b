"""The ways a user ends: deleted, at once or after its grace; expired; rejected."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from .._codec import is_anonymous
from .._commits import Decision, change_user, find_by_key
from .._core import SYSTEM, Core
from .._events import Acting
from ..clock import to_text
from ..errors import NotAllowed, TryLater, UserNotFound
from ..lifecycle import Facts, move
from ..records import User
from ..stores import Cursor, KeyTaken
from .prepared import Finish, Prepared
from .removal import removed
from .repeating import can_prove_again
from .restore import blocked

_log: Final = logging.getLogger("admit.expiry")
_BATCH: Final = 100
_WAITS_FOR: Final = "waits-for"
_WAITING_LOOKED_AT: Final = 50
"""Users who wait that one sweep looks at: the worker sweeps every second."""


def delete(
    core: Core,
    by: Acting,
    user_id: str,
    *,
    at_once: bool = False,
    check: Callable[[User], None] = lambda user: None,
) -> Prepared[User]:
    """Prepare a deletion; see `Engine.delete`. *check* raises if the user, as found then, is not
    whom the caller proved to be: a merge may have made another one of it."""

    def decide(settle: bool) -> Finish[User]:
        def remove(user: User) -> Decision[User]:
            check(user)
            move(user.state, "delete")
            if user.delete_at is not None and not at_once:
                return Decision(result=user)  # is leaving already
            core.plugins.veto("before_delete", user=user)
            grace = None if at_once else _grace_of(core, user)
            if grace is None:
                return removed(core, user, "delete", user)
            return blocked(core, by, user, core.now() + grace)

        new, before = change_user(core, by, user_id, remove, settle=settle, asked="delete")

        def finish() -> User:
            if new.state == "deleted":
                core.plugins.notify("after_delete", user=before)
            return new

        return finish

    return Prepared(decide)


def _grace_of(core: Core, user: User) -> timedelta | None:
    """Return how long *user* may come back: only who was confirmed, and could prove to be it."""
    if user.state != "confirmed" or not can_prove_again(core, user):
        return None
    return core.settings.deletion_grace


def _delete_by_itself(core: Core, user_id: str, cause: str, still: Callable[[User], bool]) -> None:
    """Delete a user because its time has come, if that is *still* so. Raises NotAllowed,
    UserNotFound."""

    def remove(user: User) -> Decision[User]:
        if not still(user):
            raise NotAllowed(user.state, "delete", ())
        move(user.state, "delete")
        return removed(core, user, "delete", user, codes={"cause": cause})

    _, before = change_user(core, SYSTEM, user_id, remove)
    core.plugins.notify("after_delete", user=before)


def reject(core: Core, user_id: str, *, run: str | None = None) -> None:
    """Remove a pending user whose login key another user proved first. Content if it is gone."""

    def remove(user: User) -> Decision[User]:
        move(user.state, "reject")
        return removed(core, user, "reject", user, run=run)

    try:
        _, before = change_user(core, SYSTEM, user_id, remove)
    except (UserNotFound, NotAllowed):
        return
    core.plugins.notify("after_delete", user=before)


def reject_loser(core: Core, user_id: str, taken: KeyTaken, *, run: str | None = None) -> None:
    """Remove a pending user that lost its login key to a confirmed one. A holder that is pending
    has proved nothing either – the policy was switched meanwhile –, so nobody is removed for it."""
    holder = find_by_key(core, taken.key)
    if holder is not None and holder.state == "confirmed":
        reject(core, user_id, run=run)


def sweep_losers(core: Core, *, most: int) -> int:
    """Reject users who wait, under `first-proof`, for a login key that a confirmed user holds.

    Her confirmation has rejected those it found. Left are who came in the same moment, and who
    waited when the policy became `reserve` and another one registered. Some of those who wait are
    looked at each time, the next ones the next time. Returns how many were rejected.
    """
    after = core.sweep_places.pop(_WAITS_FOR, None)
    page = core.store.page("user", _WAITS_FOR, after, min(_WAITING_LOOKED_AT, most))
    if page.next is not None:
        core.sweep_places[_WAITS_FOR] = page.next
    losers = [
        record.id
        for record in page.items
        if any(
            _is_proved_by_another(core, key, record.id)
            for name, key in record.labels
            if name == _WAITS_FOR
        )
    ]
    for loser in losers:
        reject(core, loser)
    return len(losers)


def _is_proved_by_another(core: Core, key: str, user_id: str) -> bool:
    holder = find_by_key(core, key)
    return holder is not None and holder.id != user_id and holder.state == "confirmed"


def deadline_has_passed(core: Core, user: User) -> bool:
    """Return whether the policy's deadline for never-confirmed users has passed for *user*."""
    after = core.settings.expire_pending_after
    return after is not None and user.created_at + after <= core.now()


def expire(core: Core, user_id: str) -> None:
    """Remove a pending user whose deadline has passed. Raises NotAllowed, UserNotFound."""

    def remove(user: User) -> Decision[User]:
        move(user.state, "expire", Facts(deadline_has_passed=deadline_has_passed(core, user)))
        return removed(core, user, "expire", user)

    _, before = change_user(core, SYSTEM, user_id, remove)
    core.plugins.notify("after_delete", user=before)


def sweep_pending(core: Core, *, most: int) -> int:
    """Expire up to *most* pending users whose deadline has passed. Returns how many."""
    after = core.settings.expire_pending_after
    if after is None:
        return 0
    return _sweep(core, "pending", core.now() - after, lambda id: expire(core, id), most)


def sweep_leaving(core: Core, *, most: int) -> int:
    """Delete up to *most* users whose grace is over. Returns how many."""

    def is_over(user: User) -> bool:
        return user.delete_at is not None and user.delete_at <= core.now()

    return _sweep(
        core, "grace", core.now(), lambda id: _delete_by_itself(core, id, "grace", is_over), most
    )


def sweep_anonymous(core: Core, *, most: int) -> int:
    """Delete up to *most* anonymous users who were not seen for the setting
    `expire_anonymous_after`. Returns how many."""
    after = core.settings.expire_anonymous_after
    if after is None:
        return 0
    seen = core.now() - after

    def is_idle(user: User) -> bool:
        return is_anonymous(user) and (user.last_seen_at or user.created_at) <= seen

    return _sweep(
        core, "anonymous", seen, lambda id: _delete_by_itself(core, id, "idle", is_idle), most
    )


def _sweep(core: Core, label: str, until: datetime, end: Callable[[str], None], most: int) -> int:
    """End up to *most* users whose place in a list is not behind *until*. One that cannot be ended
    holds up nobody behind."""
    last, ended = to_text(until), 0
    cursor: Cursor | None = None
    while ended < most:
        page = core.store.page("user", label, cursor, min(_BATCH, most - ended))
        for record in page.items:
            if all(order > last for name, order in record.labels if name == label):
                return ended
            try:
                end(record.id)
                ended += 1
            except (NotAllowed, UserNotFound, TryLater) as problem:
                _log.info("user %s was not ended: %s", record.id, problem.code)
        cursor = page.next
        if cursor is None:
            break
    return ended
