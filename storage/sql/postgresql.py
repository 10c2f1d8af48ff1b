"""PostgreSQL, and what speaks like it, as the database of a store.

Nothing here needs a session: no setting, lock, listener or temporary table outlives a transaction,
so that a pooler such as PgBouncer may give each transaction another server connection. Statements
are prepared only on a connection that leads straight to the server.
"""

# pyright: reportArgumentType=false
# psycopg asks for statements that are literals; ours are compiled, once, from tables.

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, Final

import attrs
import psycopg
import psycopg.sql
import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from admit.errors import StoreDamaged, StoreError, StoreFull, StoreReadOnly, StoreUnreachable

from .database import Link, Rows, Step, Trouble
from .statements import Statement, Statements
from .tables import METADATA

CONNECTIONS: Final = 10
_CONNECT_SECONDS: Final = 10
_KEEP_ALIVE: Final = {
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}
"""A machine that vanishes says nothing, and a thread that waits for its answer would wait for hours
(of Linux's defaults). A server that is only slow answers these by its kernel."""
_PREPARE_AFTER: Final = 2
_ROWS_AT_ONCE: Final = 500

OPTIONS: Final = frozenset(o.keyword.decode() for o in psycopg.pq.Conninfo.get_defaults())
"""What may stand in the URL for libpq."""

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_CONFLICTS: Final = frozenset({"40001", "40P01", "55P03"})
_LOST: Final = frozenset({"57P01", "57P02", "57P03", "40003"})
_NOT_THE_PRIMARY: Final = "25006"
"""This server only reads. Another may be primary by now, so a connection is made anew, once."""
_FULL: Final = frozenset({"53100"})
_READ_ONLY: Final = frozenset({_NOT_THE_PRIMARY, "42501"})
_DAMAGED: Final = frozenset({"XX001", "XX002", "42P01", "42703"})
_NOT_PREPARED: Final = frozenset({"26000", "42P05", "0A000"})
"""A prepared statement is not what it was: something stands between, or the tables changed."""


