"""A store's journal as the threads and processes that share it take turns on it."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from io import FileIO
from pathlib import Path

from admit.errors import StoreClosed, StoreReadOnly

from .contents import Contents, Frozen
from .durability import Durability
from .files import Files
from .indexed_snapshots import INDEX_AT_BYTES
from .journal import Ended, Journal
from .lockfile import LockFile, Position
from .moment import Moment, held_open
from .system_errors import as_ours, said_as_ours


class SharedJournal:
    """Keeps what is in memory in step with the files, whoever writes them.

    Locks are taken in this order: the right to compact, writers of this process, the lock between
    processes (both by `alone`), then `memory`.
    """

    def __init__(
        self, files: Files, path: Path, *, read_only: bool, index_at_bytes: int = INDEX_AT_BYTES
    ) -> None:
        """Open the journal of the store at *path*, or begin one. Raises as `TinyStore` does."""
        self.files = files
        self.path = path
        self.read_only = read_only
        self._index_at_bytes = index_at_bytes
        self._process = os.getpid()
        self._closed = False
        self.writers = threading.Lock()
        self.memory = threading.RLock()
        self.durability = Durability(self._sync)
        self._distrusts_memory = False
        self._seen = 0
        with said_as_ours(f"open {path.name}"):
            self._lock = self._open_lock()
            self.between_processes: AbstractContextManager[None] = self._lock or nullcontext()
            try:
                with self.alone():
                    self.journal = self._new_journal()
                    # Read back, not assumed: a reader may not write the word, however stale it is.
                    self._tell()
            except BaseException:
                if self._lock is not None:
                    self._lock.close()
                raise

    @property
    def contents(self) -> Contents:
        """What the journal adds up to; to be read and changed with the memory held."""
        if self._closed:
            raise _closed()
        return self.journal.contents

    @property
    def closed(self) -> bool:
        """Whether it was closed, by this process or before it was forked off."""
        return self._closed

    @property
    def is_forked(self) -> bool:
        """Whether this process was forked off by the one that opened it."""
        return self._process != os.getpid()

    def check_open(self) -> None:
        """Raise StoreClosed if it was closed, or opened before a fork."""
        if self._closed:
            raise _closed()
        if self.is_forked:
            raise StoreClosed(
                "The store was opened before a fork, and this is the child.",
                "Open it again in the child.",
            )

    def check_writable(self) -> None:
        """Raise StoreClosed as `check_open` does, and StoreReadOnly."""
        self.check_open()
        if self.read_only:
            raise StoreReadOnly("The store was opened for reading only.", "Open it for writing.")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock between processes, as the only thread of this one."""
        with self.writers:
            if self._closed:
                raise _closed()
            with self.between_processes:
                yield

    def refresh(self) -> None:
        """Read what others have committed since, before a read."""
        self.check_open()
        lock = self._lock
        if lock is None or self._is_fresh():
            return
        with self.memory, said_as_ours("read"):
            if self._follow(lock):
                return
        with self.alone():
            self.reload()

    def catch_up(self) -> None:
        """Read what others have committed, and what they left; then memory and files agree."""
        if self._is_fresh() and self.journal.is_at_end():
            return
        with self.memory, said_as_ours("read"):
            if self._lock is None or not self._follow(self._lock):
                self._reload()
            if not self.journal.is_at_end():
                with self._changing_memory():
                    self.journal.take_over_tail()
                    self.durability.wrote()
            self._tell()

    def reload(self) -> None:
        """Read everything anew from the files."""
        with self.memory, said_as_ours("read"):
            self._reload()

    def write(self, payload: bytes) -> tuple[int, int]:
        """Append a line; return where its payload stands, and the number of the commit.

        From here on memory lags behind the file, and an interrupt must not leave it so: who calls
        takes the line over, and then says `took_over`. (Not by a context manager: it would be a
        tenth of an unsettled commit.)
        """
        self._distrusts_memory = True
        try:
            at = self.journal.append(payload, on_durable=self.durability.all_is_durable)
        except OSError as error:
            self._distrusts_memory = False
            raise as_ours(error, "write") from error
        return at, self.durability.wrote()

    def took_over(self) -> None:
        """Trust memory again after a `write`, and tell everybody of it."""
        self._distrusts_memory = False
        self._tell()

    def begin_next_log(self, next_log: FileIO) -> tuple[Journal, Ended, Frozen]:
        """Go on in the next log, caught up and alone; what stands before it is durable then.

        Returns the journal, and what stood before it: files and contents. Raises OSError; the
        journal is as good as before.
        """
        journal, durability = self.journal, self.durability
        doubted = journal.generation
        with self.memory, durability.quiet():
            try:
                with self._changing_memory():
                    ended = journal.begin_next_log(next_log)
            except OSError:
                self._distrusts_memory = False  # it is in the old log or in the new one
                raise
            finally:
                self._tell()
                durability.failed |= journal.sync_failed or doubted == self._doubted_generation
                if durability.failed:
                    journal.sync_failed = True
                    self._doubt()
            if not durability.failed:
                durability.all_durable()
            return journal, ended, journal.contents.freeze()

    def is_doubtful(self) -> bool:
        """Return whether somebody could not sync the present log, or the line that leads to it."""
        if self._doubted_generation == self.journal.generation:
            self.durability.failed = self.journal.sync_failed = True
        return self.durability.failed

    def doubt_no_more(self) -> None:
        """Say that a new snapshot holds everything. Alone."""
        self.durability.all_durable()
        self.journal.sync_failed = False
        if self._lock is not None:
            self._lock.doubt_no_more()

    @contextmanager
    def held_open(self) -> Iterator[Moment]:
        """Hold the files of this moment open, for reading them without a lock."""
        self.check_open()
        with ExitStack() as held:
            with self.alone():
                self.catch_up()
                moment = held.enter_context(held_open(self.files, self.path, self.journal.position))
            yield moment

    def _tell(self) -> None:
        """Say how far the log goes, and remember what was said."""
        if self._lock is not None:
            if not self.read_only:
                self._lock.tell(self.journal.position)
            self._seen = self._lock.word

    def close(self) -> None:
        """Let go of the files."""
        if self.is_forked:  # whoever holds a lock here is in the other process
            self._closed = True
            self.journal.close_at_once()
            self._close_lock()
            return
        with self.writers, self.memory, self.durability.quiet():
            self._closed = True
            self.journal.close()
            self._close_lock()

    def _open_lock(self) -> LockFile | None:
        path = self.path.with_name(self.path.name + ".lock")
        try:
            return LockFile(self.files, path, read_only=self.read_only)
        except (FileNotFoundError, ValueError):
            if not self.read_only:
                raise
            return None  # nobody has written since it was copied here: nobody to wait for

    def _close_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()

    def _is_fresh(self) -> bool:
        """Return whether nobody has committed since this process last looked."""
        return (
            self._lock is not None
            and self._lock.word == self._seen
            and not self._distrusts_memory
            and not self.durability.failed
        )

    def _follow(self, lock: LockFile) -> bool:
        """Read what others have told; return False if the files must be opened anew instead."""
        if self._distrusts_memory:
            return False
        word = lock.word
        if word == self._seen:
            return True
        with self._changing_memory():
            followed = self.journal.follow(Position.from_word(word))
            self.durability.wrote()  # it may have been written by who does not wait for the disk
        if followed:
            self._seen = word
        return followed

    @contextmanager
    def _changing_memory(self) -> Iterator[None]:
        """Change what is in memory; if that is interrupted, it is read anew from the files."""
        self._distrusts_memory = True
        yield
        self._distrusts_memory = False

    def _new_journal(self) -> Journal:
        return Journal(
            self.files,
            self.path,
            read_only=self.read_only,
            index_at_bytes=self._index_at_bytes,
        )

    def _reload(self) -> None:
        new = self._new_journal()
        with self.durability.quiet():
            old, self.journal = self.journal, new
            new.sync_failed = old.sync_failed
            old.close()
        self._distrusts_memory = False
        self._tell()

    def _sync(self) -> None:
        try:
            self.journal.sync()
        except OSError:
            self._doubt()
            raise
        if self._doubted_generation == self.journal.generation:
            raise OSError(errno.EIO, "another process could not sync the same log")

    @property
    def _doubted_generation(self) -> int | None:
        return None if self._lock is None else self._lock.doubted_generation

    def _doubt(self) -> None:
        if self._lock is not None:
            self._lock.doubt(self.journal.generation)


def _closed() -> StoreClosed:
    return StoreClosed("The store was closed.", "Open it again.")
