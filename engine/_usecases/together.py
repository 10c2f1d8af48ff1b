"""Two users changed in one commit, each with its events on its own chain: for a link, for a merge.

Everything else touches one user (design.md §7).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from .._codec import user_from
from .._commits import TRIES, Decision, build, commit, record_refusal
from .._core import Core
from .._events import Acting
from ..errors import AdmitError, TryLater, UserNotFound
from ..records import User
from ..stores import Change, Ref, VersionMoved

T = TypeVar("T")


class Both(NamedTuple, Generic[T]):
    """What was decided about two users."""

    one: Decision[T]
    other: Decision[None]


def change_both(
    core: Core,
    by: Acting,
    one_id: str,
    other_id: str,
    decide: Callable[[User, User], Both[T]],
    *,
    asked: str,
    settle: bool = True,
) -> tuple[User, T]:
    """Read both users, decide, commit all of it or nothing; when either moved meanwhile, again.

    Returns the first one as it is now, and what its decision resulted in. A refusal is recorded,
    as one to the first one.

    Raises:
        UserNotFound: one of them is gone, or absorbed: ids are taken as they are here.
        KeyTaken, FateUnknown, and whatever *decide* raises: nothing was changed.
        TryLater: others were faster five times; nothing was changed.
    """
    for _ in range(TRIES):
        one, other = _both(core, one_id, other_id)
        try:
            decided = decide(one, other)
        except AdmitError as problem:
            record_refusal(core, by, one, asked, problem.code)
            raise
        user, change = build(core, by, one, decided.one)
        _, rest = build(core, by, other, decided.other)
        try:
            commit(core, _joined(change, rest), settle=settle)
        except VersionMoved:
            continue
        return user, decided.one.result
    raise TryLater("others are changing these users")


def _both(core: Core, one_id: str, other_id: str) -> tuple[User, User]:
    found = core.store.get_many([Ref("user", one_id), Ref("user", other_id)])
    users = [user_from(record) for record in found if record is not None]
    if len(users) != 2 or any(user.state == "deleted" for user in users):
        raise UserNotFound
    return users[0], users[1]


def _joined(one: Change, other: Change) -> Change:
    return Change(
        put=(*one.put, *other.put),
        remove=(*one.remove, *other.remove),
        events=(*one.events, *other.events),
        erase=(*one.erase, *other.erase),
    )
