"""Opening a SQL store: its URL, its tables, and who else opens it at the same moment."""

from __future__ import annotations

import functools
import sqlite3
import stat
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import sql_opener
import sqlalchemy as sa
from postgres import Postgres
from small_store import id_of, put
from sql_opener import open_url

import admit
from admit.errors import InvalidInput, StoreError, StoreReadOnly, StoreTooNew
from admit.storage.sql.migrating import HEAD, MIGRATIONS
from admit.storage.sql.tables import METADATA
from admit.stores import Change, Ref

_KEY = b"k" * 32


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database in which nothing is yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/users.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    return f"postgresql+psycopg://{postgres.new_database().location('shop')}"


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(url.replace("&app=shop", ""), poolclass=sa.pool.NullPool)


def test_an_engine_opens_a_sql_store_by_its_url(url: str) -> None:
    """Given the URL of an empty database, when an engine is opened there twice, then the second
    finds what the first registered."""
    with admit.open(url, key=_KEY, settings={"confirmation_flow": "auto"}) as engine:
        ada = engine.register("ada@example.com", "correct horse battery staple")

    with admit.open(url, key=_KEY) as again:
        assert "confirmed" == ada.state == again.users.get(ada.id).state


def test_applications_of_one_database_do_not_see_each_other(url: str) -> None:
    """Given a database, when two applications put a user with one id and one key, then each has its
    own."""
    separator = "&" if "?" in url else "?"
    urls = [f"{url}{separator}app={app}".replace("app=shop&", "") for app in ("one", "two")]
    with closing(open_url(urls[0])) as one, closing(open_url(urls[1])) as two:
        one.commit(Change(put=(put(1, n=1),)))
        assert two.find("key:1") is None
        two.commit(Change(put=(put(1, n=2),)))

        bodies = [store.get("user", id_of(1)) for store in (one, two)]
        assert [1, 2] == [record.body["n"] for record in bodies if record is not None]


def test_processes_that_open_a_new_database_at_once_all_get_it(url: str) -> None:
    """Given an empty database, when four processes open it at once and write, then one of them
    makes the tables and everything is kept."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, sql_opener.__file__, url, str(100 * n), "5"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    cwd=Path(sql_opener.__file__).parent,
                )
            )
            for n in range(1, 5)
        ]
        assert ["ready\n"] * 4 == [p.stdout.readline() for p in processes if p.stdout]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [""] * 4 == [process.communicate(timeout=60)[1] for process in processes]

    with closing(open_url(url, read_only=True)) as store:
        refs = [Ref("user", id_of(100 * n + k)) for n in range(1, 5) for k in range(5)]
        assert None not in store.get_many(refs)


def test_the_steps_lead_to_the_tables_that_the_store_uses(url: str) -> None:
    """Given a database made by the migrations, when Alembic compares it with the tables, then there
    is no difference, and the newest step is the one that the store knows."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    open_url(url).close()

    with _engine(url).connect() as connection:
        options = {"version_table": "admit_schema"}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA) == []
        assert HEAD == context.get_current_revision()
    assert HEAD == ScriptDirectory(str(MIGRATIONS)).get_current_head()


def test_tables_of_a_newer_version_are_refused_and_left_alone(url: str) -> None:
    """Given tables of a form to come, when the store is opened, to write or to read, then
    StoreTooNew."""
    open_url(url).close()
    with _engine(url).begin() as connection:
        connection.exec_driver_sql("UPDATE admit_schema SET version_num = '9999'")

    for read_only in (False, True):
        with pytest.raises(StoreTooNew, match="9999"):
            open_url(url, read_only=read_only)


def test_a_database_without_tables_is_not_made_by_who_only_reads(url: str) -> None:
    """Given an empty database, when it is opened to read only, then StoreReadOnly, and there are
    still no tables."""
    if "sqlite" in url:
        _engine(url).connect().close()

    with pytest.raises(StoreReadOnly, match="Open it for writing once"):
        open_url(url, read_only=True)

    assert [] == sa.inspect(_engine(url)).get_table_names()


def test_a_file_that_is_not_there_is_not_made_by_who_only_reads(tmp_path: Path) -> None:
    """Given no file, when it is opened to read only, then StoreReadOnly and there is still none."""
    with pytest.raises(StoreReadOnly, match="is not there"):
        open_url(f"sqlite:///{tmp_path}/users.db", read_only=True)

    assert list(tmp_path.iterdir()) == []


