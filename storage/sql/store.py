"""The SQL store: what `admit.stores.Store` asks, said to a database."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from admit.errors import FateUnknown, StoreClosed, StoreError, StoreReadOnly
from admit.stores import Change, Cursor, Page, Record, Ref, StoredEvent, VersionMoved

from .connections import Connections
from .database import Database, Link, Step, Trouble
from .reading import Reading
from .remembered import Remembered, Seen
from .settling import Unsettled
from .texts import asked_id, body_from, marks_from, name_bytes, record_from
from .writing import Overtaken, refs_to_read, written

T = TypeVar("T")

_TRIES: Final = 5
"""How often a commit is made anew because a record's row was not what was remembered."""
_PATIENCE_SECONDS: Final = 10.0
"""So long a transaction is tried again that others were in the way of."""


class SqlStore:
    """A store in a SQL database; see `admit.stores.Store`.

    Any number of threads, processes and machines may have it open. A commit that was not settled
    survives this process, not the database's machine.
    """

    path: Path | None

    def __init__(self, database: Database, *, app: str) -> None:
        """Use *database*, whose tables are there, for the application *app*."""
        self.path = database.path
        self.read_only = database.read_only
        self.app = app
        self._database = database
        self._statements = database.statements
        self._reading = Reading(database.statements, app)
        self._connections = Connections(database.connect, database.connections)
        self._remembered = Remembered()
        self._process = os.getpid()
        self._closed = False
        self._unsettled = Unsettled()
        self._connections.give(self._connections.take())  # what is wrong on the way is said now

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
            StoreFull, StoreReadOnly, StoreError: nothing was written.
        """
        self._check_open()
        if self.read_only:
            raise StoreReadOnly("The store was opened for reading only.", "Open it for writing.")
        refs = refs_to_read(change)
        for attempt in range(_TRIES):
            known = self._known(refs, anew=attempt > 0)
            try:
                what = written(change, known.get, app=self.app, statements=self._statements)
                if what.steps:
                    self._write(change, what.steps, settle)
            except (VersionMoved, Overtaken) as moved:
                # What was remembered may have been stale: look before saying so.
                if attempt > 0 and isinstance(moved, VersionMoved):
                    raise
            except BaseException:
                self._remember(dict.fromkeys(refs))
                raise
            else:
                self._remember(what.seen)
                return
        raise StoreError("Others are changing the same record all the time.", "Try again.")

    def settle(self) -> None:
        """Return when everything committed before is durable. Raises FateUnknown."""
        self._check_open()
        before = self._unsettled.committed
        if self._unsettled.waits:
            step = Step(self._statements.settle, ({"of_app": self.app},))
            self._run(lambda link: link.write((step,), settle=True))
            self._unsettled.all_durable(before)
        if self._unsettled.are_lost(self):
            raise FateUnknown("The database stopped before everything was on its disk.")

    def close(self) -> None:
        """Settle and let go of connections. Closing twice is let pass."""
        if self._closed:
            return
        if self._process != os.getpid():
            self._closed = True  # the connections are the parent's
            return
        try:
            self.settle()
        finally:
            self._closed = True
            self._connections.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed("The store was closed.", "Open it again.")
        if self._process != os.getpid():
            raise StoreClosed("The store was opened before a fork.", "Open it in the child.")

    def _record(self, kind: str, id: str, version: int, marks_text: str, body: str) -> Record:
        marks = marks_from(marks_text)
        self._remembered.keep(Ref(kind, id), Seen(version, marks))
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

    def _run(self, act: Callable[[Link], T]) -> T:
        """Let a connection do something, and once more, or several times, if that is safe."""
        self._check_open()
        may_lose, give_up_at = True, 0.0
        while True:
            link = self._connections.take()
            try:
                answer = act(link)
            except Exception as error:
                trouble = link.trouble(error)
                if trouble is Trouble.LOST:
                    self._lost(link, error, may_lose)
                    may_lose = False
                    continue
                self._connections.give(link)
                now = time.monotonic()
                give_up_at = give_up_at or now + _PATIENCE_SECONDS
                if trouble is Trouble.OURS:
                    raise
                if trouble is Trouble.REFUSED or now > give_up_at:
                    raise self._database.refusal(error, doing="do this") from None
                time.sleep(random.uniform(0.001, 0.02))  # noqa: S311  # so that rivals part
            except BaseException:
                self._connections.drop(link)
                raise
            else:
                self._connections.give(link)
                return answer

    def _lost(self, link: Link, error: Exception, may_lose: bool) -> None:
        """Let go of a connection that is gone; raise unless what it did may be done again."""
        was_committing = link.committing
        self._connections.drop(link)
        self._connections.lost()
        self._unsettled.doubt()
        if was_committing:
            raise FateUnknown("The connection was lost while the database committed.") from error
        if not may_lose:
            raise self._database.refusal(error, doing="stay connected") from error
