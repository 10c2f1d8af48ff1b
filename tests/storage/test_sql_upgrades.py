"""A database of each older form opens; a step to a newer form is made once, and keeps everything.

`fixtures/DATABASE-FORM.sql` is what a store of that form held after the changes of `small_store`.
"""

from __future__ import annotations

import shutil
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from postgres import Postgres
from small_store import CHANGES, happened, put, seen
from sql_opener import open_url

from admit.errors import StoreReadOnly, StoreTooNew
from admit.storage.sql.database import Database
from admit.storage.sql.migrating import MIGRATIONS, migrate
from admit.storage.sql.postgresql import PostgresDatabase
from admit.storage.sql.sqlite import SqliteDatabase
from admit.stores import Change
from admit.testing import MemoryStore
from admit.upkeep import Upkeep

FIXTURES = Path(__file__).parent / "fixtures"

_STEP = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

def upgrade():
    op.add_column("admit_record", sa.Column("note", sa.Text))
    op.execute("UPDATE admit_record SET note = kind || '!'")
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of the first form."""
    dump = (FIXTURES / f"{request.param}-0001.sql").read_text(encoding="utf-8")
    if request.param == "sqlite":
        with closing(sqlite3.connect(tmp_path / "users.db")) as connection:
            connection.executescript(dump)
        return f"sqlite:///{tmp_path}/users.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    database = postgres.new_database()
    database.run(dump)
    return f"postgresql+psycopg://{database.location('app')}"


@pytest.fixture
def newer_migrations(tmp_path: Path) -> Path:
    """The migrations, and one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, symlinks=False)
    (folder / "versions" / "v0002_note.py").write_text(_STEP)
    return folder


def _database(url: str, *, read_only: bool = False) -> Database:
    where = sa.make_url(url)
    if where.drivername == "sqlite":
        assert where.database is not None
        return SqliteDatabase(Path(where.database), read_only=read_only)
    query = {name: value for name, value in where.query.items() if name != "app"}
    return PostgresDatabase(where.set(query=query), read_only=read_only)


def test_a_database_of_the_first_form_opens_and_goes_on(url: str) -> None:
    """Given a database that a store of the first form left, when it is opened, then it holds what
    was put then, nothing is amiss, and more can be written."""
    expected = MemoryStore()
    for change in CHANGES:
        expected.commit(change)

    with closing(open_url(url, read_only=True)) as reader:
        assert seen(expected) == seen(reader)
    with closing(open_url(url)) as store:
        assert isinstance(store, Upkeep)
        more = Change(put=(put(1, 3),), events=(happened(110, user=1, version=3),))
        for each in (expected, store):
            each.commit(more)
        assert seen(expected) == seen(store)
        assert list(store.faults()) == []


def test_a_step_to_a_newer_form_is_made_once_by_whoever_comes_first(
    url: str, newer_migrations: Path
) -> None:
    """Given a database of an older form, when four open it at once with a version that knows one
    step more, then it is made once, nothing is lost, and the older version refuses it."""
    errors: list[BaseException] = []
    together = threading.Barrier(4)

    def upgrade() -> None:
        try:
            together.wait(timeout=30)
            migrate(_database(url), head="0002", migrations=newer_migrations)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    engine = _database(url).engine()
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT note FROM admit_record").fetchall()
        assert [("user!",)] * 4 == [tuple(row) for row in rows]
        version = connection.exec_driver_sql("SELECT version_num FROM admit_schema").scalar()
        assert version == "0002"
    with pytest.raises(StoreTooNew, match="0002"):
        open_url(url)


def test_an_older_form_is_not_changed_by_who_only_reads(url: str, newer_migrations: Path) -> None:
    """Given a database of an older form, when it is opened to read only with a newer version, then
    StoreReadOnly, and it stays as it is."""
    with pytest.raises(StoreReadOnly, match="older form 0001"):
        migrate(_database(url, read_only=True), head="0002", migrations=newer_migrations)

    open_url(url).close()


def test_a_step_that_fails_changes_nothing(url: str, newer_migrations: Path) -> None:
    """Given a step that fails after it has changed a table, when it is tried, then what it raised,
    and the database is of the older form still and opens."""
    step = newer_migrations / "versions" / "v0002_note.py"
    step.write_text(_STEP + '    raise RuntimeError("no room for notes")\n')

    with pytest.raises(RuntimeError, match="no room"):
        migrate(_database(url), head="0002", migrations=newer_migrations)

    with closing(open_url(url)) as store:
        assert store.get("user", put(1).id) is not None
