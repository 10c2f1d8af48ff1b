"""The order of the events that a store keeps in memory: by id, by user, by sequence.

For authors of stores that keep their indexes in memory. Nothing here locks, and nothing here knows
how an event is kept. An event takes some 110 bytes, as numbers in arrays: as objects, a user's few
events took more than the user.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, MutableSequence
from itertools import islice
from struct import iter_unpack
from typing import Final, Generic, NamedTuple, TypeVar

from .sorted_rows import Row, SortedRows
from .stores import Cursor, StoredEvent

P = TypeVar("P")

_BLOCK_BITS: Final = 10
"""So many bits of a number do not count for the block that its event stands in."""

_NONE: Final = (1 << 64) - 1
"""A sequence or a version that is not there."""

_NOBODY: Final = bytes(12)

_ID: Final = re.compile(r"[0-9a-f]{24}")


class EventEntry(NamedTuple, Generic[P]):
    """What the index knows of one event, and where the store keeps the rest, at one moment."""

    number: int
    """Its place in the order of commits. Never given twice, so that cursors stay true."""
    id: str
    user: str | None
    version: int | None
    place: P
    sequence: int | None = None


class EventColumns(Generic[P]):
    """Events in the order of their numbers, each number different: a column for each fact."""

    __slots__ = ("age", "ids", "numbers", "others", "places", "sequences", "users", "versions")

    def __init__(self, places: MutableSequence[P]) -> None:
        """*places* is the column for what the store keeps of each event, empty yet."""
        self.age = 0
        self.numbers = array("Q")
        self.ids = bytearray()
        self.users = bytearray()
        self.versions = array("Q")
        self.sequences = array("Q")
        self.places = places
        self.others: dict[int, str] = {}
        """Number → user, of those whose user is not 24 hex digits."""

    def find(self, number: int) -> int | None:
        """Return where the event with this number stands, or None."""
        at = bisect_left(self.numbers, number)
        return at if at < len(self.numbers) and self.numbers[at] == number else None

    def insert(self, entry: EventEntry[P]) -> None:
        """Put in an event. Raises ValueError if its id is not 24 hex digits."""
        numbers, id = self.numbers, bytes.fromhex(entry.id)
        user = self._user_bytes(entry)
        at = len(numbers)
        if not at or numbers[-1] < entry.number:
            self.ids += id
            self.users += user
        else:
            at = bisect_left(numbers, entry.number)
            self.ids[at * 12 : at * 12] = id
            self.users[at * 12 : at * 12] = user
        numbers.insert(at, entry.number)
        self.versions.insert(at, _NONE if entry.version is None else entry.version)
        self.sequences.insert(at, _NONE if entry.sequence is None else entry.sequence)
        self.places.insert(at, entry.place)

    def replace(self, at: int, entry: EventEntry[P]) -> None:
        """Write all of an event anew but its number and id."""
        self.users[at * 12 : at * 12 + 12] = self._user_bytes(entry)
        self.versions[at] = _NONE if entry.version is None else entry.version
        self.sequences[at] = _NONE if entry.sequence is None else entry.sequence
        self.places[at] = entry.place

    def remove(self, at: int) -> None:
        """Take out an event."""
        self.others.pop(self.numbers.pop(at), None)
        del self.ids[at * 12 : at * 12 + 12], self.users[at * 12 : at * 12 + 12]
        del self.versions[at], self.sequences[at], self.places[at]

    def cut(self, start: int, stop: int) -> EventColumns[P]:
        """Return a copy of some of them."""
        copy = EventColumns(self.places[start:stop])
        copy.numbers = self.numbers[start:stop]
        copy.ids, copy.users = self.ids[start * 12 : stop * 12], self.users[start * 12 : stop * 12]
        copy.versions, copy.sequences = self.versions[start:stop], self.sequences[start:stop]
        if self.others:
            copy.others = {n: self.others[n] for n in copy.numbers if n in self.others}
        return copy

    def id_bytes(self, at: int) -> bytearray:
        """Return an event's id."""
        return self.ids[at * 12 : at * 12 + 12]

    def user(self, at: int) -> str | None:
        """Return an event's user."""
        user = self.users[at * 12 : at * 12 + 12]
        return user.hex() if user != _NOBODY else self.others.get(self.numbers[at])

    def entry(self, at: int) -> EventEntry[P]:
        """Return all of an event."""
        version, sequence = self.versions[at], self.sequences[at]
        return EventEntry(
            self.numbers[at],
            self.id_bytes(at).hex(),
            self.user(at),
            None if version == _NONE else version,
            self.places[at],
            None if sequence == _NONE else sequence,
        )

    def _user_bytes(self, entry: EventEntry[P]) -> bytes:
        user = entry.user
        packed = None if user is None else _packed(user)
        self.others.pop(entry.number, None)
        if user is not None and packed in (None, _NOBODY):
            self.others[entry.number] = user
            return _NOBODY
        return packed or _NOBODY


