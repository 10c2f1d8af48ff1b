"""A store's journal as the threads and processes that share it take turns on it."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from admit.errors import FateUnknown, StoreClosed, StoreError, StoreReadOnly

from .contents import Contents
from .durability import Durability
from .files import Files
from .journal import Journal
from .lockfile import LockFile, Position
from .moment import Moment, held_open
from .system_errors import as_ours, said_as_ours

_log: Final = logging.getLogger(__name__)


class SharedJournal:
    """Keeps what is in memory in step with the files, whoever writes them.

    Locks are taken in this order: writers of this process, the lock between processes (both by
    `alone`), then `memory`.
    """

    def __init__(self, files: Files, path: Path, *, read_only: bool, compact_at_bytes: int) -> None:
        """Open the store at *path*, or begin one there. Raises as `TinyStore` does."""
        self.files = files
        self.path = path
        self.read_only = read_only
        self.memory = threading.RLock()
        self.durability = Durability(self._sync)
        self._compact_at_bytes = compact_at_bytes
        self._compact_not_before_bytes = 0
        self._process = os.getpid()
        self._closed = False
        self._writers = threading.Lock()
        self._distrusts_memory = False
        self._seen = 0
        with said_as_ours(f"open {path.name}"):
            self._lock: LockFile | None = self._open_lock()
            try:
                with self.alone():
                    self.journal = Journal(files, path, read_only=read_only)
                    # Read back, not assumed: a reader may not write the word, however stale it is.
                    self._tell()
            except BaseException:
                if self._lock is not None:
                    self._lock.close()
                raise

    @property
    def contents(self) -> Contents:
        """What is in memory; raises StoreClosed after `close`."""
        if self._closed:
            raise _closed()
        return self.journal.contents

    def check_open(self) -> None:
        """Raise StoreClosed after `close`, and in a child that was forked meanwhile."""
        if self._closed:
            raise _closed()
        if self._process != os.getpid():
            raise StoreClosed(
                "The store was opened before a fork, and this is the child.",
                "Open it again in the child.",
            )

    def check_writable(self) -> None:
        """Raise StoreReadOnly if it was opened for reading only, and what `check_open` raises."""
        self.check_open()
        if self.read_only:
            raise StoreReadOnly("The store was opened for reading only.", "Open it for writing.")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the lock between processes, as the only thread of this one."""
        with self._writers:
            if self._closed:
                raise _closed()
            if self._lock is None:
                yield
            else:
                with self._lock.held():
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
        with self.alone(), self.memory, said_as_ours("read"):
            self._reload()

    def catch_up(self) -> None:
        """Read what others have committed, and what they left; then memory and files agree."""
        if self._is_doubtful():
            self.durability.failed = self.journal.sync_failed = True
        if self._is_fresh() and self.journal.is_at_end():
            return
        with self.memory, said_as_ours("read"):
            if self._lock is None or self.durability.failed or not self._follow(self._lock):
                self._reload()
            if not self.journal.is_at_end():
                with self._changing_memory():
                    self.journal.take_over_tail()
                    self.durability.wrote()
            self._tell()
        if self.durability.failed:
            # A log whose sync failed may report success from now on whatever it keeps. A new
            # snapshot and a new log are made of what is there, and are synced as new files.
            self._compact_alone()

    def write(self, payload: bytes) -> tuple[int, int]:
        """Append a line; return where its payload stands, and the number of the commit.

        From here on memory lags behind the file, and an interrupt must not leave it so: who calls
        takes the line over, and trusts memory again. (Not by `_changing_memory`: it would be a
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
        """Trust memory again, and tell the others: what was written is taken over."""
        self._distrusts_memory = False
        self._tell()

    def settle(self) -> None:
        """Return when everything committed before is durable. Raises FateUnknown."""
        self.check_open()
        if self.read_only:
            return
        if self.durability.failed:
            try:
                with self.alone(), self.memory:
                    self.catch_up()
            except StoreError as error:
                raise FateUnknown() from error
        self.durability.wait()

    def compact_if_due(self) -> None:
        """Compact if the logs are long; if that fails, it is logged, and put off."""
        if not self._compaction_is_due():
            return
        try:
            with self.alone():
                self.catch_up()
                if self._compaction_is_due():  # nobody else was quicker
                    self._compact_alone()
        except StoreError as error:
            # The commit is kept: this is only about the room that the files take.
            self._compact_not_before_bytes = self.journal.log_bytes + self._compact_at_bytes
            _log.warning("could not compact %s: %s", self.path.name, error)

    def compact(self) -> None:
        """Compact now; see `TinyStore.compact`."""
        with self.alone():
            self.catch_up()
            self._compact_alone()

    @contextmanager
    def held_open(self) -> Iterator[Moment]:
        """Hold the files of this moment open, for reading them without a lock."""
        self.check_open()
        with ExitStack() as held:
            with self.alone():
                self.catch_up()
                moment = held.enter_context(held_open(self.files, self.path, self.journal.position))
            yield moment

    def close(self) -> None:
        """Settle and let go of the files. Closing twice is let pass."""
        if self._closed:
            return
        if self._process != os.getpid():
            self._closed = True
            self.journal.close()
            if self._lock is not None:
                self._lock.close()
            return
        try:
            self.settle()
        finally:
            with self._writers, self.memory, self.durability.quiet():
                self._closed = True
                self.journal.close()
                if self._lock is not None:
                    self._lock.close()

    def _open_lock(self) -> LockFile | None:
        path = self.path.with_name(self.path.name + ".lock")
        try:
            return LockFile(self.files, path, read_only=self.read_only)
        except (FileNotFoundError, ValueError):
            if not self.read_only:
                raise
            return None  # nobody has written since it was copied here: nobody to wait for

    def _tell(self) -> None:
        """Say how far the log goes, and remember what was said."""
        if self._lock is not None:
            if not self.read_only:
                self._lock.tell(self.journal.position)
            self._seen = self._lock.word

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

    def _reload(self) -> None:
        new = Journal(self.files, self.path, read_only=self.read_only)
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
        if self._is_doubtful():
            raise OSError(errno.EIO, "another process could not sync the same log")

    def _doubt(self) -> None:
        if self._lock is not None:
            self._lock.doubt(self.journal.generation)

    def _is_doubtful(self) -> bool:
        """Return whether somebody could not sync the present log, or the line that leads to it."""
        return self._lock is not None and (self._lock.doubted_generation == self.journal.generation)

    def _compaction_is_due(self) -> bool:
        journal = self.journal
        return journal.log_bytes >= max(
            self._compact_at_bytes, journal.snapshot_bytes, self._compact_not_before_bytes
        )

    def _compact_alone(self) -> None:
        """Compact; this process goes on reading but for a moment at the beginning and the end."""
        journal, durability = self.journal, self.durability
        with said_as_ours("compact"):
            with self.memory, durability.quiet():
                try:
                    with self._changing_memory():
                        journal.begin_next_log()
                except OSError:
                    self._distrusts_memory = False  # it is in the old log or in the new one
                    raise
                finally:
                    self._tell()
                    durability.failed |= journal.sync_failed
                    if durability.failed:
                        self._doubt()
            if not durability.failed:
                durability.all_durable()
            new = journal.write_snapshot()
            with self.memory, durability.quiet(), self._changing_memory():
                journal.adopt_snapshot(new)
            durability.all_durable()
            journal.sync_failed = False
            if self._lock is not None:
                self._lock.doubt_no_more()
            self._compact_not_before_bytes = 0


def _closed() -> StoreClosed:
    return StoreClosed("The store was closed.", "Open it again.")
