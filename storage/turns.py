"""Who may replace the files of a store: one process that compacts, nobody who repairs while
others have it open."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

from admit.errors import StoreInUse

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


def stays_open(log: FileIO) -> None:
    """Let everybody see that *log* is in use, until it is closed or this process dies."""
    fcntl.flock(log.fileno(), fcntl.LOCK_SH)


def check_unused(files: Files, path: Path, logs: list[Path], held: contextlib.ExitStack) -> None:
    """Return if nobody has the store at *path* open, and let nobody use *logs* while *held*.

    Raises StoreInUse: it is open, in another process or in this one.
    """
    for log in logs:
        file = held.enter_context(files.open(log, os.O_RDONLY))
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreInUse(path.name) from None
