"""The file by which processes take turns, and where they tell each other how far the log goes.

Its first eight bytes are mapped into every process: the generation of the log (24 bits) and its
committed length in bytes (40 bits) in one machine word, so that a reader sees both or neither. The
word is a hint for those who have the store open; who opens it trusts the files alone.

The next eight bytes hold the generation whose log somebody could not sync: what stands in it may be
lost, though later syncs of it succeed. Whoever comes next compacts first.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path
from typing import Final, NamedTuple

from admit.errors import StoreClosed, StoreDamaged

from .files import Files

_LENGTH_BITS: Final = 40
_MAPPED_BYTES: Final = 64


class Position(NamedTuple):
    """How far the log goes. Positions compare in the order of commits."""

    generation: int
    length_bytes: int

    @property
    def word(self) -> int:
        """Both in one number."""
        return self.generation << _LENGTH_BITS | self.length_bytes

    @classmethod
    def from_word(cls, word: int) -> Position:
        """Return the position that a word holds."""
        return cls(word >> _LENGTH_BITS, word & ((1 << _LENGTH_BITS) - 1))


class LockFile:
    """The lock and the word. Threads of one process take turns before they come here: to the
    system they are one holder."""

    def __init__(self, files: Files, path: Path, *, read_only: bool) -> None:
        self._name = path.name
        self._exclusive = not read_only
        self._file = files.open(path, os.O_RDONLY if read_only else os.O_RDWR | os.O_CREAT)
        try:
            if not read_only and os.fstat(self._file.fileno()).st_size < _MAPPED_BYTES:
                os.ftruncate(self._file.fileno(), _MAPPED_BYTES)
            access = mmap.ACCESS_READ if read_only else mmap.ACCESS_WRITE
            mapped = mmap.mmap(self._file.fileno(), _MAPPED_BYTES, access=access)
        except BaseException:
            self._file.close()
            raise
        # Item access of a view of machine words is one load or store, so no reader sees half.
        self._words = memoryview(mapped).cast("Q")

    @property
    def word(self) -> int:
        """The word as it stands now."""
        return self._words[0]

    def tell(self, position: Position) -> None:
        """Let everybody know how far the log goes. Only under the lock."""
        self._words[0] = position.word

    @property
    def doubted_generation(self) -> int:
        """The last generation whose log somebody could not sync; zero if there was none."""
        return self._words[1]

    def doubt(self, generation: int) -> None:
        """Let everybody know that what the log of this generation holds may be lost."""
        self._words[1] = max(generation, self._words[1])

    def doubt_no_more(self) -> None:
        """Let everybody know that a snapshot holds it all. Only under the lock."""
        self._words[1] = 0

    def __enter__(self) -> None:
        """Hold the lock: alone, or, if opened for reading, together with other readers.

        Raises:
            StoreDamaged: somebody removed the file: others may hold another lock by now.
            StoreClosed: the store was closed just now.
        """
        if self._file.closed:
            raise StoreClosed("The store was closed.", "Open it again.")
        descriptor = self._file.fileno()
        fcntl.flock(descriptor, fcntl.LOCK_EX if self._exclusive else fcntl.LOCK_SH)
        try:
            if os.fstat(descriptor).st_nlink == 0:
                raise StoreDamaged(
                    f"{self._name} was removed while the store was open.",
                    "Restart every process that uses this store; the lock file stays.",
                )
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        """Let go of the lock. (A `contextmanager` would be a twentieth of an unsettled commit.)"""
        fcntl.flock(self._file.fileno(), fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file. The word can be read until nobody refers to it any more."""
        self._file.close()
