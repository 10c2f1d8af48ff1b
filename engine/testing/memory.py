"""A store that keeps everything in memory, and fails when a test tells it to."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from ..errors import FateUnknown, InvalidInput, StoreClosed, StoreReadOnly
from ..event_index import EventEntry, EventIndex
from ..index_check import disorders
from ..indexes import RecordIndex, Step, plan, plan_restore
from ..stores import (
    SCHEMA,
    Body,
    Change,
    Cursor,
    Page,
    Put,
    Record,
    Ref,
    StoredEvent,
    VersionMoved,
)
from ..upkeep import Fault, StoreStats, View


@attrs.define
class _Kept:
    """What an event says; its detail can be erased."""

    body: Body
    detail: Body | None


class MemoryStore:
    """A store for tests: thread-safe, gone when it is closed.

    It keeps bodies as they are handed over, without copying: who changes one afterwards breaks the
    promise of `admit.stores.Body`.
    """

    path: Path | None = None
    before_commit: Callable[[Change], None] | None = None
    """Called with each change before it is looked at; what it raises, `commit` raises, and nothing
    is written. It may use the store, so it can let another writer in between."""

    def __init__(self, *, read_only: bool = False) -> None:
        self.read_only = read_only
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._closed = False
        self._records: dict[tuple[str, str], Record] = {}
        self._index = RecordIndex()
        self._events: EventIndex[_Kept] = EventIndex()
        self._failure: BaseException | None = None
        self._loses_answer = False

    def fail_next_commit(self, error: BaseException) -> None:
        """Let the next commit raise *error* and write nothing."""
        self._failure = error

    def lose_answer(self) -> None:
        """Let the next commit that succeeds be written and raise FateUnknown all the same."""
        self._loses_answer = True

    def get(self, kind: str, id: str) -> Record | None:
        """Return the record, or None; kind `event` finds an event by its id."""
        self._check_open()
        if kind == "event":
            entry = self._events.get(id)
            return None if entry is None else Record("event", id, 1, entry.place.body)
        return self._records.get((kind, id))

    def get_many(self, refs: Sequence[Ref]) -> list[Record | None]:
        """Return each record or None, in the order asked, seen at one moment."""
        with self._lock:
            return [self.get(kind, id) for kind, id in refs]

    def find(self, key: str) -> Record | None:
        """Return the record that holds *key*, or None."""
        self._check_open()
        with self._lock:
            ref = self._index.find(key)
            return None if ref is None else self._records[ref]

    def page(
        self,
        kind: str,
        label: str,
        after: Cursor | None = None,
        limit: int = 50,
        reverse: bool = False,
    ) -> Page[Record]:
        """Return up to *limit* records of *kind* carrying *label*, by (order, id), after a
        cursor."""
        self._check_open()
        with self._lock:
            ids, following = self._index.page(kind, label, after, limit, reverse)
            return Page(tuple([self._records[kind, id] for id in ids]), following)

    def count(self, kind: str, label: str) -> int:
        """Return how many records of *kind* carry *label*."""
        self._check_open()
        return self._index.count(kind, label)

    def events(
        self,
        *,
        user: str | None = None,
        sequence_after: int | None = None,
        unsealed: bool = False,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> Page[StoredEvent]:
        """Return events: of one user, sealed after a sequence, or not sealed yet."""
        self._check_open()
        with self._lock:
            entries, following = self._events.page(
                user=user,
                sequence_after=sequence_after,
                unsealed=unsealed,
                after=after,
                limit=limit,
            )
            return Page(tuple([_stored(entry) for entry in entries]), following)

    def commit(self, change: Change, *, settle: bool = True) -> None:
        """Write all of *change* or nothing. It is as durable as this process either way.

        Raises:
            VersionMoved, KeyTaken: as the protocol says.
            StoreReadOnly: the store was opened for reading only.
            FateUnknown: `lose_answer` was called before; the change was written.
        """
        self._check_writable()
        if self.before_commit is not None:
            self.before_commit(change)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        with self._lock:
            steps = plan(change, self._current, self._index.find)
            for event in change.events:
                if event.id in self._events:
                    raise VersionMoved("event", event.id)
            self._apply(change, steps)
        if self._loses_answer:
            self._loses_answer = False
            raise FateUnknown()

    def settle(self) -> None:
        """Return at once: nothing here is ever more durable than it is."""
        self._check_open()

    def close(self) -> None:
        """Let go. Closing twice is let pass."""
        self._closed = True

    @contextmanager
    def view(self) -> Iterator[View]:
        """Give a view of this moment: records and events are frozen, so it holds what there is."""
        self._check_open()
        with self._lock:
            view = _MemoryView(
                dict(self._records),
                [_stored(entry) for entry in self._events],
                [_stored(entry) for entry in self._events.by_user()],
            )
        yield view

    def restore(self, records: Sequence[Record], events: Sequence[StoredEvent]) -> None:
        """Write records and events just as they are, all of it or nothing.

        Raises:
            KeyTaken, StoreReadOnly: as the protocol says.
        """
        self._check_writable()
        with self._lock:
            self._apply(Change(), plan_restore(records, self._current, self._index.find))
            for event in events:
                self._events.restore(event, _Kept(event.body, event.detail))

    def compact(self) -> None:
        """Return at once: nothing here takes room that it does not need."""
        self._check_writable()

    def stats(self) -> StoreStats:
        """Count what there is; nothing of it is on a disk."""
        self._check_open()
        with self._lock:
            return StoreStats(
                records=dict(sorted(Counter(kind for kind, _ in self._records).items())),
                events=len(self._events),
                unsealed_events=self._events.count_unsealed(),
                bytes={},
                schema=SCHEMA,
            )

    def backup(self, target: Path) -> None:
        """Refuse: it keeps no file. Raises InvalidInput."""
        self._check_open()
        raise InvalidInput(
            "target", "a store in memory cannot be written to a file.", "Copy it into one that can."
        )

    def faults(self) -> Iterator[Fault]:
        """Walk over the keys and labels that do not fit their records."""
        self._check_open()
        with self._lock:
            found = list(disorders(self._index, self._records.values(), self._current))
        yield from found

    def _check_writable(self) -> None:
        self._check_open()
        if self.read_only:
            raise StoreReadOnly("The store was opened for reading only.", "Open it for writing.")

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed("The store was closed.", "Open it again.")
        if self._process != os.getpid():
            raise StoreClosed("The store was opened before a fork.", "Open it in the child.")

    def _current(self, kind: str, id: str) -> Record | None:
        return self._records.get((kind, id))

    def _apply(self, change: Change, steps: list[Step]) -> None:
        self._index.release(steps)
        for step in steps:
            write, old = step.write, step.old
            name = (write.kind, write.id)
            old_labels = () if old is None else old.labels
            if isinstance(write, Put):
                self._index.replace(*name, old_labels, write.keys, write.labels)
                self._records[name] = Record(
                    write.kind, write.id, write.version, write.body, write.keys, write.labels
                )
            elif old is not None:
                self._index.replace(*name, old_labels, (), ())
                del self._records[name]
        for event in change.events:
            kept = _Kept(event.body, event.detail)
            number = self._events.next_number
            self._events.add(EventEntry(number, event.id, event.user, event.version, kept))
        for id, sequence in change.sequence.items():
            self._events.seal(id, sequence)
        for id in change.erase:
            entry = self._events.get(id)
            if entry is not None:
                entry.place.detail = None
        for id in change.forget:
            self._events.forget(id)


@attrs.frozen
class _MemoryView:
    """What a memory store held at one moment."""

    _records: Mapping[tuple[str, str], Record]
    _events: Sequence[StoredEvent]
    _events_by_user: Sequence[StoredEvent]

    def kinds(self) -> list[str]:
        return sorted({kind for kind, _ in self._records})

    def records(self, kind: str) -> Iterator[Record]:
        for name in sorted(name for name in self._records if name[0] == kind):
            yield self._records[name]

    def events(self) -> Iterator[StoredEvent]:
        yield from self._events

    def events_by_user(self) -> Iterator[StoredEvent]:
        yield from self._events_by_user


def open_store(location: str = "", *, read_only: bool = False) -> MemoryStore:
    """Open a new, empty store in memory; *location* names nothing."""
    return MemoryStore(read_only=read_only)


def _stored(entry: EventEntry[_Kept]) -> StoredEvent:
    return StoredEvent(
        entry.id,
        entry.place.body,
        entry.user,
        entry.version,
        entry.place.detail,
        entry.sequence,
    )
