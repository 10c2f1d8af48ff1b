"""Which commits wait for the disk, and whether the database has lost them."""

from __future__ import annotations

import threading

from admit.stores import Change, Ref, Store


class Unsettled:
    """Counts the commits that were not settled, and how many of those are durable.

    A database that starts again after a crash has lost the last of them, or none: whoever settles
    then is told, for he may have answered somebody. What is there of the last one tells of all
    before it, for a log loses its end.
    """

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._committed = 0
        self._durable = 0
        self._witness: Change | None = None
        self._witnessed = 0
        self._is_doubtful = False

    @property
    def waits(self) -> bool:
        """Whether something is not known to be durable."""
        return self._durable < self._committed

    @property
    def committed(self) -> int:
        """How many there were so far."""
        return self._committed

    def add(self, change: Change) -> None:
        """Count a commit that was not settled."""
        with self._counting:
            self._committed += 1
            self._witness, self._witnessed = change, self._committed

    def add_unknown(self) -> None:
        """Count a commit of unknown fate: who finds that it is there settles it."""
        with self._counting:
            self._committed += 1

    def all_durable(self, committed: int) -> None:
        """Take note that as many as there were before some settled commit are durable."""
        with self._counting:
            self._durable = max(self._durable, committed)

    def doubt(self) -> None:
        """Take note that the connection to the database was lost."""
        self._is_doubtful |= self._durable < self._witnessed

    def are_lost(self, store: Store) -> bool:
        """Return whether the database lost some of them; once, then they are no more doubted."""
        if not self._is_doubtful or self._witness is None:
            return False
        kept = _is_kept(self._witness, store)
        self._is_doubtful = False
        return not kept


def _is_kept(change: Change, store: Store) -> bool:
    """Return whether *store* shows that this change was made. What others have removed since does
    not show it."""
    if change.events:
        return store.get("event", change.events[0].id) is not None
    found = store.get_many([Ref(put.kind, put.id) for put in change.put])
    pairs = zip(change.put, found, strict=True)
    return all(record is not None and record.version >= put.version for put, record in pairs)
