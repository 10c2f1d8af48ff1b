"""What is left of a user that is deleted: a tombstone, and events without details."""

from __future__ import annotations

from typing import Final, TypeVar

from .._codec import user_body
from .._commits import Decision
from .._core import Core
from .._events import Happening
from ..records import User, UserId
from ..stores import Put

T = TypeVar("T")

ERASED_AT_ONCE: Final = 100
"""Details erased in the very commit that deletes; the worker erases the rest of a long history."""


def removed(
    core: Core,
    user: User,
    trigger: str,
    result: T,
    *,
    run: str | None = None,
    absorbed_by: UserId | None = None,
) -> Decision[T]:
    """Decide that *user* becomes a tombstone: id, times, version – no keys, so its address is free.

    The caller has asked the lifecycle whether it may.
    """
    now = core.now()
    page = core.store.events(user=user.id, limit=ERASED_AT_ONCE)
    erase = tuple(stored.id for stored in page.items if stored.detail is not None)
    tombstone = User(
        id=user.id,
        type=user.type,
        state="deleted",
        version=user.version,
        created_at=user.created_at,
        confirmed_at=user.confirmed_at,
        deleted_at=now,
        epoch=user.epoch + 1,
        absorbed_by=absorbed_by,
        # Its sessions, the rest of its history and other plugins' data are the worker's.
        chore_at=now,
        last_event=user.last_event,
    )
    core.work_waits.set()
    put: tuple[Put, ...] = ()
    if core.plugins.offers("register_erase_steps"):
        # The steps are called with the user as it was; this record goes when all have succeeded.
        put = (Put("erasure", user.id, user_body(user)),)
    return Decision(
        result=result,
        new=tombstone,
        put=put,
        happenings=(Happening(trigger, user.state, "deleted", run),),
        erase=erase,
    )
