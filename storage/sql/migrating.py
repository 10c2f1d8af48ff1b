"""Bringing a database to the form that this version knows, whoever else opens it at this moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError

from admit.errors import StoreDamaged, StoreReadOnly, StoreTooNew

from .database import Database
from .tables import META

HEAD: Final = "0001"
"""The newest step in `migrations`."""
MIGRATIONS: Final = Path(__file__).parent / "migrations"

_VERSION_TABLE: Final = sa.table("admit_schema", sa.column("version_num"))
_LOCK: Final = "migrating"
_TRIES: Final = 20


def migrate(database: Database, *, head: str = HEAD, migrations: Path = MIGRATIONS) -> None:
    """See that the tables are there, in the newest form: make them, or change older ones.

    Raises:
        StoreTooNew: a newer version of admit made or changed them. Nothing was changed.
        StoreReadOnly: they are not there, or older, and may not be written.
    """
    engine = database.engine()
    try:
        with engine.connect() as connection:
            version = _version(connection)
            if version == head:
                return
            _check(version, head, database)
        _make_lock(engine)
        with engine.connect() as connection, _alone(connection):
            version = _version(connection)
            _check(version, head, database)
            if version != head:  # nobody else was quicker
                _upgrade(connection, migrations)
    except DBAPIError as error:
        driver_said = error.orig if isinstance(error.orig, Exception) else error
        raise database.refusal(driver_said, doing="make its tables") from None
    finally:
        engine.dispose()


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION_TABLE.name):
        return None
    versions = list(connection.scalars(sa.select(_VERSION_TABLE.c.version_num)))
    if len(versions) > 1:
        raise StoreDamaged("The table admit_schema names more than one form.")
    return versions[0] if versions else None


def _check(version: str | None, head: str, database: Database) -> None:
    if version is not None and version > head:
        raise StoreTooNew(
            f"The tables in {database.name} have the form {version}; this version of admit knows"
            f" forms up to {head}.",
            "Install a newer admit.",
        )
    if version != head and database.read_only:
        what = "no tables of admit" if version is None else f"tables of the older form {version}"
        raise StoreReadOnly(f"{database.name} has {what}.", "Open it for writing once.")


def _make_lock(engine: sa.Engine) -> None:
    """See that there is a row to lock. Two who make the table at once may both be refused it."""
    for attempt in range(_TRIES):
        try:
            with engine.connect() as connection:
                META.create(connection, checkfirst=True)
                if not connection.scalar(sa.select(META.c.value).where(*_lock_row())):
                    row = sa.insert(META).values(app="", name=_LOCK, value=1)
                    connection.execute(row)
            return
        except (IntegrityError, ProgrammingError, OperationalError):
            if attempt == _TRIES - 1:
                raise
            time.sleep(0.05)


def _lock_row() -> tuple[sa.ColumnElement[bool], ...]:
    return META.c.app == "", META.c.name == _LOCK


@contextmanager
def _alone(connection: sa.Connection) -> Iterator[None]:
    """Hold a transaction in which nobody else can be at this point; commit it at the end."""
    is_sqlite = connection.dialect.name == "sqlite"
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_sqlite else "BEGIN")
    connection.execute(sa.select(META.c.value).where(*_lock_row()).with_for_update())
    yield
    connection.exec_driver_sql("COMMIT")


def _upgrade(connection: sa.Connection, migrations: Path) -> None:
    from alembic import command  # 100 ms that an opening of tables that fit does not need
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
