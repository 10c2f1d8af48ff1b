"""The order of the events that a store keeps in memory: by id, by user, by sequence.

For authors of stores that keep their indexes in memory. Nothing here locks, and nothing here knows
how an event is kept. An event takes some 110 bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, MutableSequence
from hashlib import blake2b
from itertools import islice
from struct import iter_unpack
from typing import Final, Generic

from .event_columns import NONE, EventColumns, EventEntry, FrozenEvents, P, packed
from .sorted_rows import Row, SortedRows
from .stores import Cursor, StoredEvent

__all__ = ["EventEntry", "EventIndex"]

_BLOCK_BITS: Final = 10
"""So many bits of a number do not count for the block that its event stands in."""


class EventIndex(Generic[P]):
    """Events by id, by user, by sequence, and those that wait for one."""

    def __init__(self, places: Callable[[], MutableSequence[P]] = list) -> None:
        """*places* makes the column for what the store keeps of each event."""
        self.new_places = places
        self._blocks: dict[int, EventColumns[P]] = {}
        self._age = 0
        """How often it was frozen. A block of this age came later, so nobody else looks at it."""
        self._ids = SortedRows()
        self._users = SortedRows()
        self._sealed = SortedRows()
        self._unsealed = SortedRows()
        self.next_number = 1

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id: str) -> bool:
        return self._number(id) is not None

    def __iter__(self) -> Iterator[EventEntry[P]]:
        """Walk over all of them in the order of their commits; nothing may change meanwhile."""
        return iter(FrozenEvents(self._in_order(), []))

    def by_user(self) -> Iterator[EventEntry[P]]:
        """Walk over all that name a user, by (user, version, order of commit), as `iter` does."""
        return FrozenEvents(self._in_order(), []).by_user()

    def freeze(self) -> FrozenEvents[P]:
        """Return what there is at this moment. Nothing is copied but what changes later."""
        self._age += 1
        return FrozenEvents(self._in_order(), [rows.freeze() for rows in self._orders])

    def take_over(self, frozen: FrozenEvents[P]) -> None:
        """Take over, into an empty index, what was frozen here or in another process."""
        self._blocks = {block.numbers[0] >> _BLOCK_BITS: block for block in frozen.blocks}
        for block in frozen.blocks:
            block.age = self._age
        for rows, pieces in zip(self._orders, frozen.orders, strict=True):
            rows.take_over(pieces)
        if frozen.blocks:
            self.next_number = max(self.next_number, frozen.blocks[-1].numbers[-1] + 1)

    @property
    def _orders(self) -> list[SortedRows]:
        return [self._ids, self._users, self._sealed, self._unsealed]

    def _in_order(self) -> list[EventColumns[P]]:
        return [self._blocks[which] for which in sorted(self._blocks)]

    def count_unsealed(self) -> int:
        """Return how many events wait for a sequence. O(1)."""
        return len(self._unsealed)

    def get(self, id: str) -> EventEntry[P] | None:
        """Return the event with this id, or None."""
        number = self._number(id)
        return None if number is None else self._entry(number)

    def fill(self, events: EventColumns[P]) -> None:
        """Take over many events at once, none of which is here yet."""
        numbers, at = events.numbers, 0
        while at < len(numbers):
            which = numbers[at] >> _BLOCK_BITS
            end = bisect_left(numbers, which + 1 << _BLOCK_BITS, at)
            self._blocks[which] = block = events.cut(at, end)
            block.age, at = self._age, end
        if numbers:
            self.next_number = max(self.next_number, numbers[-1] + 1)
        tails = (tail for _, tail in iter_unpack(">IQ", events.ids))
        self._ids.fill(zip(tails, numbers, strict=True))
        rows = zip(iter_unpack(">IQ", events.users), events.versions, numbers, strict=True)
        self._users.fill(
            (tail, 0 if version == NONE else version, number)
            for (head, tail), version, number in rows
            if head or tail
        )
        for number, user in events.others.items():
            version = events.versions[bisect_left(numbers, number)]
            self._users.add((_tail(user), 0 if version == NONE else version, number))
        self._unsealed.fill(
            (number,)
            for number, sequence in zip(numbers, events.sequences, strict=True)
            if sequence == NONE
        )
        self._sealed.fill(
            (sequence, number)
            for number, sequence in zip(numbers, events.sequences, strict=True)
            if sequence != NONE
        )

    def add(self, entry: EventEntry[P]) -> None:
        """Put in an event whose id is not there yet; most often its number is `next_number`.

        Raises ValueError if its id is not 24 hex digits.
        """
        if entry.number < self.next_number and self._at(entry.number) is not None:
            entry = entry._replace(number=self.next_number)
        self.next_number = max(self.next_number, entry.number + 1)
        self._own(entry.number).insert(entry)
        self._ids.add((_tail(entry.id), entry.number))
        self._list(entry)

    def restore(
        self, event: StoredEvent | EventEntry[P], place: P, *, number: int | None = None
    ) -> None:
        """Put an event in the place of the one with its id; if there is none, in that of *number*,
        or behind all others."""
        found = self._number(event.id)
        new = EventEntry(
            found or number or self.next_number,
            event.id,
            event.user,
            event.version,
            place,
            event.sequence,
        )
        if found is None:
            self.add(new)
            return
        self._unlist(self._entry(found))
        block, at = self._changing(found)
        block.replace(at, new)
        self._list(new)

    def move(self, number: int, place: P) -> None:
        """Say where the store keeps an event from now on."""
        block, at = self._changing(number)
        block.places[at] = place

    def place(self, number: int) -> P | None:
        """Return where the store keeps an event, None if there is none with this number."""
        at = self._at(number)
        return None if at is None else self._blocks[number >> _BLOCK_BITS].places[at]

    def seal(self, id: str, sequence: int) -> None:
        """Give an event its sequence. One that is not there (any more) is let pass."""
        entry = self.get(id)
        if entry is None:
            return
        self._unlist_sequence(entry)
        block, at = self._changing(entry.number)
        block.sequences[at] = sequence
        self._sealed.add((sequence, entry.number))

    def forget(self, id: str) -> None:
        """Remove an event. One that is not there (any more) is let pass."""
        entry = self.get(id)
        if entry is None:
            return
        self._unlist(entry)
        self._ids.remove((_tail(id), entry.number))
        block, at = self._changing(entry.number)
        block.remove(at)
        if not block.numbers:
            del self._blocks[entry.number >> _BLOCK_BITS]

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
            found = self._of_user(user, after)
        elif sequence_after is not None:
            # Nothing has the number zero, so this is behind everything with that sequence.
            start: Row = (sequence_after + 1, 0)
            if after is not None:
                start = max(start, _behind(after))
            found = self._entries(self._sealed, start)
        else:
            found = self._entries(self._unsealed, () if after is None else _behind(after))
        items = list(islice(found, limit + 1))
        if len(items) <= limit:
            return items, None
        items.pop()
        last = items[-1]
        if user is not None:
            order = f"{last.version or 0:016x}{last.number:016x}"
        elif sequence_after is not None:
            order = f"{last.sequence:016x}{last.number:016x}"
        else:
            order = f"{last.number:016x}"
        return items, Cursor(order, last.id)

    def _of_user(self, user: str, after: Cursor | None) -> Iterator[EventEntry[P]]:
        tail = _tail(user)
        start = (tail,) if after is None else (tail, *_behind(after))
        for row in self._users.behind(start):
            if row[0] != tail:
                return
            entry = self._entry(row[-1])
            if entry.user == user:  # its tail may be another's too
                yield entry

    def _entries(self, rows: SortedRows, start: Row) -> Iterator[EventEntry[P]]:
        return (self._entry(row[-1]) for row in rows.behind(start))

    def _number(self, id: str) -> int | None:
        id_bytes = packed(id)
        if id_bytes is None:
            return None
        for number in self._ids.last_numbers((int.from_bytes(id_bytes[4:], "big"),)):
            at = self._at(number)
            if at is not None and self._blocks[number >> _BLOCK_BITS].id_bytes(at) == id_bytes:
                return number
        return None

    def _at(self, number: int) -> int | None:
        block = self._blocks.get(number >> _BLOCK_BITS)
        return None if block is None else block.find(number)

    def _entry(self, number: int) -> EventEntry[P]:
        block = self._blocks[number >> _BLOCK_BITS]
        return block.entry(bisect_left(block.numbers, number))

    def _changing(self, number: int) -> tuple[EventColumns[P], int]:
        block = self._own(number)
        return block, bisect_left(block.numbers, number)

    def _own(self, number: int) -> EventColumns[P]:
        """Return the block for a number, one that nobody looks at as it was."""
        which = number >> _BLOCK_BITS
        block = self._blocks.get(which)
        if block is None:
            block = self._blocks[which] = EventColumns(self.new_places())
            block.age = self._age
        elif block.age != self._age:
            block = self._blocks[which] = block.cut(0, len(block.numbers))
            block.age = self._age
        return block

    def _list(self, entry: EventEntry[P]) -> None:
        number = entry.number
        if entry.user is not None:
            self._users.add((_tail(entry.user), entry.version or 0, number))
        if entry.sequence is None:
            self._unsealed.add((number,))
        else:
            self._sealed.add((entry.sequence, number))

    def _unlist(self, entry: EventEntry[P]) -> None:
        if entry.user is not None:
            self._users.remove((_tail(entry.user), entry.version or 0, entry.number))
        self._unlist_sequence(entry)

    def _unlist_sequence(self, entry: EventEntry[P]) -> None:
        if entry.sequence is None:
            self._unsealed.remove((entry.number,))
        else:
            self._sealed.remove((entry.sequence, entry.number))


def _tail(id: str) -> int:
    """Return a number for an id, most often of no other one: ids end as random as they are."""
    number = packed(id)
    if number is None:
        number = blake2b(id.encode("utf-8", "surrogatepass"), digest_size=12).digest()
    return int.from_bytes(number[4:], "big")


def _behind(cursor: Cursor) -> Row:
    """Return the row that is the least behind that of a cursor."""
    order = cursor.order
    *first, last = [int(order[at : at + 16], 16) for at in range(0, len(order), 16)]
    return (*first, last + 1)
