"""The order that a store keeps in memory: who holds a key, what carries a label, when events came.

For authors of stores that keep their indexes in memory. Nothing here locks: a store calls these
under its own lock. Nothing here knows how a body is kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, Generic, NamedTuple, TypeVar

import attrs
from sortedcontainers import SortedDict, SortedList

from .stores import (
    Change,
    Cursor,
    KeyTaken,
    Label,
    Put,
    Record,
    Ref,
    Remove,
    StoredEvent,
    VersionMoved,
)

P = TypeVar("P")

_PLAIN_AT_MOST: Final = 512
"""So many places stay in a plain list: a SortedList takes 520 bytes more, which every
user with one session would pay, and is no quicker yet."""


class Step(NamedTuple):
    """One write of a change, and the record that it finds (None: there is none)."""

    write: Put | Remove
    old: Record | None


def plan(
    change: Change,
    current: Callable[[str, str], Record | None],
    holder: Callable[[str], Ref | None],
) -> list[Step]:
    """Return the steps of *change*, once it is clear that it may be written as things stand.

    *current* gives a record by kind and id, *holder* the name of the record that holds a key.

    Raises:
        VersionMoved: a record is not at the version expected.
        KeyTaken: a key belongs to another record, before the change or within it.
        ValueError: the change writes one record twice.
    """
    steps: list[Step] = []
    write: Put | Remove
    for write in change.put:
        old = current(write.kind, write.id)
        if (None if old is None else old.version) != write.expects:
            raise VersionMoved(write.kind, write.id)
        steps.append(Step(write, old))
    for write in change.remove:
        old = current(write.kind, write.id)
        if write.expects is not None and (old is None or old.version != write.expects):
            raise VersionMoved(write.kind, write.id)
        steps.append(Step(write, old))
    if len(steps) == 1 and change.put:
        _refuse_taken(change.put[0], holder, frozenset())
    elif steps:
        _refuse_taken_by_several(change.put, steps, holder)
    return steps


def plan_restore(
    records: Sequence[Record],
    current: Callable[[str, str], Record | None],
    holder: Callable[[str], Ref | None],
) -> list[Step]:
    """Return the steps that write *records* as they are, whatever is there of them now.

    Raises:
        KeyTaken: a key belongs to a record that is not among them, or to two that are.
        ValueError: a record is among them twice.
    """
    steps = [
        Step(
            Put(new.kind, new.id, new.body, new.version - 1 or None, new.keys, new.labels),
            current(new.kind, new.id),
        )
        for new in records
    ]
    puts = [step.write for step in steps if isinstance(step.write, Put)]
    _refuse_taken_by_several(puts, steps, holder)
    return steps


def _refuse_taken(put: Put, holder: Callable[[str], Ref | None], freed: frozenset[str]) -> None:
    for key in put.keys:
        held_by = holder(key)
        if held_by is not None and held_by != (put.kind, put.id) and key not in freed:
            raise KeyTaken(key)


def _refuse_taken_by_several(
    puts: Sequence[Put], steps: list[Step], holder: Callable[[str], Ref | None]
) -> None:
    names = {(step.write.kind, step.write.id) for step in steps}
    if len(names) != len(steps):
        raise ValueError("a change writes each record at most once")
    freed = frozenset(key for step in steps if step.old is not None for key in step.old.keys)
    taken: set[str] = set()
    for put in puts:
        _refuse_taken(put, holder, freed)
        for key in set(put.keys):
            if key in taken:
                raise KeyTaken(key)
            taken.add(key)


class RecordIndex:
    """Which record holds a key, and which records carry a label, in order."""

    def __init__(self) -> None:
        self._holders: dict[str, Ref] = {}
        # A place is (order, id): a plain list while it is short, a SortedList from then on.
        self._places: dict[tuple[str, str], Any] = {}

    def find(self, key: str) -> Ref | None:
        """Return the name of the record that holds *key*, or None. O(1)."""
        return self._holders.get(key)

    def count(self, kind: str, label: str) -> int:
        """Return how many records of *kind* carry *label*. O(1)."""
        return len(self._places.get((kind, label), ()))

    def copy(self) -> RecordIndex:
        """Return one that says the same and stays as it is. O(n), and quick."""
        copy = RecordIndex()
        copy._holders = self._holders.copy()
        copy._places = {name: places.copy() for name, places in self._places.items()}
        return copy

    def holders(self) -> Iterator[tuple[str, Ref]]:
        """Walk over all keys, each with the name of the record that holds it."""
        yield from self._holders.items()

    def places(self) -> Iterator[tuple[str, Label, str]]:
        """Walk over all places: kind, label with its order, id."""
        for (kind, name), places in self._places.items():
            for order, id in places:
                yield kind, Label(name, order), id

    def lists(self, kind: str, label: Label, id: str) -> bool:
        """Return whether the record stands at this place. O(log n)."""
        places = self._places.get((kind, label.name), ())
        place = (label.order, id)
        if not isinstance(places, list):
            return place in places
        at = bisect_left(places, place)
        return at < len(places) and places[at] == place

    def page(
        self, kind: str, label: str, after: Cursor | None, limit: int, reverse: bool
    ) -> tuple[list[str], Cursor | None]:
        """Return the ids of a page, and the cursor that continues after it. O(log n + limit).

        Raises ValueError if *limit* is less than one.
        """
        if limit < 1:
            raise ValueError("a page holds at least one item")
        places = self._places.get((kind, label))
        if places is None:
            return [], None
        if reverse:
            stop = len(places) if after is None else _bisect_left(places, after)
            start = max(0, stop - limit)
            found = _cut(places, start, stop)
            found.reverse()
            more = start > 0
        else:
            start = 0 if after is None else _bisect_right(places, after)
            stop = min(start + limit, len(places))
            found = _cut(places, start, stop)
            more = stop < len(places)
        return [id for _, id in found], Cursor(*found[-1]) if found and more else None

    def release(self, steps: list[Step]) -> None:
        """Let go of the keys that the old records of *steps* hold.

        Comes before the first `replace` of a change, so that a key freed in it may be taken in it.
        """
        for step in steps:
            if step.old is not None:
                for key in step.old.keys:
                    self._holders.pop(key, None)

    def replace(
        self,
        kind: str,
        id: str,
        old_labels: tuple[Label, ...],
        keys: tuple[str, ...],
        labels: tuple[Label, ...],
    ) -> None:
        """Give a record these keys and exactly these labels.

        O(log n) for each label that changed.
        """
        if keys:
            name = Ref(kind, id)
            for key in keys:
                self._holders[key] = name
        if old_labels == labels:
            return
        before, now = set(old_labels), set(labels)
        for label in before - now:
            self._discard(kind, label, id)
        # Labels that share an order share the place, which is most of what a label costs.
        shared: dict[str, tuple[str, str]] = {}
        for label in now - before:
            place = shared.setdefault(label.order, (label.order, id))
            self._add(kind, label.name, place)

    def _add(self, kind: str, name: str, place: tuple[str, str]) -> None:
        places = self._places.get((kind, name))
        if places is None:
            self._places[kind, name] = [place]
        elif not isinstance(places, list):
            places.add(place)
        else:
            insort(places, place)
            if len(places) > _PLAIN_AT_MOST:
                self._places[kind, name] = SortedList(places)

    def _discard(self, kind: str, label: Label, id: str) -> None:
        places = self._places[kind, label.name]
        place = (label.order, id)
        if not isinstance(places, list):
            places.remove(place)
        else:
            del places[bisect_left(places, place)]
        if not places:
            del self._places[kind, label.name]


def _bisect_left(places: Any, place: tuple[str, str]) -> int:
    at: int = bisect_left(places, place) if isinstance(places, list) else places.bisect_left(place)
    return at


def _bisect_right(places: Any, place: tuple[str, str]) -> int:
    at: int = (
        bisect_right(places, place) if isinstance(places, list) else places.bisect_right(place)
    )
    return at


def _cut(places: Any, start: int, stop: int) -> list[tuple[str, str]]:
    cut = places[start:stop] if isinstance(places, list) else places.islice(start, stop)
    return list(cut)


@attrs.define(eq=False)
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


class EventIndex(Generic[P]):
    """Events by id, by user, by sequence, and those that wait for one."""

    def __init__(self) -> None:
        self._by_id: dict[str, EventEntry[P]] = {}
        self._by_user: dict[str, list[EventEntry[P]]] = {}
        self._sealed = SortedDict()  # (sequence, number) → entry
        self._unsealed = SortedDict()  # number → entry
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

    def restore(self, event: StoredEvent, place: P) -> None:
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
            self._sealed[sequence, entry.number] = entry

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
            first = None if after is None else int(after.order, 16) + 1
            numbers = self._unsealed.irange(minimum=first)
            found = [self._unsealed[number] for number in islice(numbers, limit + 1)]
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
        places = self._sealed.irange(minimum=start, inclusive=(False, False))
        return [self._sealed[place] for place in islice(places, limit)]

    def _list(self, entry: EventEntry[P]) -> None:
        if entry.user is not None:
            mine = self._by_user.setdefault(entry.user, [])
            if mine and mine[-1].of_user > entry.of_user:
                insort(mine, entry, key=_of_user)
            else:
                mine.append(entry)
        if entry.sequence is None:
            self._unsealed[entry.number] = entry
        else:
            self._sealed[entry.sequence, entry.number] = entry

    def _leave_user(self, entry: EventEntry[P]) -> None:
        if entry.user is not None:
            mine = self._by_user[entry.user]
            mine.remove(entry)
            if not mine:
                del self._by_user[entry.user]

    def _unlist(self, entry: EventEntry[P]) -> None:
        if entry.sequence is None:
            del self._unsealed[entry.number]
        else:
            del self._sealed[entry.sequence, entry.number]


def _of_user(entry: EventEntry[Any]) -> tuple[int, int]:
    return entry.of_user


def _pair(cursor: Cursor) -> tuple[int, int]:
    return int(cursor.order[:16], 16), int(cursor.order[16:], 16)
