"""Taking turns at compacting a store: one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from .files import Files


@contextlib.contextmanager
def sole_compaction(files: Files, path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold the right to compact the store at *path*; without *wait*, give False if another has it.

    Whoever compacts holds a lock on the snapshot that is to be replaced. When it dies, the system
    lets go; when it succeeds, there is another snapshot to be locked.
    """
    while True:
        with contextlib.closing(files.open(path, os.O_RDWR)) as file:
            try:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
                return
            try:
                if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                    yield True
                    return
            finally:
                # Not left to the closing: a process forked meanwhile has the same file open.
                fcntl.flock(file.fileno(), fcntl.LOCK_UN)
