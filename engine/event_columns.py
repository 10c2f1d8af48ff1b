"""What a store keeps in memory of each event, as columns of numbers.

For authors of stores that keep their indexes in memory. As an object, with its id and its place, an
event took more memory than most of what it was about. Nothing here locks.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, MutableSequence
from typing import Final, Generic, NamedTuple, TypeVar

from .sorted_rows import Columns

P = TypeVar("P")

NONE: Final = (1 << 64) - 1
"""In a column, a sequence or a version that is not there."""

_ID_BYTES: Final = 12
_NOBODY: Final = bytes(_ID_BYTES)


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

    def __init__(
        self,
        places: MutableSequence[P],
        numbers: array[int] | None = None,
        ids: bytearray | None = None,
        users: bytearray | None = None,
        versions: array[int] | None = None,
        sequences: array[int] | None = None,
        others: dict[int, str] | None = None,
    ) -> None:
        """Take over columns of one length. *places* is what the store keeps of each event."""
        self.age = 0
        self.places = places
        self.numbers = array("Q") if numbers is None else numbers
        self.ids = bytearray() if ids is None else ids
        self.users = bytearray() if users is None else users
        self.versions = array("Q") if versions is None else versions
        self.sequences = array("Q") if sequences is None else sequences
        self.others = {} if others is None else others
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
        self.versions.insert(at, NONE if entry.version is None else entry.version)
        self.sequences.insert(at, NONE if entry.sequence is None else entry.sequence)
        self.places.insert(at, entry.place)

    def replace(self, at: int, entry: EventEntry[P]) -> None:
        """Write all of an event anew but its number and id."""
        self.users[at * 12 : at * 12 + 12] = self._user_bytes(entry)
        self.versions[at] = NONE if entry.version is None else entry.version
        self.sequences[at] = NONE if entry.sequence is None else entry.sequence
        self.places[at] = entry.place

    def remove(self, at: int) -> None:
        """Take out an event."""
        self.others.pop(self.numbers.pop(at), None)
        del self.ids[at * 12 : at * 12 + 12], self.users[at * 12 : at * 12 + 12]
        del self.versions[at], self.sequences[at], self.places[at]

    def cut(self, start: int, stop: int) -> EventColumns[P]:
        """Return a copy of some of them."""
        numbers, id_bytes = self.numbers[start:stop], slice(start * 12, stop * 12)
        return EventColumns(
            self.places[start:stop],
            numbers,
            self.ids[id_bytes],
            self.users[id_bytes],
            self.versions[start:stop],
            self.sequences[start:stop],
            {n: self.others[n] for n in numbers if n in self.others} if self.others else {},
        )

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
            None if version == NONE else version,
            self.places[at],
            None if sequence == NONE else sequence,
        )

    def _user_bytes(self, entry: EventEntry[P]) -> bytes:
        user = entry.user
        self.others.pop(entry.number, None)
        if user is None:
            return _NOBODY
        user_bytes = packed(user)
        if user_bytes is None or user_bytes == _NOBODY:
            self.others[entry.number] = user
            return _NOBODY
        return user_bytes


class FrozenEvents(Generic[P]):
    """The events of one moment, to be walked without a lock while others go on."""

    def __init__(self, blocks: list[EventColumns[P]], orders: list[list[Columns]]) -> None:
        self.blocks = blocks
        """In the order of their commits."""
        self.orders = orders
        """Where each stands by id, by user, among the sealed and the others."""

    def __len__(self) -> int:
        return sum(len(block.numbers) for block in self.blocks)

    def __iter__(self) -> Iterator[EventEntry[P]]:
        """Walk over all of them in the order of their commits."""
        for block in self.blocks:
            yield from map(block.entry, range(len(block.numbers)))

    def by_user(self) -> Iterator[EventEntry[P]]:
        """Walk over all that name a user, by (user, version, order of commit)."""
        places = [
            (user, 0 if version == NONE else version, which, at)
            for which, block in enumerate(self.blocks)
            for at, version in enumerate(block.versions)
            if (user := block.user(at)) is not None
        ]
        places.sort()
        for _, _, which, at in places:
            yield self.blocks[which].entry(at)


def packed(id: str) -> bytes | None:
    """Return the bytes of an id of 24 hex digits, None if it is none."""
    try:
        number = bytes.fromhex(id)
    except ValueError:
        return None
    # What `fromhex` takes besides – spaces, capital letters – does not come out again.
    return number if len(number) == _ID_BYTES and number.hex() == id else None
