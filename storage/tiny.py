"""The default store: one local file, in TinyDB's format, shared by threads and processes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from admit.errors import FateUnknown, InvalidInput, StoreError
from admit.stores import SCHEMA, Change, Cursor, Page, Record, Ref, StoredEvent
from admit.upkeep import Fault, StoreStats, View

from .backup import check_free, copy_to
from .batching import SYNC_WITHIN_SECONDS, Batching, Durability, checked_durability
from .compaction import Compactor
from .contents import stored_event
from .faults import Indexed, file_faults
from .files import Files
from .indexed_snapshots import INDEX_AT_BYTES
from .lines import Written, written
from .places import Place
from .restoring import restoring_line
from .shared import SharedJournal
from .system_errors import said_as_ours
from .view import TinyView

COMPACT_AT_BYTES: Final = 8 << 20
"""A log is compacted when it is this long and no shorter than the snapshot: a commit then pays for
writing at most twice its own bytes again, whatever the size of the store."""

_OPTIONS: Final = re.compile(r"\?([a-z_]+=[^/?]*)\Z")
"""What ends a URL; a file may have a `?` in its name otherwise."""
_EXAMPLE: Final = "Write tinydb://users.json?durability=batched"


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
        durability: Durability = "full",
        sync_within_seconds: float = SYNC_WITHIN_SECONDS,
        compact_at_bytes: int = COMPACT_AT_BYTES,
        index_at_bytes: int = INDEX_AT_BYTES,
        files: Files | None = None,
    ) -> None:
        """Open the store at *path*, or begin one there; its files have the mode 0600.

        *durability* `batched`: a commit returns when it is written and, within
        *sync_within_seconds*, is on the disk. A killed process loses nothing; a power failure may
        take the last commits before it, never one without those after it.

        Raises:
            InvalidInput: there is no such durability.
            StoreDamaged: a file holds something that is no record of ours; where is said.
            StoreTooNew: a newer version wrote it. Nothing was changed.
            StoreReadOnly: it may not be written, or is not there and was to be read only.
            StoreFull, StoreError: the file system refused.
        """
        is_batched = checked_durability(durability) == "batched" and not read_only
        self.path = file = Path(path).resolve()
        self.read_only = read_only
        files = Files() if files is None else files
        self._shared = SharedJournal(
            files, file, read_only=read_only, index_at_bytes=index_at_bytes
        )
        self._compactor = Compactor(self._shared, compact_at_bytes)
        self._batching = Batching(self.settle, sync_within_seconds) if is_batched else None

    def get(self, kind: str, id: str) -> Record | None:
        """Return the record, or None; kind `event` finds an event by its id."""
        shared = self._shared
        shared.refresh()
        with shared.memory:
            return shared.contents.record(kind, id)

    def get_many(self, refs: Sequence[Ref]) -> list[Record | None]:
        """Return each record or None, in the order asked, seen at one moment."""
        shared = self._shared
        shared.refresh()
        with shared.memory:
            record = shared.contents.record
            return [record(kind, id) for kind, id in refs]

    def find(self, key: str) -> Record | None:
        """Return the record that holds *key*, or None."""
        shared = self._shared
        shared.refresh()
        with shared.memory:
            contents = shared.contents
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
        shared = self._shared
        shared.refresh()
        with shared.memory:
            return shared.contents.page(kind, label, after, limit, reverse)

    def count(self, kind: str, label: str) -> int:
        """Return how many records of *kind* carry *label*."""
        shared = self._shared
        shared.refresh()
        with shared.memory:
            return shared.contents.index.count(kind, label)

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
        shared = self._shared
        shared.refresh()
        with shared.memory:
            contents = shared.contents
            entries, following = contents.events.page(
                user=user,
                sequence_after=sequence_after,
                unsealed=unsealed,
                after=after,
                limit=limit,
            )
            return Page(tuple([stored_event(entry) for entry in entries]), following)

    def tables(self) -> list[str]:
        """Return the names of the TinyDB tables: the kinds of records, and `event`."""
        shared = self._shared
        shared.refresh()
        with shared.memory:
            return list(shared.contents.kinds())

    def ids(self, table: str) -> list[str]:
        """Return the ids of all documents of a TinyDB table."""
        shared = self._shared
        shared.refresh()
        with shared.memory:
            return shared.contents.ids(table)

    def document(self, table: str, id: str) -> dict[str, Any] | None:
        """Return a document as TinyDB shows it, or None."""
        shared = self._shared
        shared.refresh()
        with shared.memory:
            return shared.contents.document(table, id)

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
        shared = self._shared
        shared.check_writable()
        text = written(change)
        if not (text.before_events or change.events or text.after_events):
            return
        number = self._in_turn(lambda: self._commit(change, text))
        if settle and self._batching is None:
            shared.durability.wait(number)
        elif settle and self._batching is not None:
            self._batching.committed()
        self._compactor.start_if_due()

    def restore(self, records: Sequence[Record], events: Sequence[StoredEvent]) -> None:
        """Write records and events just as they are, all of it or nothing, durable; see
        `admit.upkeep.Upkeep`. It is one commit, so give it some thousands at a time.

        Raises:
            KeyTaken: a key belongs to a record that is not among them; nothing was written.
            FateUnknown, StoreFull, StoreReadOnly, StoreError, ValueError, TypeError: as `commit`.
        """
        shared = self._shared
        shared.check_writable()
        if not (records or events):
            return
        number = self._in_turn(lambda: self._restore(records, events))
        shared.durability.wait(number)
        self._compactor.start_if_due()

    def settle(self) -> None:
        """Return when everything committed before is durable. Raises FateUnknown."""
        shared = self._shared
        shared.check_open()
        if self.read_only:
            return
        if shared.is_doubtful():
            try:
                self._compactor.recover()
            except StoreError as error:
                raise FateUnknown() from error
        shared.durability.wait()

    def compact(self) -> None:
        """Write what is there to a new snapshot, and drop the logs; erased details are gone then.

        Returns when that is done. Commits go on meanwhile, here and in other processes.

        Raises:
            StoreFull, StoreReadOnly, StoreError: the file system refused; nothing is lost.
        """
        self._shared.check_writable()
        self._compactor.compact()

    @contextmanager
    def view(self) -> Iterator[View]:
        """Return a view of this moment. It holds open what the files were, so their room is free
        only when it is left."""
        shared = self._shared
        shared.refresh()
        with shared.memory:
            view = TinyView(shared.contents, shared.journal.opened)
        try:
            yield view
        finally:
            view.close()

    def stats(self) -> StoreStats:
        """Measure what there is; `bytes` are those of the `snapshot` and of the `logs` since."""
        shared = self._shared
        shared.refresh()
        with shared.memory:
            contents, journal = shared.contents, shared.journal
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
        with said_as_ours(f"write {target.name}"), self._shared.held_open() as moment:
            copy_to(self._shared.files, moment, target)

    def faults(self) -> Iterator[Fault]:
        """Walk over sums of files that are wrong, and keys and labels that lead astray."""
        shared = self._shared
        with said_as_ours("read"), shared.held_open() as moment:
            with shared.memory:
                indexed = Indexed(shared.contents)
            yield from file_faults(moment, shared.path)
        yield from indexed.faults()

    def close(self) -> None:
        """Settle, let a compaction end that is under way, and let go of the files. Closing twice is
        let pass."""
        shared = self._shared
        if shared.closed:
            return
        try:
            if not shared.is_forked:
                if self._batching is not None:
                    self._batching.stop()
                self._compactor.finish()
                self.settle()
        finally:
            shared.close()

    def _in_turn(self, write: Callable[[], int]) -> int:
        """Let *write* write something, alone and caught up; return the number of the commit."""
        shared = self._shared
        while True:
            if shared.is_doubtful():
                self._compactor.recover()
            # As `alone` does, which costs a little more: this is most of what a commit does.
            with shared.writers, shared.between_processes, shared.memory:
                shared.catch_up()
                if not shared.is_doubtful():  # else another process could not sync just now
                    return write()

    def _commit(self, change: Change, text: Written) -> int:
        shared, contents = self._shared, self._shared.contents
        steps = contents.plan(change)
        payload, events = contents.line(change, text)
        at, number = shared.write(payload)
        contents.apply_change(change, steps, text.documents)
        at += sum(map(len, text.before_events)) + len(text.before_events)
        for new, event in zip(change.events, events, strict=True):
            start = at + len(b"event ")
            contents.add_new_event(new, Place(shared.journal.log, start, len(event)))
            at = start + len(event) + 1
        contents.apply_to_events(change)
        shared.took_over()
        return number

    def _restore(self, records: Sequence[Record], events: Sequence[StoredEvent]) -> int:
        shared = self._shared
        payload = restoring_line(shared.contents, records, events)
        at, number = shared.write(payload)
        shared.contents.apply_line(payload, shared.journal.log, at)
        shared.took_over()
        return number


def open_store(location: str, *, read_only: bool) -> TinyStore:
    """Open the store in the file *location*, behind which `?durability=batched` may stand.

    Raises as `TinyStore` does; InvalidInput also for an option that is not known.
    """
    options = _OPTIONS.search(location)
    if options is None:
        return TinyStore(location, read_only=read_only)
    named = dict(parse_qsl(options[1], keep_blank_values=True))
    durability = named.pop("durability", "full")
    if named:
        raise InvalidInput(
            "store", f"has an option that is not known: {', '.join(sorted(named))}.", _EXAMPLE
        )
    return TinyStore(
        location[: options.start()], read_only=read_only, durability=cast(Durability, durability)
    )
