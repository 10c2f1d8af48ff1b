"""The order of the events that a store keeps in memory: by id, by user, by sequence.

For authors of stores that keep their indexes in memory. Nothing here locks, and nothing here knows
how an event is kept.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator
from itertools import islice
from typing import Any, Generic, TypeVar

import attrs
from sortedcontainers import SortedList

from .stores import Cursor, StoredEvent

P = TypeVar("P")


@attrs.define(eq=False, weakref_slot=False)
class EventEntry(Generic[P]):
    """What the index knows of one event, and where the store keeps the rest."""

    number: int
    """Its place in the order of commits. Never given twice, so that cursors stay true."""
    id: str
    user: str | None
    version: int | None
    place: P
    sequence: int | None = None

    @property
    def of_user(self) -> tuple[int, int]:
        """Its place among its user's events; one without a version stands before all."""
        return (self.version or 0, self.number)

    def __lt__(self, other: EventEntry[P]) -> bool:
        """Stand before *other* among the sealed, or among those that wait."""
        mine, others = self.sequence or 0, other.sequence or 0
        return self.number < other.number if mine == others else mine < others


class EventIndex(Generic[P]):
    """Events by id, by user, by sequence, and those that wait for one."""

    def __init__(self) -> None:
        self._by_id: dict[str, EventEntry[P]] = {}
        self._by_user: dict[str, list[EventEntry[P]]] = {}
        # Entries compare by what these are ordered by: dictionaries by it took 150 bytes an event.
        self._sealed = SortedList()
        self._unsealed = SortedList()
        self.next_number = 1

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[EventEntry[P]]:
        """Walk over all entries in the order of their commits."""
        return iter(self._by_id.values())

    def count_unsealed(self) -> int:
        """Return how many events wait for a sequence. O(1)."""
        return len(self._unsealed)

    def get(self, id: str) -> EventEntry[P] | None:
        """Return the event with this id, or None."""
        return self._by_id.get(id)

    def add(self, entry: EventEntry[P]) -> None:
        """Append an event; its number is at least `next_number`."""
        self.next_number = entry.number + 1
        self._by_id[entry.id] = entry
        self._list(entry)

    def fill(self, entries: list[EventEntry[P]]) -> None:
        """Append many events at once, in the order of their numbers."""
        for entry in entries:
            self._by_id[entry.id] = entry
            self._list_under_user(entry)
        self._sealed.update([entry for entry in entries if entry.sequence is not None])
        self._unsealed.update([entry for entry in entries if entry.sequence is None])
        if entries:
            self.next_number = entries[-1].number + 1

    def restore(self, event: StoredEvent | EventEntry[P], place: P) -> None:
        """Put an event in the place of the one with its id, or behind all others."""
        entry = self._by_id.get(event.id)
        if entry is None:
            number = self.next_number
            self.add(EventEntry(number, event.id, event.user, event.version, place, event.sequence))
            return
        self._unlist(entry)
        self._leave_user(entry)
        entry.user, entry.version, entry.sequence = event.user, event.version, event.sequence
        entry.place = place
        self._list(entry)

    def by_user(self) -> Iterator[EventEntry[P]]:
        """Walk over all that name a user, by (user, version, order of commit)."""
        for user in sorted(self._by_user):
            yield from self._by_user[user]

    def seal(self, id: str, sequence: int) -> None:
        """Give an event its sequence. One that is not there (any more) is let pass."""
        entry = self._by_id.get(id)
        if entry is not None:
            self._unlist(entry)
            entry.sequence = sequence
            self._sealed.add(entry)

    def forget(self, id: str) -> None:
        """Remove an event. One that is not there (any more) is let pass."""
        entry = self._by_id.pop(id, None)
        if entry is None:
            return
        self._unlist(entry)
        self._leave_user(entry)

    def page(
        self,
        *,
        user: str | None,
        sequence_after: int | None,
        unsealed: bool,
        after: Cursor | None,
        limit: int,
    ) -> tuple[list[EventEntry[P]], Cursor | None]:
        """Return a page in one of the three orders, and the cursor that continues after it.

        Raises ValueError if not exactly one of the three is asked for, or *limit* is less than one.
        """
        if (user is not None) + (sequence_after is not None) + unsealed != 1:
            raise ValueError("ask for exactly one of user, sequence_after and unsealed")
        if limit < 1:
            raise ValueError("a page holds at least one item")
        if user is not None:
            found = self._page_of_user(user, after, limit + 1)
        elif sequence_after is not None:
            found = self._page_sealed(sequence_after, after, limit + 1)
        else:
            start = 0 if after is None else int(after.order, 16)
            found = self._behind(self._unsealed, None, start, limit + 1)
        items = found[:limit]
        if len(found) <= limit:
            return items, None
        last = items[-1]
        if user is not None:
            order = f"{last.version or 0:016x}{last.number:016x}"
        elif sequence_after is not None:
            order = f"{last.sequence:016x}{last.number:016x}"
        else:
            order = f"{last.number:016x}"
        return items, Cursor(order, last.id)

    def _page_of_user(self, user: str, after: Cursor | None, limit: int) -> list[EventEntry[P]]:
        mine = self._by_user.get(user, [])
        start = 0 if after is None else bisect_right(mine, _pair(after), key=_of_user)
        return mine[start : start + limit]

    def _page_sealed(
        self, sequence_after: int, after: Cursor | None, limit: int
    ) -> list[EventEntry[P]]:
        # The pair (n + 1, 0) stands behind everything with the sequence n: numbers begin at one.
        start = (sequence_after + 1, 0)
        if after is not None:
            start = max(start, _pair(after))
        return self._behind(self._sealed, *start, limit)

    @staticmethod
    def _behind(entries: Any, sequence: int | None, number: int, limit: int) -> list[EventEntry[P]]:
        start: EventEntry[Any] = EventEntry(number, "", None, None, None, sequence)
        return list(islice(entries.irange(minimum=start, inclusive=(False, False)), limit))

    def _list(self, entry: EventEntry[P]) -> None:
        self._list_under_user(entry)
        (self._unsealed if entry.sequence is None else self._sealed).add(entry)

    def _list_under_user(self, entry: EventEntry[P]) -> None:
        if entry.user is None:
            return
        mine = self._by_user.get(entry.user)
        if mine is None:
            self._by_user[entry.user] = [entry]
            return
        entry.user = mine[0].user  # one text for all of them
        if mine[-1].of_user > entry.of_user:
            insort(mine, entry, key=_of_user)
        else:
            mine.append(entry)

    def _leave_user(self, entry: EventEntry[P]) -> None:
        if entry.user is not None:
            mine = self._by_user[entry.user]
            mine.remove(entry)
            if not mine:
                del self._by_user[entry.user]

    def _unlist(self, entry: EventEntry[P]) -> None:
        (self._unsealed if entry.sequence is None else self._sealed).remove(entry)


def _of_user(entry: EventEntry[Any]) -> tuple[int, int]:
    return entry.of_user


def _pair(cursor: Cursor) -> tuple[int, int]:
    return int(cursor.order[:16], 16), int(cursor.order[16:], 16)
