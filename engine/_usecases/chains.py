"""The chain of a user's events: each holds the digest of the one before, the user that of the last.

A seal covers what was there when the sealer came by; the chain covers the rest, as far as somebody
does not write it anew from the first changed event on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from .._core import Core
from .._events import digest
from ..clock import from_text
from ..lifecycle import NEW
from ..stores import Cursor, Record, StoredEvent

_PAGE: Final = 100
_TRIES: Final = 5


def walk_chains(core: Core) -> Iterator[str | None]:
    """Yield, for each user and each tombstone, what is wrong with its chain, or None."""
    for label in ("all", "deleted"):
        after: Cursor | None = None
        while True:
            page = core.store.page("user", label, after, _PAGE)
            for record in page.items:
                yield _problem(core, record)
            after = page.next
            if after is None:
                break


def _problem(core: Core, record: Record) -> str | None:
    """Return what is wrong with one user's chain; a user that changes meanwhile is read again."""
    problem: str | None = None
    for _ in range(_TRIES):
        problem = _walk(core, record)
        again = None if problem is None else core.store.get("user", record.id)
        if again is None or again.version == record.version:
            # Sound, or as it was when it was read. Gone meanwhile: swept, with all its events.
            return problem if again is not None else None
        record = again
    return problem


def _walk(core: Core, user: Record) -> str | None:
    name = f"The chain of user {user.id}"
    head: str | None = None if _is_being_forgotten(core, user) else ""
    state: str | None = None if head is None else NEW
    for event in _events(core, user.id):
        previous = event.body.get("previous")
        if previous is None or (event.version or 0) > user.version:
            continue  # it put no user, or came after this user was read
        if head is not None and previous != head:
            return (
                f"{name} breaks before event {event.id}: what stood there was changed or removed."
            )
        head = digest(event.body)
        if "to" in event.body:
            if state is not None and event.body.get("from") != state:
                return f"{name} leaps at event {event.id}, which does not begin where the user was."
            state = event.body["to"]
    if head is not None and head != user.body["last_event"]:
        return f"{name} does not end where the user says: the last event was changed or removed."
    if state is not None and state != user.body["state"]:
        return f"User {user.id} is stored as {user.body['state']}, but became {state} last."
    return None


def _events(core: Core, user_id: str) -> Iterator[StoredEvent]:
    after: Cursor | None = None
    while True:
        page = core.store.events(user=user_id, after=after, limit=200)
        yield from page.items
        after = page.next
        if after is None:
            return


def _is_being_forgotten(core: Core, user: Record) -> bool:
    """A tombstone past its retention goes in several commits, its oldest events first."""
    deleted_at = user.body.get("deleted_at")
    retention: timedelta = core.settings.audit_retention
    return deleted_at is not None and from_text(deleted_at) + retention <= core.now()