def test_a_settled_commit_is_synced_and_readers_do_not_wait_for_writers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a new SQLite store, when it commits settled, not settled, and settled again, then
    SQLite is told before each whether to sync; its log stands beside the file, and what was
    committed is read while a writer is at it."""
    said: list[str] = []

    class Told(sqlite3.Connection):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.set_trace_callback(said.append)

    monkeypatch.setattr(sqlite3, "connect", functools.partial(sqlite3.connect, factory=Told))
    path = tmp_path / "users.db"
    with closing(open_url(f"sqlite:///{path}")) as store:
        for number, settle in enumerate([True, False, True], 1):
            store.commit(Change(put=(put(number),)), settle=settle)
        writer = sqlite3.connect(path, isolation_level=None)
        with closing(writer):
            writer.execute("BEGIN IMMEDIATE")
            there = [store.get("user", id_of(number)) is not None for number in range(1, 5)]
            writer.execute("ROLLBACK")
            journal = writer.execute("PRAGMA journal_mode").fetchone()[0]

    modes, levels = list[str](), list[str]()
    for text in said:
        if text.startswith("PRAGMA synchronous="):
            modes.append(text.removeprefix("PRAGMA synchronous="))
        elif text.startswith("INSERT INTO admit_record"):
            levels.append(modes[-1])
    assert ["FULL", "NORMAL", "FULL"] == levels
    assert [True, True, True, False] == there
    assert "wal" == journal


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    """Given an open SQLite store, then nobody else may read its files."""
    with closing(open_url(f"sqlite:///{tmp_path}/users.db")):
        modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}

    assert {0o600} == modes


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("sqlite://users.db", "three slashes"),
        ("sqlite:///:memory:", "must name a file"),
        ("sqlite:///users.db?app=a/b", "`app`"),
        ("sqlite:///users.db?app=a&app=b", "`app`"),
        ("sqlite:///users.db?connections=0", "`connections`"),
        ("sqlite:///users.db?busy_seconds=soon", "`busy_seconds`"),
        ("sqlite:///users.db?mode=fast", "mode"),
        ("postgresql://hal:s3same@host:port/db", "cannot be read"),
        ("postgresql+psycopg://hal:s3same@host/db?app=", "`app`"),
        ("postgresql+psycopg://hal:s3same@host/db?connections=many", "`connections`"),
        ("postgresql+psycopg://hal:s3same@host/db?nonsense=1", "nonsense"),
    ],
)
def test_a_url_that_is_wrong_is_said_to_be_and_not_shown(url: str, what: str) -> None:
    """Given a wrong URL, when an engine is opened there, then the error names the field and what is
    wrong, and shows no password."""
    with pytest.raises(admit.AdmitError) as refused:
        admit.open(url, key=_KEY)

    if isinstance(refused.value, InvalidInput):
        assert "store" == refused.value.field
    assert what in str(refused.value)
    assert "s3same" not in str(refused.value)


def test_a_server_that_cannot_be_reached_is_said_to_be(postgres: Postgres) -> None:
    """Given a database that is not there, when a store is opened there with a password, then
    StoreError names it and shows no password."""
    location = f"hal:s3same@/nowhere?host={postgres.folder}"

    with pytest.raises(StoreError) as refused:
        open_url(f"postgresql+psycopg://{location}")

    assert "nowhere" in str(refused.value)
    assert "s3same" not in f"{refused.value}{refused.value!r}"


def test_a_store_shows_no_password(postgres: Postgres) -> None:
    """Given an open store whose URL has a password, when it is printed, then it is not there."""
    location = postgres.location("shop").replace("postgres@", "postgres:s3same@")
    with closing(open_url(f"postgresql+psycopg://{location}")) as store:
        assert "s3same" not in repr(store)
        assert store.path is None


def test_what_is_not_used_is_not_loaded() -> None:
    """Given a new process, when admit and its stores are imported, then no SQL library is."""
    code = (
        "import sys; before = set(sys.modules);"  # whoever measures this process has loaded some
        "import admit, admit.storage.sql.opening; loaded = set(sys.modules) - before;"
        "print(sorted({'sqlalchemy', 'alembic', 'psycopg', 'sqlite3'} & loaded))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
