"""Snapshots, each with the index that helps to open it, if it is long enough to need one."""

from __future__ import annotations

import os
from array import array
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Final, NamedTuple

from .contents import Contents, Frozen
from .files import Files
from .index_file import IndexedSnapshot, read_index, write_index
from .snapshot import Pause, Spans, check_sum, read_documents, read_head, write_snapshot

INDEX_AT_BYTES: Final = 1 << 20
"""A snapshot as long as this gets an index; a shorter one opens in a hundredth of a second."""


class NewSnapshot(NamedTuple):
    """A snapshot that was written, and where each event stands in it."""

    file: FileIO
    numbers: array[int]
    """Of its events, in order."""
    spans: Spans
    length_bytes: int


def path_of_index(snapshot: Path) -> Path:
    """Return where the index of a snapshot stands."""
    return snapshot.with_name(snapshot.name + ".index")


class IndexedSnapshots:
    """Reads and writes the snapshots of one store."""

    def __init__(self, files: Files, path: Path, index_at_bytes: int) -> None:
        self._files = files
        self._path = path
        self._index_at_bytes = index_at_bytes

    def read(self, file: FileIO) -> tuple[int, Contents, bool]:
        """Return the generation of the snapshot, what it holds, and whether there is an index that
        is none of it.

        Raises:
            StoreDamaged, StoreTooNew: as `admit.errors` says.
        """
        head = read_head(file, self._path)
        check_sum(file, self._path)
        contents, has_other = None, False
        try:
            raw = self._files.open(path_of_index(self._path), os.O_RDONLY)
            with BufferedReader(raw) as index:
                of = IndexedSnapshot(head.generation, head.crc32)
                contents = read_index(index, file, of)
                has_other = contents is None
        except OSError:
            pass  # it can be done without
        if contents is None:
            contents = read_documents(file, head)
        contents.events.next_number = max(contents.events.next_number, head.next_event)
        return head.generation, contents, has_other

    def write(self, frozen: Frozen, generation: int, pause: Pause, *, to: Path) -> NewSnapshot:
        """Write what is frozen to the file *to*, and an index; from here on the present snapshot
        has none. Raises OSError; nothing is left at *to* then.
        """
        file = self._files.open(to, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            spans, checksum, length = write_snapshot(self._files, file, frozen, generation, pause)
            of = IndexedSnapshot(generation, checksum)
            if length < self._index_at_bytes or not self._write_index(frozen, spans, of, pause):
                self._files.remove(path_of_index(self._path))
        except BaseException:
            file.close()
            self._files.remove(to)
            raise
        numbers = array("Q")
        for block in frozen.events.blocks:
            numbers += block.numbers
        return NewSnapshot(file, numbers, spans, length)

    def _write_index(self, frozen: Frozen, spans: Spans, of: IndexedSnapshot, pause: Pause) -> bool:
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
        try:
            with self._files.open(path_of_index(self._path), flags) as file:
                write_index(self._files, file, frozen, spans, of, pause)
        except OSError:
            return False
        return True
