"""The three ways a user ends: deleted, expired, rejected."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from .._codec import user_from
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

_log: Final = logging.getLogger("admit.expiry")
_BATCH: Final = 100


def delete(core: Core, by: Acting, user_id: str) -> Prepared[None]:
    """Prepare a deletion; see `Engine.delete`."""

    def decide(settle: bool) -> Finish[None]:
        def remove(user: User) -> Decision[User]:
            move(user.state, "delete")
            core.plugins.veto("before_delete", user=user)
            return removed(core, user, "delete", user)

        _, before = change_user(core, by, user_id, remove, settle=settle, asked="delete")

        def finish() -> None:
            core.plugins.notify("after_delete", user=before)

        return finish

    return Prepared(decide)


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
    after: timedelta | None = core.settings.expire_pending_after
    if after is None:
        return 0
    deadline = to_text(core.now() - after)
    expired = 0
    cursor: Cursor | None = None
    while expired < most:
        page = core.store.page("user", "pending", cursor, min(_BATCH, most - expired))
        for record in page.items:
            if to_text(user_from(record).created_at) > deadline:
                return expired
            try:
                expire(core, record.id)
                expired += 1
            except (NotAllowed, UserNotFound, TryLater) as problem:
                _log.info("user %s was not expired: %s", record.id, problem.code)
        cursor = page.next
        if cursor is None:
            break
    return expired
