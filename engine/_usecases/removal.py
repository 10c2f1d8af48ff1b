"""What is left of a user that is deleted: a tombstone, and events without details."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from .._commits import Decision
from .._core import Core
from .._events import Happening
from ..records import User, UserId
from ..stores import Put, Remove
from .custom_data import removing
from .erasures import begun, gone_on
from .traces import keys_of

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
    codes: Mapping[str, str] = MappingProxyType({}),
    absorbed_by: UserId | None = None,
) -> Decision[T]:
    """Decide that *user* becomes a tombstone: id, times, version – no keys, so its address is free.

    The caller has asked the lifecycle whether it may. An absorbed user is not erased elsewhere:
    what she had is the survivor's now.
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
    remove: tuple[Remove, ...] = ()
    if absorbed_by is not None:
        put = gone_on(core, user)
    else:
        put = begun(core, user)
        # At once, though all of them are dead: who is deleted has no key and no data left.
        remove = (*keys_of(core, user.id), removing(user.id))
    for one in user.runs:
        core.waiting_resets.pop(one.id, None)
    return Decision(
        result=result,
        new=tombstone,
        put=put,
        remove=remove,
        happenings=(Happening(trigger, user.state, "deleted", run, codes),),
        erase=erase,
    )
