"""Opening a SQL store by its URL: what the entry points of the group `admit.stores` lead to."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from admit.errors import InvalidInput, MissingExtra, StoreReadOnly

from ..batching import Durability, checked_durability

if TYPE_CHECKING:
    import sqlalchemy as sa

    from .store import SqlStore

DEFAULT_APP: Final = "app"
_APP: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_EMPTY_APP: Final = re.compile(r"[?&]app=(&|$)")
_MOST_CONNECTIONS: Final = 1000


def open_sqlite(location: str, *, read_only: bool) -> SqlStore:
    """Open the store in the SQLite file that `sqlite://` and *location* name, or begin one there.

    `sqlite:///users.db` is a relative path, `sqlite:////var/lib/users.db` an absolute one. After a
    `?` may stand `app` (which application; one file may hold several), `durability` (`full` or
    `batched`), `connections` and `busy_seconds` (how long a commit waits for another process's).

    Raises:
        InvalidInput: the URL is wrong; what is wrong in it is said, it is not quoted.
        MissingExtra: SQLAlchemy is not installed.
        StoreError: the file cannot be opened; see `admit.stores`.
    """
    url = _url("sqlite", location, extra="sql")
    from .sqlite import BUSY_SECONDS, CONNECTIONS, SqliteDatabase

    if url.host or url.username or not url.database or url.database.startswith(":"):
        raise _wrong("must name a file, with three slashes, or four if the path is absolute")
    options = dict(url.query)
    app = _taken_app(options)
    durability = checked_durability(str(options.pop("durability", "full")))
    connections = _taken_number(options, "connections", CONNECTIONS, _MOST_CONNECTIONS)
    busy_seconds = _taken_number(options, "busy_seconds", int(BUSY_SECONDS), 3600)
    _refuse_others(options)
    path = Path(url.database).resolve()
    if read_only and not path.exists():
        raise StoreReadOnly(f"{path.name} is not there.", "Open it for writing once.")
    if not read_only:
        _begin(path)
    database = SqliteDatabase(
        path, read_only=read_only, connections=connections, busy_seconds=busy_seconds
    )
    return _opened(database, app, durability)


def open_postgresql(location: str, *, read_only: bool) -> SqlStore:
    """Open the store in the PostgreSQL database that `postgresql+psycopg://` and *location* name,
    and make its tables if they are not there.

    After a `?` may stand `app`, `durability` (`full` or `batched`) and `connections` (how many at
    most), and whatever libpq knows (`sslmode`, `connect_timeout`, `target_session_attrs`, …; `host`
    more than once for several).

    Raises:
        InvalidInput: the URL is wrong; what is wrong in it is said, it is not quoted.
        MissingExtra: SQLAlchemy or psycopg is not installed.
        StoreError: the database cannot be reached; see `admit.stores`.
    """
    url = _url("postgresql+psycopg", location, extra="postgresql")
    try:
        from .postgresql import CONNECTIONS, OPTIONS, PostgresDatabase
    except ImportError:
        raise MissingExtra("A store in PostgreSQL", "psycopg", "postgresql") from None

    options = dict(url.query)
    app = _taken_app(options)
    durability = checked_durability(str(options.pop("durability", "full")))
    connections = _taken_number(options, "connections", CONNECTIONS, _MOST_CONNECTIONS)
    _refuse_others({name: value for name, value in options.items() if name not in OPTIONS})
    database = PostgresDatabase(
        url.set(query=options), read_only=read_only, connections=connections
    )
    return _opened(database, app, durability)


def _opened(database: Any, app: str, durability: Durability) -> SqlStore:
    from .migrating import migrate
    from .store import SqlStore

    database.connect().close()  # what is wrong with the way there is said before anything else
    migrate(database)
    return SqlStore(database, app=app, durability=durability)


def _url(scheme: str, location: str, *, extra: str) -> sa.URL:
    try:
        import sqlalchemy as sa
        from sqlalchemy.exc import ArgumentError
    except ImportError:
        raise MissingExtra("A store in a SQL database", "sqlalchemy", extra) from None
    if _EMPTY_APP.search(location):  # SQLAlchemy would let it pass as not given
        raise _wrong("has an `app` that is empty")
    try:
        return sa.make_url(f"{scheme}://{location}")
    except (ArgumentError, ValueError):
        raise _wrong("cannot be read: see that special characters are written as %XX") from None


def _taken_app(options: dict[str, Any]) -> str:
    app = options.pop("app", DEFAULT_APP)
    if not isinstance(app, str) or _APP.fullmatch(app) is None:
        raise _wrong(
            "has an `app` that is no name: up to 63 letters, digits, dots, hyphens and underscores"
        )
    return app


def _taken_number(options: dict[str, Any], name: str, default: int, most: int) -> int:
    text = options.pop(name, str(default))
    if not isinstance(text, str) or not text.isdecimal() or not 1 <= int(text) <= most:
        raise _wrong(f"has a `{name}` that is no whole number from 1 to {most}")
    return int(text)


def _refuse_others(options: dict[str, Any]) -> None:
    if options:
        raise _wrong(f"has an option that is not known: {', '.join(sorted(options))}")


def _wrong(rule: str) -> InvalidInput:
    return InvalidInput(
        "store", f"the URL {rule}.", "Write sqlite:///users.db or postgresql+psycopg://user@host/db"
    )


def _begin(path: Path) -> None:
    """Make the file, for its owner only, if it is not there; SQLite would let everybody read it."""
    with suppress(FileExistsError, OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