class PostgresLink:
    """A connection to the server. See `database.Link`."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self.committing = False
        self._connection = connection
        self._cursor = connection.cursor()
        self._walks = count(1)

    def fetch(self, statement: Statement, **parameters: Any) -> Rows:
        """Run one statement that reads; return its rows."""
        asked = statement.parameters(**parameters)
        prepare = None if statement.may_prepare else False
        return self._cursor.execute(statement.text, asked, prepare=prepare).fetchall()

    def walk(self, statement: Statement, **parameters: Any) -> Iterator[tuple[Any, ...]]:
        """Run one statement that reads, with a cursor of the server's: it keeps the rest."""
        with self._connection.cursor(f"admit_walk_{next(self._walks)}") as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            cursor.execute(statement.text, statement.parameters(**parameters))
            yield from cursor

    def write(self, steps: Iterable[Step], *, settle: bool) -> None:
        """Run the steps in one transaction and commit it; see `database.Link`."""
        self.committing = False
        cursor = self._cursor
        try:
            # One after the other: over a local socket psycopg's pipeline took 1.15 to 1.27 times as
            # long for a confirmation, and one text with all of it 1.5 times.
            cursor.execute(_BEGIN if settle else _BEGIN_UNSETTLED, prepare=False)
            for step in steps:
                self._run(step)
            self.committing = True
            cursor.execute("COMMIT", prepare=False)
            self.committing = False
        except BaseException as error:
            self._roll_back()
            if self.trouble(error) in {Trouble.CONFLICT, Trouble.REFUSED}:
                self.committing = False  # the server has answered
            raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all that is fetched inside be of one moment."""
        self._cursor.execute(_BEGIN_SNAPSHOT, prepare=False)
        try:
            yield
        finally:
            self._roll_back()

    def trouble(self, error: BaseException) -> Trouble:
        """Say what *error* means."""
        if not isinstance(error, psycopg.Error):
            return Trouble.OURS
        if self._connection.closed or error.sqlstate in _LOST:
            return Trouble.LOST
        if error.sqlstate == _NOT_THE_PRIMARY:
            return Trouble.LOST
        if error.sqlstate in _CONFLICTS:
            return Trouble.CONFLICT
        if error.sqlstate in _NOT_PREPARED:
            return Trouble.LOST  # a new connection has prepared nothing yet
        return Trouble.REFUSED

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _run(self, step: Step) -> None:
        cursor = self._cursor
        statement, rows = step.statement, step.rows
        if len(rows) == 1:
            cursor.execute(statement.text, rows[0])
        elif statement.many is not None:
            cursor.execute(statement.many, {name: [row[name] for row in rows] for name in rows[0]})
        else:
            cursor.executemany(statement.text, rows)
        if step.refusal is not None and cursor.rowcount != len(rows):
            raise step.refusal

    def _roll_back(self) -> None:
        with suppress(psycopg.Error):
            self._cursor.execute("ROLLBACK", prepare=False)


# What the server's administrator set as default must not decide what a commit means.
_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
_BEGIN_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_BEGIN_UNSETTLED: Final = f"{_BEGIN}; SET LOCAL synchronous_commit TO OFF"


@attrs.define(eq=False)
class PostgresDatabase:
    """The server and its database. See `database.Database`."""

    url: sa.URL = attrs.field(repr=False)
    read_only: bool
    connections: int = CONNECTIONS
    patience_seconds: float = 10.0
    path: Path | None = None
    dialect: sa.Dialect = attrs.field(init=False)
    statements: Statements = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.dialect = self.url.get_dialect()()
        self.statements = Statements(self.dialect)

    @property
    def name(self) -> str:
        """Where it is: host, port and database."""
        url = self.url
        host = url.host or url.query.get("host") or "the local socket"
        where = host if isinstance(host, str) else ", ".join(host)
        return f"{where}{f':{url.port}' if url.port else ''}/{url.database or ''}"

    def connect(self) -> PostgresLink:
        """Open a connection. Raises StoreUnreachable."""
        try:
            return PostgresLink(self._open())
        except psycopg.Error as error:
            # Of several hosts psycopg tells the last one first, and then all of them.
            reason = " ".join(str(error).rpartition("All failures were:")[2].split())
            if self.url.password is not None:
                reason = reason.replace(str(self.url.password), "***")
            raise StoreUnreachable(
                f"The database {self.name} could not be reached: {reason}.",
                "See that it runs, and that user, password and database in the URL are right.",
            ) from None

    def refusal(self, error: Exception, *, doing: str) -> StoreError:
        """Return the error that the protocol names for what psycopg raised.

        Only the first line of what the server said: the others may show what is stored.
        """
        state = getattr(error, "sqlstate", None)
        said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        said = said or type(error).__name__
        reason = f"The store could not {doing} in {self.name}: {said} ({state or 'no code'})."
        if state in _FULL:
            return StoreFull(reason, "Make room on the server, then try again.")
        if state in _READ_ONLY:
            return StoreReadOnly(reason, "Connect to the primary, as a user who may write.")
        if state in _DAMAGED:
            return StoreDamaged(reason, "See the server's log; restore from a backup.")
        if state in _LOST or (state is None and isinstance(error, psycopg.OperationalError)):
            return StoreUnreachable(reason, "Try again when the server is back; see its log.")
        return StoreError(reason, "See the server's log.")

    def engine(self) -> sa.Engine:
        """Return SQLAlchemy's engine on the database."""
        return sa.create_engine(
            self.url, creator=self._open, poolclass=NullPool, use_native_hstore=False
        )

    def compact(self) -> None:
        """Let the server use the room of dead rows again, at once rather than when it sees fit."""
        with closing(self._open()) as connection:
            for table in METADATA.tables:
                connection.execute(
                    psycopg.sql.SQL("VACUUM {}").format(psycopg.sql.Identifier(table))
                )

    def bytes_used(self, link: Link) -> Mapping[str, int]:
        """Return the size of each table with its indexes."""
        sizes = ", ".join([f"pg_total_relation_size('{table}')" for table in METADATA.tables])
        [row] = link.fetch(Statement(f"SELECT {sizes}", {}))  # our own names
        return dict(zip(METADATA.tables, row, strict=True))

    def file_faults(self, link: Link) -> list[str]:
        """Return nothing: the files are the server's, and its checks are extensions."""
        return []

    def copy_to(self, target: Path) -> bool:
        """Return False: the files are the server's."""
        return False

    def _open(self) -> psycopg.Connection[tuple[Any, ...]]:
        arguments, options = self.dialect.create_connect_args(self.url)
        options = {
            "connect_timeout": _CONNECT_SECONDS,
            "client_encoding": "utf8",
            **_KEEP_ALIVE,
            **options,
        }
        connection = psycopg.connect(
            *arguments, **options, autocommit=True, prepare_threshold=_PREPARE_AFTER
        )
        try:
            [row] = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchall()
            if row[0] != connection.info.backend_pid:
                # A pooler answered: what one transaction prepares, the next one may not find, or
                # find another's in its place.
                connection.prepare_threshold = None
        except BaseException:
            connection.close()
            raise
        return connection
