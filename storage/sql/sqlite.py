"""SQLite as the database of a store: one file, shared by threads and processes of one machine."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import attrs
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.pool import NullPool

from admit.errors import StoreDamaged, StoreError, StoreFull, StoreReadOnly

from .database import Link, Rows, Step, Trouble
from .statements import Statement, Statements

CONNECTIONS: Final = 16
BUSY_SECONDS: Final = 10.0
"""So long a commit waits for another process's."""
_PAGES_AT_ONCE: Final = 500
_TRIES: Final = 40
_CHECKPOINT_PATIENCE_MS: Final = 200

_CONFLICTS: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_READ_ONLY: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class SqliteLink:
    """A connection to the file. See `database.Link`."""

    def __init__(self, connection: sqlite3.Connection, writers: threading.Lock) -> None:
        self.committing = False
        self._connection = connection
        self._cursor = connection.cursor()
        self._writers = writers
        self._syncs = True

    def fetch(self, statement: Statement, **parameters: Any) -> Rows:
        """Run one statement that reads; return its rows."""
        return self._cursor.execute(statement.text, statement.parameters(**parameters)).fetchall()

    def walk(self, statement: Statement, **parameters: Any) -> Iterator[tuple[Any, ...]]:
        """Run one statement that reads; fetch its rows as they are asked for."""
        asked = statement.parameters(**parameters)
        yield from self._connection.execute(statement.text, asked)

    def write(self, steps: Iterable[Step], *, settle: bool) -> None:
        """Run the steps in one transaction and commit it; see `database.Link`."""
        self.committing = False
        cursor = self._cursor
        # Threads of one process wait in line here; SQLite would let them sleep and try again.
        with self._writers:
            if settle is not self._syncs:
                # In WAL mode NORMAL leaves out the sync at the end of a commit, and nothing else.
                cursor.execute(f"PRAGMA synchronous={'FULL' if settle else 'NORMAL'}")
                self._syncs = settle
            try:
                cursor.execute("BEGIN IMMEDIATE")
                for step in steps:
                    self._run(step)
                self.committing = True
                cursor.execute("COMMIT")
                self.committing = False
            except BaseException:
                with suppress(sqlite3.Error):
                    if self._connection.in_transaction:
                        self._connection.rollback()
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all that is fetched inside be of one moment."""
        self._cursor.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.rollback()

    def trouble(self, error: Exception) -> Trouble:
        """Say what *error* means."""
        code = primary_code(error)
        if code is None:
            return Trouble.OURS
        if code in _CONFLICTS:
            return Trouble.CONFLICT
        if self.committing and code != sqlite3.SQLITE_FULL:
            return Trouble.LOST  # the pages may have reached the file, though the sync failed
        return Trouble.REFUSED

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _run(self, step: Step) -> None:
        if len(step.rows) == 1:
            done = self._cursor.execute(step.statement.text, step.rows[0]).rowcount
        else:
            done = self._cursor.executemany(step.statement.text, step.rows).rowcount
        if step.refusal is not None and done != len(step.rows):
            raise step.refusal


@attrs.define(eq=False)
class SqliteDatabase:
    """The file. See `database.Database`."""

    path: Path
    read_only: bool
    connections: int = CONNECTIONS
    busy_seconds: float = BUSY_SECONDS
    dialect: sa.Dialect = attrs.field(factory=lambda: pysqlite.dialect(paramstyle="named"))
    statements: Statements = attrs.field(init=False)
    _writers: threading.Lock = attrs.field(factory=threading.Lock)

    def __attrs_post_init__(self) -> None:
        self.statements = Statements(self.dialect)

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    @property
    def patience_seconds(self) -> float:
        """Nothing is tried again after SQLite itself has waited so long."""
        return self.busy_seconds

    def connect(self) -> SqliteLink:
        """Open a connection. Raises StoreError and its children."""
        try:
            return SqliteLink(self._open(), self._writers)
        except sqlite3.Error as error:
            raise self.refusal(error, doing="open") from error

    def refusal(self, error: Exception, *, doing: str) -> StoreError:
        """Return the error that the protocol names for what sqlite3 raised."""
        code = primary_code(error)
        reason = f"The store could not {doing} {self.name}: {error}."
        if code == sqlite3.SQLITE_FULL:
            return StoreFull(reason, "Make room, then try again.")
        if code in _READ_ONLY:
            return StoreReadOnly(reason, "See the permissions of the file and its folder.")
        if code in _DAMAGED:
            return StoreDamaged(reason, "Restore it from a backup, or try sqlite3's `.recover`.")
        if code in _CONFLICTS:
            reason = f"Another writer has held {self.name} for {self.busy_seconds:g} seconds."
            return StoreError(reason, "Nothing was written. Try again when it is done.")
        if code == sqlite3.SQLITE_CANTOPEN and self.read_only:
            return StoreReadOnly(reason, "It is not there, or may not be read.")
        return StoreError(reason, "See the permissions and the system's log for disk errors.")

    def engine(self) -> sa.Engine:
        """Return SQLAlchemy's engine on the file."""
        return sa.create_engine("sqlite://", creator=self._open, poolclass=NullPool)

    def compact(self) -> None:
        """Give the file's free pages back, a few at a time so that others may write in between,
        and empty the log. While somebody reads an older moment, part of it stays."""
        with closing(self._open()) as connection:
            free = -1
            while free:
                # A script, as sqlite3 runs other statements that return nothing for one page only.
                with self._writers:
                    connection.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
                before = free
                [(free,)] = connection.execute("PRAGMA freelist_count").fetchall()
                if free == before:
                    break
            connection.execute(f"PRAGMA busy_timeout={_CHECKPOINT_PATIENCE_MS}")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def bytes_used(self, link: Link) -> Mapping[str, int]:
        """Return the sizes of the file, of what is free in it, and of its log."""
        ask = Statement(
            "SELECT page_count * page_size, freelist_count * page_size FROM"
            " pragma_page_count, pragma_page_size, pragma_freelist_count",
            {},
        )
        [(whole, free)] = link.fetch(ask)
        log = self.path.with_name(f"{self.path.name}-wal")
        return {"file": whole, "free": free, "log": log.stat().st_size if log.exists() else 0}

    def file_faults(self, link: Link) -> list[str]:
        """Return what SQLite's own check finds."""
        try:
            rows = link.fetch(Statement("PRAGMA integrity_check", {}))
        except sqlite3.DatabaseError as error:
            if primary_code(error) not in _DAMAGED:
                raise
            return [str(error)]
        return [text for (text,) in rows if text != "ok"]

    def copy_to(self, target: Path) -> bool:
        """Write a copy of this moment, without what was erased."""
        with closing(self._open()) as connection:
            connection.execute("PRAGMA query_only=OFF")  # else it refuses to write any file
            connection.execute("VACUUM INTO ?", (str(target),))
        return True

    def _open(self) -> sqlite3.Connection:
        mode = "ro" if self.read_only else "rwc"
        connection = sqlite3.connect(
            f"{self.path.as_uri()}?mode={mode}",
            uri=True,
            timeout=self.busy_seconds,
            isolation_level=None,  # it begins a transaction when we say so
            check_same_thread=False,
        )
        try:
            if self.read_only:
                connection.execute("PRAGMA query_only=ON")
            else:
                # In a new file only; it lets `compact` work in small steps.
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
                _begin_log(connection)
                connection.execute("PRAGMA synchronous=FULL")
                # What is erased is overwritten, wherever that costs no further write.
                connection.execute("PRAGMA secure_delete=FAST")
        except BaseException:
            connection.close()
            raise
        return connection


def _begin_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL mode, which a file then keeps. While another process does the same, SQLite says
    at once that the file is busy, however long the time-out is."""
    for attempt in range(_TRIES):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if primary_code(error) not in _CONFLICTS or attempt == _TRIES - 1:
                raise
            time.sleep(0.05)


def primary_code(error: Exception) -> int | None:
    """Return SQLite's primary result code, or None if it is no error of SQLite's."""
    if not isinstance(error, sqlite3.Error):
        return None
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return code & 0xFF
