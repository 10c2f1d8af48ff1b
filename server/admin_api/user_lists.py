"""Lists of users by what the Admin API asks for: pages of several lists, walked as one."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import admit
from admit.clock import to_text
from admit.errors import UserNotFound
from admit.stores import Cursor

MOST: Final = 50
"""What the service gave at once; clients that do not page see so many."""


def confirmed_users(
    engine: admit.Engine,
    *,
    after: str | None,
    limit: int,
    descending: bool = False,
    status: str | None = None,
    providers: Sequence[str] = (),
) -> list[admit.User]:
    """Return up to *limit* confirmed users, in the order of their creation – of their ids, but for
    imported ones –, after the one with this id. *providers*: who has an identity of any of them."""
    if status == "disabled":
        labels = ["disabled"]
    elif providers:
        labels = [f"provider/{name}" for name in dict.fromkeys(providers)]
    else:
        labels = ["confirmed"]
    cursor = None if after is None else cursor_of(engine, after)
    walks = [_walk(engine, label, cursor, descending, limit) for label in labels]
    merged = heapq.merge(*walks, key=lambda user: (user.created_at, user.id), reverse=descending)

    def wanted() -> Iterator[admit.User]:
        last = None
        for user in merged:
            if user.id == last:  # in more than one list
                continue
            last = user.id
            if user.state == "confirmed" and _fits(user, status, providers):
                yield user

    return list(islice(wanted(), limit))


def cursor_of(engine: admit.Engine, user_id: str) -> Cursor:
    """Return the place of a user in lists that are ordered by creation. One who is gone was created
    in the second that its id begins with; what else was created in it comes again."""
    try:
        user = engine.users.get(user_id)
    except UserNotFound:
        user = None
    if user is not None and user.id == user_id:
        return Cursor(to_text(user.created_at), user_id)
    return Cursor(to_text(datetime.fromtimestamp(int(user_id[:8], 16), UTC)), user_id)


def _fits(user: admit.User, status: str | None, providers: Sequence[str]) -> bool:
    if status is not None and user.disabled != (status == "disabled"):
        return False
    return not providers or any(identity.provider in providers for identity in user.identities)


def _walk(
    engine: admit.Engine, label: str, after: Cursor | None, descending: bool, size: int
) -> Iterator[admit.User]:
    while True:
        page = engine.users.page(label, after=after, limit=size, reverse=descending)
        yield from page.items
        after = page.next
        if after is None:
            return
