"""Writing to a copy in parts of a bounded size."""

from __future__ import annotations

from collections import Counter
from typing import Final

from ..errors import StoreDamaged
from ..stores import Change, KeyTaken, Record, Remove, StoredEvent
from ..upkeep import Upkeep
from .tallies import EVENT

_MOST_ITEMS: Final = 1000
_MOST_BYTES: Final = 4 << 20
"""Of text in one part: a store holds it in memory more than once while it writes it."""


class Writing:
    """What is to be written next, and how much was written."""

    def __init__(self, target: Upkeep, *, dry_run: bool) -> None:
        self._target, self._dry_run = target, dry_run
        self._records: list[Record] = []
        self._events: list[StoredEvent] = []
        self._removed: list[Remove] = []
        self._forgotten: list[str] = []
        self._bytes = self._items = 0
        self.written: Counter[str] = Counter()
        self.removed: Counter[str] = Counter()

    def put(self, record: Record, length_bytes: int) -> None:
        """Write a record over the one with its id."""
        self._records.append(record)
        self.written[record.kind] += 1
        self._grew(length_bytes)

    def add(self, event: StoredEvent, length_bytes: int) -> None:
        """Write an event over the one with its id, or after all others."""
        self._events.append(event)
        self.written[EVENT] += 1
        self._grew(length_bytes)

    def remove(self, record: Record) -> None:
        """Remove a record."""
        self._removed.append(Remove(record.kind, record.id))
        self.removed[record.kind] += 1
        self._grew(0)

    def forget(self, event: StoredEvent) -> None:
        """Remove an event."""
        self._forgotten.append(event.id)
        self.removed[EVENT] += 1
        self._grew(0)

    def _grew(self, length_bytes: int) -> None:
        self._bytes += length_bytes
        self._items += 1
        if self._bytes >= _MOST_BYTES or self._items >= _MOST_ITEMS:
            self.flush()

    def flush(self) -> None:
        """Write what is gathered."""
        if not self._dry_run:
            if self._removed or self._forgotten:
                forget = tuple(self._forgotten)
                self._target.commit(Change(remove=tuple(self._removed), forget=forget))
            if self._records:
                self._restore()
            if self._events:
                self._target.restore((), self._events)
        self._records, self._events, self._removed, self._forgotten = [], [], [], []
        self._bytes = self._items = 0

    def _restore(self) -> None:
        """Restore the records. A key that passed from one record to another since the last copy
        still belongs to the former one here: that one goes, and comes again as it is now."""
        names = {(record.kind, record.id) for record in self._records}
        for _ in range(1 + sum(len(record.keys) for record in self._records)):
            try:
                self._target.restore(self._records, ())
            except KeyTaken as taken:
                former = self._target.find(taken.key)
                if former is None or (former.kind, former.id) in names:
                    break
                self._target.commit(Change(remove=(Remove(former.kind, former.id),)))
            else:
                return
        raise StoreDamaged(
            "Two records of the source hold the same key.", "See which: admit store check"
        )
