"""All that a TinyStore holds at one moment, to be walked while others go on writing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from io import FileIO

import attrs

from admit.stores import Record, StoredEvent

from .contents import Contents
from .documents import event_from, record_from
from .files import read_at


class TinyView:
    """The documents of a moment. Made under the lock of the memory, walked without any.

    Texts never change once they are written, so it is enough to keep which there were. Events are
    read from files of its own: a compaction closes, and removes, those that the store reads from.
    """

    def __init__(self, contents: Contents, opened: Sequence[FileIO]) -> None:
        self._tables = {kind: rows.copy() for kind, rows in contents.tables.items() if rows}
        self._entries = list(contents.events)
        # Lists, as these change later; a list of tuples takes ten times longer.
        self._places = [entry.place for entry in self._entries]
        self._sequences = [entry.sequence for entry in self._entries]
        self._files = {id(file): os.fdopen(os.dup(file.fileno()), "rb", 0) for file in opened}

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
        return map(self._event, range(len(self._entries)))

    def events_by_user(self) -> Iterator[StoredEvent]:
        """Walk over every event that names a user, by (user, version, order of commit)."""
        entries = self._entries
        named = [at for at, entry in enumerate(entries) if entry.user is not None]
        named.sort(key=lambda at: (entries[at].user, entries[at].of_user))
        return map(self._event, named)

    def _event(self, at: int) -> StoredEvent:
        place = self._places[at]
        text = read_at(self._files[id(place.file)], place.at, place.length_bytes)
        stored, _ = event_from(text)
        detail = None if place.erased else stored.detail
        return attrs.evolve(stored, sequence=self._sequences[at], detail=detail)

    def close(self) -> None:
        """Let go of the files."""
        for file in self._files.values():
            file.close()
