"""The order that a store keeps in memory: who holds a key, what carries a label.

For authors of stores that keep their indexes in memory. Nothing here locks: a store calls these
under its own lock. Nothing here knows how a body is kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sortedcontainers import SortedList

from .stores import (
    Change,
    Cursor,
    KeyTaken,
    Label,
    Put,
    Record,
    Ref,
    Remove,
    VersionMoved,
)

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


class Marked(NamedTuple):
    """What an index keeps of a record."""

    kind: str
    id: str
    keys: tuple[str, ...]
    labels: tuple[Label, ...]


class Labelled(defaultdict[tuple[str, str], list[tuple[str, str]]]):
    """Kind and label → (order, id) of each record that carries it, in any order."""

    def __init__(self) -> None:
        super().__init__(list)


class RecordIndex:
    """Which record holds a key, and which records carry a label, in order."""

    def __init__(self) -> None:
        # Kind → key → id: a Ref for each key took 72 bytes, and time to collect garbage.
        self._holders: defaultdict[str, dict[str, str]] = defaultdict(dict)
        # A place is (order, id): a plain list while it is short, a SortedList from then on.
        self._places: dict[tuple[str, str], Any] = {}

    def fill(self, records: Iterable[Marked]) -> None:
        """Take over many records at once, none of which is here yet: each list is sorted once."""
        filled: Labelled = Labelled()
        for kind, id, keys, labels in records:
            for key in keys:
                self._hold(key, kind, id)
            shared: dict[str, tuple[str, str]] = {}
            for label, order in dict.fromkeys(labels):
                filled[kind, label].append(shared.setdefault(order, (order, id)))
        self.list_all(filled)

    def hold_all(self, kind: str, holders: Iterable[tuple[str, str]]) -> None:
        """Take over many keys that no record holds yet, each with the id of one of *kind*."""
        self._holders[kind].update(holders)

    def list_all(self, labelled: Labelled) -> None:
        """Take over labels that no record carries yet."""
        for where, places in labelled.items():
            places.sort()
            self._places[where] = places if len(places) <= _PLAIN_AT_MOST else SortedList(places)

    def find(self, key: str) -> Ref | None:
        """Return the name of the record that holds *key*, or None. O(1) for each kind."""
        for kind, holders in self._holders.items():
            id = holders.get(key)
            if id is not None:
                return Ref(kind, id)
        return None

    def count(self, kind: str, label: str) -> int:
        """Return how many records of *kind* carry *label*. O(1)."""
        return len(self._places.get((kind, label), ()))

    def copy(self) -> RecordIndex:
        """Return one that says the same and stays as it is. O(n), and quick."""
        copy = RecordIndex()
        for kind, holders in self._holders.items():
            copy._holders[kind] = holders.copy()
        copy._places = {name: places.copy() for name, places in self._places.items()}
        return copy

    def holders(self) -> Iterator[tuple[str, Ref]]:
        """Walk over all keys, each with the name of the record that holds it."""
        for kind, holders in self._holders.items():
            for key, id in holders.items():
                yield key, Ref(kind, id)

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
                    self._holders[step.old.kind].pop(key, None)

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
        for key in keys:
            self._hold(key, kind, id)
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

    def _hold(self, key: str, kind: str, id: str) -> None:
        mine = self._holders[kind]
        if key not in mine and len(self._holders) > 1:
            for holders in self._holders.values():
                holders.pop(key, None)
        mine[key] = id

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
