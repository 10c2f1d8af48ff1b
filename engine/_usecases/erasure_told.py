"""How far the erasing of deleted users is, told to whoever asks."""

from __future__ import annotations

from typing import Final, Literal

from .._codec import user_from
from .._commits import timeline
from .._core import Core
from ..errors import UserNotFound
from ..leaving import Erasure, ErasureStep
from ..records import User
from ..stores import Cursor, Page, Ref
from .erasures import KIND, LABEL, saga_from

_ENDED: Final[dict[str, Literal["done", "gave-up"]]] = {"done": "done", "gave-up": "gave-up"}


def erasure_of(core: Core, user_id: str) -> Erasure:
    """Return how far the erasing of a deleted user is; see `Users.erasure`."""
    user, record = core.store.get_many([Ref("user", user_id), Ref(KIND, user_id)])
    if user is None or (record is None and user.body["state"] != "deleted"):
        raise UserNotFound("id among the deleted")
    tombstone = user_from(user)
    steps = _of_events(core, user_id) if record is None else saga_from(core, record).steps
    return _told(tombstone, steps)


def erasures(core: Core, after: Cursor | None, limit: int) -> Page[Erasure]:
    """Return erasures whose steps have not all succeeded; see `Users.erasures`."""
    page = core.store.page(KIND, LABEL, after, limit)
    tombstones = core.store.get_many([Ref("user", record.id) for record in page.items])
    told = [
        _told(user_from(user), saga_from(core, record).steps)
        for record, user in zip(page.items, tombstones, strict=True)
        if user is not None
    ]
    return Page(tuple(told), page.next)


def _told(tombstone: User, steps: tuple[ErasureStep, ...]) -> Erasure:
    is_gone = tombstone.state == "deleted"
    return Erasure(
        user=tombstone.id,
        deleted_at=(tombstone.deleted_at or tombstone.created_at) if is_gone else None,
        finished=tombstone.chore_at is None if is_gone else all(s.ended for s in steps),
        steps=steps,
    )


def _of_events(core: Core, user_id: str) -> tuple[ErasureStep, ...]:
    """Return the steps as the events tell of them, once the record of the erasure has gone."""
    steps: dict[str, ErasureStep] = {}
    for event in timeline(core, user_id):
        if event.trigger == "erase-step":
            ended = _ENDED.get(event.codes["result"])
            steps[event.codes["step"]] = ErasureStep(
                name=event.codes["step"],
                tries=int(event.codes["attempt"]),
                ended=ended,
                ended_at=None if ended is None else event.at,
                error=event.codes.get("error"),
            )
    return tuple(steps.values())
