"""The chain of a user's events: each holds the digest of the one before, the user that of the last.

A seal covers what was there when the sealer came by; the chain covers the rest, as far as somebody
does not write it anew from the first changed event on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

import attrs

from .._events import digest
from ..clock import from_text
from ..lifecycle import NEW
from ..stores import Cursor, Record, Store, StoredEvent

_PAGE: Final = 100
_TRIES: Final = 5


@attrs.frozen(kw_only=True)
class Problem:
    """What in the trail of events is not as the engine left it. Shows no personal data."""

    code: str
    where: str
    """Which event, seal or user, by its kind and id."""
    sentence: str


def walk_chains(store: Store, *, forgotten_until: datetime) -> Iterator[Problem | None]:
    """Yield, for each user and each tombstone, what is wrong with its chain, or None.

    Tombstones of *forgotten_until* and before may be half forgotten.
    """
    for label in ("all", "deleted"):
        after: Cursor | None = None
        while True:
            page = store.page("user", label, after, _PAGE)
            for record in page.items:
                yield _problem(store, record, forgotten_until)
            after = page.next
            if after is None:
                break


def _problem(store: Store, record: Record, forgotten_until: datetime) -> Problem | None:
    """Return what is wrong with one user's chain; a user that changes meanwhile is read again."""
    problem: Problem | None = None
    for _ in range(_TRIES):
        problem = follow(record, _events(store, record.id), forgotten_until=forgotten_until)
        again = None if problem is None else store.get("user", record.id)
        if again is None or again.version == record.version:
            # Sound, or as it was when it was read. Gone meanwhile: swept, with all its events.
            return problem if again is not None else None
        record = again
    return problem


def follow(
    user: Record, events: Iterable[StoredEvent], *, forgotten_until: datetime
) -> Problem | None:
    """Return what is wrong with the chain of *user*, whose events are in the order of versions.

    A tombstone past its retention goes in several commits, its oldest events first: that of one
    deleted at *forgotten_until* or before need not be there from its beginning on.
    """
    begins_late = _deleted_at(user) <= forgotten_until
    head: str | None = None if begins_late else ""
    state: str | None = None if begins_late else NEW
    for event in events:
        previous = event.body.get("previous")
        if previous is None or (event.version or 0) > user.version:
            continue  # it put no user, or came after this user was read
        if head is not None and previous != head:
            return _broken(
                user, f"breaks before event {event.id}: what stood there was changed or removed."
            )
        head = digest(event.body)
        if "to" in event.body:
            if state is not None and event.body.get("from") != state:
                return _broken(
                    user, f"leaps at event {event.id}, which does not begin where the user was."
                )
            state = event.body["to"]
    if head is not None and head != user.body["last_event"]:
        return _broken(
            user, "does not end where the user says: the last event was changed or removed."
        )
    if state is not None and state != user.body["state"]:
        return Problem(
            code="state-differs",
            where=f"user {user.id}",
            sentence=f"User {user.id} is stored as {user.body['state']}, but became {state} last.",
        )
    return None


def _broken(user: Record, how: str) -> Problem:
    return Problem(
        code="chain-broken", where=f"user {user.id}", sentence=f"The chain of user {user.id} {how}"
    )


def _events(store: Store, user_id: str) -> Iterator[StoredEvent]:
    after: Cursor | None = None
    while True:
        page = store.events(user=user_id, after=after, limit=200)
        yield from page.items
        after = page.next
        if after is None:
            return


def _deleted_at(user: Record) -> datetime:
    text = user.body.get("deleted_at")
    return datetime.max.replace(tzinfo=UTC) if text is None else from_text(text)
