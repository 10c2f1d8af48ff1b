"""All that a TinyStore holds at one moment, to be walked while others go on writing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from io import FileIO

from admit.event_index import EventEntry
from admit.stores import Record, StoredEvent

from .contents import Contents, stored_event
from .documents import record_from
from .places import Place


class TinyView:
    """The documents of a moment. Made under the lock of the memory, walked without any.

    Texts never change once they are written, so it is enough to keep which there were. Events are
    read from files of its own: a compaction closes, and removes, those that the store reads from.
    """

    def __init__(self, contents: Contents, opened: Sequence[FileIO]) -> None:
        self._tables = {kind: rows.copy() for kind, rows in contents.tables.items() if rows}
        self._events = contents.events.freeze()
        self._files = {file: os.fdopen(os.dup(file.fileno()), "rb", 0) for file in opened}

    def kinds(self) -> Sequence[str]:
        """Return the kinds of records that there are, in order."""
        return sorted(self._tables)

    def records(self, kind: str) -> Iterator[Record]:
        """Walk over every record of *kind*, by id."""
        rows = self._tables.get(kind, {})
        for id in sorted(rows):
            yield record_from(kind, rows[id])

    def events(self) -> Iterator[StoredEvent]:
        """Walk over every event, in the order of their commits."""
        return map(self._event, self._events)

    def events_by_user(self) -> Iterator[StoredEvent]:
        """Walk over every event that names a user, by (user, version, order of commit)."""
        return map(self._event, self._events.by_user())

    def _event(self, entry: EventEntry[Place]) -> StoredEvent:
        place = entry.place
        return stored_event(entry._replace(place=place._replace(file=self._files[place.file])))

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files.values():
            file.close()