class FrozenEvents(Generic[P]):
    """The events of one moment, to be walked without a lock while others go on."""

    def __init__(self, blocks: list[EventColumns[P]], count: int) -> None:
        self._blocks = blocks
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[EventEntry[P]]:
        """Walk over all of them in the order of their commits."""
        for block in self._blocks:
            yield from map(block.entry, range(len(block.numbers)))

    def by_user(self) -> Iterator[EventEntry[P]]:
        """Walk over all that name a user, by (user, version, order of commit)."""
        places = [
            (user, 0 if version == _NONE else version, which, at)
            for which, block in enumerate(self._blocks)
            for at, version in enumerate(block.versions)
            if (user := block.user(at)) is not None
        ]
        places.sort()
        for _, _, which, at in places:
            yield self._blocks[which].entry(at)


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
        return iter(self._now())

    def by_user(self) -> Iterator[EventEntry[P]]:
        """Walk over all that name a user, by (user, version, order of commit), as `iter` does."""
        return self._now().by_user()

    def freeze(self) -> FrozenEvents[P]:
        """Return what there is at this moment. Nothing is copied but what changes later."""
        self._age += 1
        return self._now()

    def _now(self) -> FrozenEvents[P]:
        return FrozenEvents([self._blocks[which] for which in sorted(self._blocks)], len(self))

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
            (tail, 0 if version == _NONE else version, number)
            for (head, tail), version, number in rows
            if head or tail
        )
        for number, user in events.others.items():
            version = events.versions[bisect_left(numbers, number)]
            self._users.add((_tail(user), 0 if version == _NONE else version, number))
        self._unsealed.fill(
            (number,)
            for number, sequence in zip(numbers, events.sequences, strict=True)
            if sequence == _NONE
        )
        self._sealed.fill(
            (sequence, number)
            for number, sequence in zip(numbers, events.sequences, strict=True)
            if sequence != _NONE
        )

    def add(self, entry: EventEntry[P]) -> None:
        """Put in an event whose id is not there yet; most often its number is `next_number`.

        Raises ValueError if its id is not 24 hex digits.
        """
        if self._at(entry.number) is not None:
            entry = entry._replace(number=self.next_number)
        self.next_number = max(self.next_number, entry.number + 1)
        self._own(entry.number).insert(entry)
        self._ids.add((_tail(entry.id), entry.number))
        self._list(entry)

    def restore(self, event: StoredEvent | EventEntry[P], place: P) -> None:
        """Put an event in the place of the one with its id, or behind all others."""
        number = self._number(event.id)
        new = EventEntry(
            self.next_number if number is None else number,
            event.id,
            event.user,
            event.version,
            place,
            event.sequence,
        )
        if number is None:
            self.add(new)
            return
        self._unlist(self._entry(number))
        block, at = self._changing(number)
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
        packed = _packed(id)
        if packed is None:
            return None
        tail = _tail(id)
        for found, number in self._ids.behind((tail,)):
            if found != tail:
                break
            at = self._at(number)
            if at is not None and self._blocks[number >> _BLOCK_BITS].id_bytes(at) == packed:
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


def _packed(id: str) -> bytes | None:
    """Return the bytes of an id of 24 hex digits, None if it is none."""
    return None if _ID.fullmatch(id) is None else bytes.fromhex(id)


def _tail(id: str) -> int:
    """Return a number for an id, most often of no other one: ids end as random as they are."""
    packed = _packed(id)
    return hash(id) & _NONE if packed is None else int.from_bytes(packed[4:], "big")


def _behind(cursor: Cursor) -> Row:
    """Return the row that is the least behind that of a cursor."""
    order = cursor.order
    *first, last = [int(order[at : at + 16], 16) for at in range(0, len(order), 16)]
    return (*first, last + 1)
