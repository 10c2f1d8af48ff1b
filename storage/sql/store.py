"""The SQL store: what `admit.stores.Store` asks, said to a database."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from functools import cached_property
from pathlib import Path
from typing import Final

from admit.errors import FateUnknown, StoreError
from admit.stores import SCHEMA, Change, Cursor, Page, Record, Ref, StoredEvent, VersionMoved
from admit.upkeep import Fault, StoreStats

from ..batching import SYNC_WITHIN_SECONDS, Batching, Durability
from .attempts import Attempts
from .backups import fill, write_backup
from .care_statements import CareStatements
from .database import Database, Link, Step
from .disorders import disorders
from .migrating import migrate
from .reading import Reading
from .remembered import Remembered, Seen
from .restoring import KeyInTheWay, check_free, refs_of, restored
from .sqlite import SqliteDatabase
from .texts import asked_id, body_from, name_bytes, record_from
from .viewing import SqlView, view_of
from .writing import Overtaken, refs_to_read, written

_TRIES: Final = 5
"""How often a commit is made anew because a record's row was not what was remembered."""


class SqlStore:
    """A store in a SQL database; see `admit.stores.Store`.

    Any number of threads, processes and machines may have it open. A commit that was not settled
    survives this process, not the database's machine.
    """

    path: Path | None

    def __init__(
        self,
        database: Database,
        *,
        app: str,
        durability: Durability = "full",
        sync_within_seconds: float = SYNC_WITHIN_SECONDS,
    ) -> None:
        """Use *database*, whose tables are there, for the application *app*.

        *durability* `batched`: a commit is made durable within *sync_within_seconds*, after it has
        returned. A crash of the database's machine may take the last ones before it.
        """
        self.path = database.path
        self.read_only = database.read_only
        self.app = app
        self._database = database
        self._statements = database.statements
        self._remembered = Remembered()
        self._reading = Reading(database.statements, app, self._remembered)
        self._attempts = Attempts(database)
        self._unsettled = self._attempts.unsettled
        self._run = self._attempts.run
        is_batched = durability == "batched" and not database.read_only
        self._batching = Batching(self.settle, sync_within_seconds) if is_batched else None

    def __repr__(self) -> str:
        return f"SqlStore({self._database.name!r}, app={self.app!r})"

    def get(self, kind: str, id: str) -> Record | None:
        """Return the record, or None; kind `event` finds an event by its id."""
        if kind == "event":
            rows = self._run(lambda link: self._reading.event_body(link, id))
            return Record(kind, id, 1, body_from(rows[0][0], f"event {id}")) if rows else None
        raw_id = asked_id(id)
        if raw_id is None:
            return None
        ask = self._statements.get
        rows = self._run(lambda link: link.fetch(ask, of_app=self.app, of_kind=kind, of_id=raw_id))
        return self._record(kind, id, *rows[0]) if rows else None

    def get_many(self, refs: Sequence[Ref]) -> list[Record | None]:
        """Return each record or None, in the order asked, seen at one moment."""
        found = self._run(lambda link: self._reading.several(link, refs))
        return [found.get(ref) for ref in refs]

    def find(self, key: str) -> Record | None:
        """Return the record that holds *key*, or None."""
        ask, raw_key = self._statements.find, name_bytes(key)
        rows = self._run(lambda link: link.fetch(ask, of_app=self.app, of_key=raw_key))
        if not rows:
            return None
        kind, raw_id, *content = rows[0]
        return self._record(kind, raw_id.hex(), *content)

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
        return self._run(lambda link: self._reading.page(link, kind, label, after, limit, reverse))

    def count(self, kind: str, label: str) -> int:
        """Return how many records of *kind* carry *label*."""
        ask, name = self._statements.count, name_bytes(label)
        rows = self._run(lambda link: link.fetch(ask, of_app=self.app, of_kind=kind, of_name=name))
        count: int = rows[0][0]
        return count

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
        return self._run(
            lambda link: self._reading.events(
                link,
                user=user,
                sequence_after=sequence_after,
                unsealed=unsealed,
                after=after,
                limit=limit,
            )
        )

    def commit(self, change: Change, *, settle: bool = True) -> None:
        """Write all of *change* or nothing; see the protocol.

        Who is in the way is waited for, and a connection lost before the end is made anew, once.

        Raises:
            VersionMoved, KeyTaken: as the protocol says.
            FateUnknown: the connection was lost while the database committed.
            StoreUnreachable, StoreFull, StoreReadOnly, StoreError: nothing was written.
        """
        self._attempts.check_writable()
        refs = refs_to_read(change)
        for attempt in range(_TRIES):
            known = self._known(refs, anew=attempt > 0)
            try:
                what = written(change, known.get, app=self.app, statements=self._statements)
                if what.steps:
                    self._write(change, what.steps, settle and self._batching is None)
            except (VersionMoved, Overtaken) as moved:
                # What was remembered may have been stale: look before saying so.
                if attempt > 0 and isinstance(moved, VersionMoved):
                    raise
            except BaseException:
                self._remember(dict.fromkeys(refs))
                raise
            else:
                self._remember(what.seen)
                if settle and self._batching is not None:
                    self._batching.committed()
                return
        raise StoreError("Others are changing the same record all the time.", "Try again.")

    def settle(self) -> None:
        """Return when everything committed before is durable. Raises FateUnknown."""
        self._attempts.check_open()
        before = self._unsettled.committed
        if self._unsettled.waits:
            step = Step(self._statements.settle, ({"of_app": self.app},))
            self._run(lambda link: link.write((step,), settle=True))
            self._unsettled.all_durable(before)
        if self._unsettled.are_lost(self):
            raise FateUnknown("The database stopped before everything was on its disk.")

    def close(self) -> None:
        """Settle and let go of connections. Closing twice is let pass."""
        attempts = self._attempts
        if attempts.closed:
            return
        if attempts.is_forked:
            attempts.closed = True  # the connections are the parent's
            return
        if self._batching is not None:
            self._batching.stop()
        try:
            self.settle()
        finally:
            attempts.close()

    def view(self) -> AbstractContextManager[SqlView]:
        """Give a view of this moment, over a connection of its own."""
        return view_of(self._database, self._care, self.app, self._attempts.check_open)

    def restore(self, records: Sequence[Record], events: Sequence[StoredEvent]) -> None:
        """Write records and events just as they are, all of it or nothing, durable.

        Raises:
            KeyTaken, FateUnknown: as the protocol says.
            StoreFull, StoreReadOnly, StoreError: nothing was written.
        """
        self._attempts.check_writable()
        refs = refs_of(records)
        try:
            for _ in range(_TRIES):
                try:
                    self._run(
                        lambda link: link.write(
                            self._restoring(link, refs, records, events), settle=True
                        )
                    )
                    return
                except Overtaken:  # one that was not there is now
                    continue
                except KeyInTheWay:
                    self._run(lambda link: check_free(link, records, self.app, self._care))
        finally:
            self._remember(dict.fromkeys(refs))
        raise StoreError("Others are changing the same record all the time.", "Try again.")

    def compact(self) -> None:
        """Free the room of what was replaced, while others go on.

        Raises:
            StoreReadOnly: the store was opened for reading only.
            StoreError: the database refused; what was freed by then is.
        """
        self._attempts.check_writable()
        try:
            self._database.compact()
        except Exception as error:
            raise self._database.refusal(error, doing="compact") from error

    def stats(self) -> StoreStats:
        """Count what there is of this application, and measure the room of all of them."""
        with self.view() as view:
            [(events, sealed)] = view.fetch(self._care.event_counts)
            return StoreStats(
                records=dict(sorted(view.fetch(self._care.record_counts))),
                events=events,
                unsealed_events=events - sealed,
                bytes=view.bytes_used(),
                schema=SCHEMA,
            )

    def backup(self, target: Path) -> None:
        """Write a copy of this moment to *target*, a SQLite file whatever the database is.

        Of a SQLite file, all applications are copied; else this one, under its name.

        Raises:
            InvalidInput: something is there, or its folder is not.
            StoreFull, StoreReadOnly, StoreError: it could not be written; nothing is left there.
        """
        self._attempts.check_open()
        write_backup(self._database, target, self._copy_into)

    def faults(self) -> Iterator[Fault]:
        """Walk over what does not fit together; if the file itself is damaged, over that alone."""
        with self.view() as view:
            broken = view.file_faults()
            for sentence in broken:
                yield Fault(code="damaged", where=self._database.name, sentence=f"{sentence}.")
            if not broken:
                yield from disorders(view)

    @cached_property
    def _care(self) -> CareStatements:
        return CareStatements(self._database.dialect)

    def _record(self, kind: str, id: str, version: int, marks_text: str, body: str) -> Record:
        marks = self._remembered.read(Ref(kind, id), version, marks_text)
        return record_from(kind, id, version, marks, body)

    def _known(self, refs: Sequence[Ref], *, anew: bool) -> dict[Ref, Seen | None]:
        """Return what is known of the rows of records: remembered, unless one is not or they
        shall be read *anew*."""
        if not refs:
            return {}
        if not anew:
            seen = {ref: self._remembered.get(ref) for ref in refs}
            if None not in seen.values():
                return seen
        return self._run(lambda link: self._reading.seen(link, refs))

    def _remember(self, seen: Mapping[Ref, Seen | None]) -> None:
        for ref, now in seen.items():
            if now is None:
                self._remembered.forget(ref)
            else:
                self._remembered.keep(ref, now)

    def _write(self, change: Change, steps: Sequence[Step], settle: bool) -> None:
        before = self._unsettled.committed
        try:
            self._run(lambda link: link.write(steps, settle=settle))
        except FateUnknown:
            self._unsettled.add_unknown()
            raise
        if settle:
            self._unsettled.all_durable(before)
        else:
            self._unsettled.add(change)

    def _restoring(
        self,
        link: Link,
        refs: Sequence[Ref],
        records: Sequence[Record],
        events: Sequence[StoredEvent],
    ) -> Iterator[Step]:
        """Look at what is there, in the transaction that writes over it, and yield its steps."""
        now = {"app": self.app, "now_us": time.time_ns() // 1000}
        [(number,)] = link.fetch(self._care.next_number, **now)
        yield from restored(
            records,
            events,
            self._reading.seen(link, refs, locked=True),
            app=self.app,
            statements=self._statements,
            care=self._care,
            first_number=number,
        )

    def _copy_into(self, path: Path) -> None:
        database = SqliteDatabase(path, read_only=False)
        migrate(database)
        with closing(SqlStore(database, app=self.app)) as copy, self.view() as view:
            fill(copy, view)
