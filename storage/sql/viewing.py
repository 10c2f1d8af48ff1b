"""A walk over all that a SQL store holds, in one transaction that sees one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from admit.stores import Record, StoredEvent

from .care_statements import CareStatements
from .database import Database, Link, Rows, Trouble
from .statements import Statement
from .texts import event_from, marks_from, record_from


class SqlView:
    """See `admit.upkeep.View`. The database sorts; a walk holds one of its cursors."""

    def __init__(
        self,
        database: Database,
        link: Link,
        statements: CareStatements,
        app: str,
        check_open: Callable[[], None],
    ) -> None:
        self.statements = statements
        self._database = database
        self._link = link
        self._app = app
        self._check_open = check_open
        self._kinds = self._found_kinds()  # the first question sets the moment

    def kinds(self) -> list[str]:
        """Return the kinds of records that there are, in order."""
        return list(self._kinds)

    def records(self, kind: str) -> Iterator[Record]:
        """Walk over every record of *kind*, by id."""
        for id, version, marks, body in self.walk(self.statements.records, of_kind=kind):
            yield record_from(kind, id.hex(), version, marks_from(marks), body)

    def events(self) -> Iterator[StoredEvent]:
        """Walk over every event, in the order of their commits."""
        return map(event_from, self.walk(self.statements.events))

    def events_by_user(self) -> Iterator[StoredEvent]:
        """Walk over every event that names a user, by (user, version, order of commit)."""
        return map(event_from, self.walk(self.statements.events_by_user))

    def walk(self, statement: Statement, **parameters: Any) -> Iterator[tuple[Any, ...]]:
        """Walk over the rows that a statement finds, some at a time."""
        with self._said_as_ours():
            yield from self._link.walk(statement, of_app=self._app, **parameters)

    def fetch(self, statement: Statement, **parameters: Any) -> Rows:
        """Return all the rows that a statement finds."""
        with self._said_as_ours():
            return self._link.fetch(statement, of_app=self._app, **parameters)

    def bytes_used(self) -> Mapping[str, int]:
        """Return what takes room in the database."""
        with self._said_as_ours():
            return self._database.bytes_used(self._link)

    def file_faults(self) -> Sequence[str]:
        """Return what is wrong with the database's file, if it has one."""
        with self._said_as_ours():
            return self._database.file_faults(self._link)

    def _found_kinds(self) -> list[str]:
        # Each leads to the next: to tell them apart, the database would read every record.
        kinds: list[str] = []
        after = ""
        while True:
            [(kind,)] = self.fetch(self.statements.next_kind, after_kind=after)
            if kind is None:
                return sorted(kinds)  # the database's own order may be another
            kinds.append(kind)
            after = kind

    @contextmanager
    def _said_as_ours(self) -> Iterator[None]:
        self._check_open()
        try:
            yield
        except Exception as error:
            if self._link.trouble(error) is Trouble.OURS:
                raise
            raise self._database.refusal(error, doing="go on reading") from error


@contextmanager
def view_of(
    database: Database, statements: CareStatements, app: str, check_open: Callable[[], None]
) -> Iterator[SqlView]:
    """Give a view of this moment. It has a connection of its own, for it may take its time.

    Raises StoreError: the database could not be reached, then or in the middle of a walk.
    """
    check_open()
    with closing(database.connect()) as link, link.snapshot():
        yield SqlView(database, link, statements, app, check_open)
