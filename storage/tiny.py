"""The default store: one local file, in TinyDB's format, shared by threads and processes."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from admit.errors import FateUnknown, StoreClosed, StoreError, StoreReadOnly
from admit.stores import SCHEMA, Change, Cursor, Page, Record, Ref, StoredEvent
from admit.upkeep import Fault, StoreStats, View

from .backup import check_free, copy_to
from .contents import Contents, Place
from .durability import Durability
from .faults import Indexed, file_faults, index_faults
from .files import Files
from .journal import Journal
from .lines import written
from .lockfile import LockFile, Position
from .moment import Moment, held_open
from .restoring import restoring_line
from .system_errors import as_ours, said_as_ours
from .view import TinyView

_log = logging.getLogger(__name__)

COMPACT_AT_BYTES: Final = 8 << 20
"""A log is compacted when it is this long and no shorter than the snapshot: a commit then pays for
writing at most twice its own bytes again, whatever the size of the store."""


class TinyStore:
    """A store in a local file, readable as TinyDB JSON; see `admit.stores.Store`.

    Records and their indexes stay in memory as text, events on the disk. Any number of threads and
    processes may have it open. A commit that was not settled survives the process, not the machine.
    """

    path: Path | None

    def __init__(
        self,
        path: str | Path,
        *,
        read_only: bool = False,
        compact_at_bytes: int = COMPACT_AT_BYTES,
        files: Files | None = None,
    ) -> None:
        """Open the store at *path*, or begin one there; its files have the mode 0600.

        Raises:
            StoreDamaged: a file holds something that is no record of ours; where is said.
            StoreTooNew: a newer version wrote it. Nothing was changed.
            StoreReadOnly: it may not be written, or is not there and was to be read only.
            StoreFull, StoreError: the file system refused.
        """
        self._file = Path(path).resolve()
        self.path = self._file
        self.read_only = read_only
        self._compact_at_bytes = compact_at_bytes
        self._compact_not_before_bytes = 0
        self._files = Files() if files is None else files
        self._process = os.getpid()
        self._closed = False
        # Taken in this order: writers of this process, the lock between processes, the memory.
        self._writers = threading.Lock()
        self._memory = threading.RLock()
        self._durability = Durability(self._sync)
        self._distrusts_memory = False
        self._seen = 0
        with said_as_ours(f"open {self._file.name}"):
            self._lock: LockFile | None = self._open_lock()
            try:
                with self._alone():
                    self._journal = Journal(self._files, self._file, read_only=read_only)
                    # Read back, not assumed: a reader may not write the word, however stale it is.
                    self._tell()
            except BaseException:
                if self._lock is not None:
                    self._lock.close()
                raise

    def get(self, kind: str, id: str) -> Record | None:
        """Return the record, or None; kind `event` finds an event by its id."""
        self._refresh()
        with self._memory:
            return self._contents.record(kind, id)

    def get_many(self, refs: Sequence[Ref]) -> list[Record | None]:
        """Return each record or None, in the order asked, seen at one moment."""
        self._refresh()
        with self._memory:
            record = self._contents.record
            return [record(kind, id) for kind, id in refs]

    def find(self, key: str) -> Record | None:
        """Return the record that holds *key*, or None."""
        self._refresh()
        with self._memory:
            contents = self._contents
            ref = contents.index.find(key)
            return None if ref is None else contents.record(*ref)

    def page(
        self,
        kind: str,
        label: str,
        after: Cursor | None = None,
        limit: int = 50,
        reverse: bool = False,
    ) -> Page[Record]:
        """Return up to *limit* records of *kind* carrying *label*, by (order, id), after a
        cursor."""
        self._refresh()
        with self._memory:
            contents = self._contents
            ids, following = contents.index.page(kind, label, after, limit, reverse)
            records = [contents.record(kind, id) for id in ids]
            return Page(tuple([record for record in records if record is not None]), following)

    def count(self, kind: str, label: str) -> int:
        """Return how many records of *kind* carry *label*."""
        self._refresh()
        with self._memory:
            return self._contents.index.count(kind, label)

    def events(
        self,
        *,
        user: str | None = None,
        sequence_after: int | None = None,
        unsealed: bool = False,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> Page[StoredEvent]:
        """Return events: of one user, sealed after a sequence, or not sealed yet."""
        self._refresh()
        with self._memory:
            contents = self._contents
            entries, following = contents.events.page(
                user=user,
                sequence_after=sequence_after,
                unsealed=unsealed,
                after=after,
                limit=limit,
            )
            return Page(tuple([contents.event(entry) for entry in entries]), following)

    def tables(self) -> list[str]:
        """Return the names of the TinyDB tables: the kinds of records, and `event`."""
        self._refresh()
        with self._memory:
            return list(self._contents.kinds())

    def ids(self, table: str) -> list[str]:
        """Return the ids of all documents of a TinyDB table."""
        self._refresh()
        with self._memory:
            return self._contents.ids(table)

    def document(self, table: str, id: str) -> dict[str, Any] | None:
        """Return a document as TinyDB shows it, or None."""
        self._refresh()
        with self._memory:
            return self._contents.document(table, id)

    def commit(self, change: Change, *, settle: bool = True) -> None:
        """Write all of *change* or nothing, as the protocol says.

        Raises:
            VersionMoved, KeyTaken: it is refused as things stand; nothing was written.
            FateUnknown: the sync failed. What is kept is read again from the disk before the next
                commit.
            StoreFull, StoreReadOnly, StoreError: the file system refused; nothing was written.
            ValueError, TypeError: an id is not 24 hex digits, a kind is no name, a body is not
                JSON, or a record is written twice; nothing was written.
        """
        self._check_writable()
        text = written(change)
        if not (text.before_events or change.events or text.after_events):
            return
        with self._alone(), self._memory:
            self._catch_up_alone()
            contents = self._contents
            steps = contents.plan(change)
            payload, events = contents.line(change, text)
            at, number = self._write(payload)
            contents.apply_change(change, steps, text.documents)
            at += sum(map(len, text.before_events)) + len(text.before_events)
            for event in events:
                start = at + len(b"event ")
                contents.add_event(event, Place(self._journal.log, start, len(event)))
                at = start + len(event) + 1
            contents.apply_to_events(change)
            self._distrusts_memory = False
            self._tell()
        if settle:
            self._durability.wait(number)
        self._compact_if_due()

    def restore(self, records: Sequence[Record], events: Sequence[StoredEvent]) -> None:
        """Write records and events just as they are, all of it or nothing, durable; see
        `admit.upkeep.Upkeep`. It is one commit, so give it some thousands at a time.

        Raises:
            KeyTaken: a key belongs to a record that is not among them; nothing was written.
            FateUnknown, StoreFull, StoreReadOnly, StoreError, ValueError, TypeError: as `commit`.
        """
        self._check_writable()
        with self._alone(), self._memory:
            self._catch_up_alone()
            payload = restoring_line(self._contents, records, events)
            if not payload:
                return
            at, number = self._write(payload)
            self._contents.apply_line(payload, self._journal.log, at)
            self._distrusts_memory = False
            self._tell()
        self._durability.wait(number)
        self._compact_if_due()

    def settle(self) -> None:
        """Return when everything committed before is durable. Raises FateUnknown."""
        self._check_open()
        if self.read_only:
            return
        if self._durability.failed:
            try:
                with self._alone(), self._memory:
                    self._catch_up_alone()
            except StoreError as error:
                raise FateUnknown() from error
        self._durability.wait()

    def compact(self) -> None:
        """Write what is there to a new snapshot, and drop the logs; erased details are gone then.

        Other processes wait with their commits meanwhile, and go on reading.

        Raises:
            StoreFull, StoreReadOnly, StoreError: the file system refused; nothing is lost.
        """
        self._check_writable()
        with self._alone():
            self._catch_up_alone()
            self._compact_alone()

    @contextmanager
    def view(self) -> Iterator[View]:
        """Return a view of this moment. It holds open what the files were, so their room is free
        only when it is left."""
        self._refresh()
        with self._memory:
            view = TinyView(self._contents, self._journal.opened)
        try:
            yield view
        finally:
            view.close()

    def stats(self) -> StoreStats:
        """Measure what there is; `bytes` are those of the `snapshot` and of the `logs` since."""
        self._refresh()
        with self._memory:
            contents, journal = self._contents, self._journal
            return StoreStats(
                records={kind: len(rows) for kind, rows in contents.tables.items() if rows},
                events=len(contents.events),
                unsealed_events=contents.events.count_unsealed(),
                bytes={"snapshot": journal.snapshot_bytes, "logs": journal.log_bytes},
                schema=SCHEMA,
            )

    def backup(self, target: Path) -> None:
        """Copy this moment to *target* while others go on: a snapshot and its logs, which open as
        a store. What was erased since the last compaction still stands in them.

        Raises:
            InvalidInput: something is there, or its folder is not.
            StoreFull, StoreReadOnly, StoreError: the file system refused; nothing is left there.
        """
        check_free(target)
        with said_as_ours(f"write {target.name}"), self._held_open() as moment:
            copy_to(self._files, moment, target)

    def faults(self) -> Iterator[Fault]:
        """Walk over sums of files that are wrong, and keys and labels that lead astray."""
        with said_as_ours("read"), self._held_open() as moment:
            with self._memory:
                indexed = Indexed.of(self._contents)
            yield from file_faults(moment, self._file)
        yield from index_faults(indexed)

    def close(self) -> None:
        """Settle and let go of the files. Closing twice is let pass."""
        if self._closed:
            return
        if self._process != os.getpid():
            self._closed = True
            self._journal.close()
            if self._lock is not None:
                self._lock.close()
            return
        try:
            self.settle()
        finally:
            with self._writers, self._memory, self._durability.quiet():
                self._closed = True
                self._journal.close()
                if self._lock is not None:
                    self._lock.close()

    def _write(self, payload: bytes) -> tuple[int, int]:
        """Append a line; return where its payload stands, and the number of the commit.

        From here on memory lags behind the file, and an interrupt must not leave it so: who calls
        takes the line over, and trusts memory again. (Not by `_changing_memory`: it would be a
        tenth of an unsettled commit.)
        """
        self._distrusts_memory = True
        try:
            at = self._journal.append(payload)
        except OSError as error:
            self._distrusts_memory = False
            raise as_ours(error, "write") from error
        return at, self._durability.wrote()

    @contextmanager
    def _held_open(self) -> Iterator[Moment]:
        """Hold the files of this moment open, for reading them without a lock."""
        self._check_open()
        with ExitStack() as held:
            with self._alone():
                self._catch_up_alone()
                moment = held.enter_context(
                    held_open(self._files, self._file, self._journal.position)
                )
            yield moment

    @property
    def _contents(self) -> Contents:
        if self._closed:
            raise _closed()
        return self._journal.contents

    def _check_open(self) -> None:
        if self._closed:
            raise _closed()
        if self._process != os.getpid():
            raise StoreClosed(
                "The store was opened before a fork, and this is the child.",
                "Open it again in the child.",
            )

    def _check_writable(self) -> None:
        self._check_open()
        if self.read_only:
            raise StoreReadOnly("The store was opened for reading only.", "Open it for writing.")

    def _open_lock(self) -> LockFile | None:
        path = self._file.with_name(self._file.name + ".lock")
        try:
            return LockFile(self._files, path, read_only=self.read_only)
        except (FileNotFoundError, ValueError):
            if not self.read_only:
                raise
            return None  # nobody has written since it was copied here: nobody to wait for

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock between processes, as the only thread of this one."""
        with self._writers:
            if self._closed:
                raise _closed()
            if self._lock is None:
                yield
            else:
                with self._lock.held():
                    yield

    def _tell(self) -> None:
        """Say how far the log goes, and remember what was said."""
        if self._lock is not None:
            if not self.read_only:
                self._lock.tell(self._journal.position)
            self._seen = self._lock.word

    def _refresh(self) -> None:
        """Read what others have committed since, before a read."""
        self._check_open()
        lock = self._lock
        if lock is None or self._is_fresh():
            return
        with self._memory, said_as_ours("read"):
            if self._follow(lock):
                return
        with self._alone(), self._memory, said_as_ours("read"):
            self._reload()

    def _is_fresh(self) -> bool:
        """Return whether nobody has committed since this process last looked."""
        return (
            self._lock is not None
            and self._lock.word == self._seen
            and not self._distrusts_memory
            and not self._durability.failed
        )

    def _follow(self, lock: LockFile) -> bool:
        """Read what others have told; return False if the files must be opened anew instead."""
        if self._distrusts_memory:
            return False
        word = lock.word
        if word == self._seen:
            return True
        with self._changing_memory():
            followed = self._journal.follow(Position.from_word(word))
            self._durability.wrote()  # it may have been written by who does not wait for the disk
        if followed:
            self._seen = word
        return followed

    @contextmanager
    def _changing_memory(self) -> Iterator[None]:
        """Change what is in memory; if that is interrupted, it is read anew from the files."""
        self._distrusts_memory = True
        yield
        self._distrusts_memory = False

    def _catch_up_alone(self) -> None:
        """Read what others have committed, and what they left; then memory and files agree."""
        if self._is_fresh() and self._journal.is_at_end():
            return
        with self._memory, said_as_ours("read"):
            if self._lock is None or self._durability.failed or not self._follow(self._lock):
                self._reload()
            if not self._journal.is_at_end():
                with self._changing_memory():
                    self._journal.take_over_tail()
                    self._durability.wrote()
            self._tell()
        if self._durability.failed:
            # A log whose sync failed may report success from now on whatever it keeps. A new
            # snapshot and a new log are made of what is there, and are synced as new files.
            self._compact_alone()

    def _reload(self) -> None:
        new = Journal(self._files, self._file, read_only=self.read_only)
        with self._durability.quiet():
            old, self._journal = self._journal, new
            old.close()
        self._distrusts_memory = False
        self._tell()

    def _sync(self) -> None:
        self._journal.sync()

    def _compact_if_due(self) -> None:
        if not self._compaction_is_due():
            return
        try:
            with self._alone():
                self._catch_up_alone()
                if self._compaction_is_due():  # nobody else was quicker
                    self._compact_alone()
        except StoreError as error:
            # The commit is kept: this is only about the room that the files take.
            self._compact_not_before_bytes = self._journal.log_bytes + self._compact_at_bytes
            _log.warning("could not compact %s: %s", self._file.name, error)

    def _compaction_is_due(self) -> bool:
        journal = self._journal
        return journal.log_bytes >= max(
            self._compact_at_bytes, journal.snapshot_bytes, self._compact_not_before_bytes
        )

    def _compact_alone(self) -> None:
        """Compact; this process goes on reading but for a moment at the beginning and the end."""
        journal, durability = self._journal, self._durability
        with said_as_ours("compact"):
            with self._memory, durability.quiet():
                try:
                    with self._changing_memory():
                        journal.begin_next_log()
                except OSError:
                    self._distrusts_memory = False  # it is in the old log or in the new one
                    raise
                finally:
                    self._tell()
                    durability.failed |= journal.sync_failed
            if not durability.failed:
                durability.all_durable()
            new = journal.write_snapshot()
            with self._memory, durability.quiet(), self._changing_memory():
                journal.adopt_snapshot(new)
            durability.all_durable()
            self._compact_not_before_bytes = 0


def open_store(location: str, *, read_only: bool) -> TinyStore:
    """Open the store in the file *location*. Raises as `TinyStore` does."""
    return TinyStore(location, read_only=read_only)


def _closed() -> StoreClosed:
    return StoreClosed("The store was closed.", "Open it again.")
