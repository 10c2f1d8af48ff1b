"""Databases that are full, and transactions that others are in the way of."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from postgres import Postgres
from small_store import happened, id_of, put
from sql_opener import open_url

from admit.errors import StoreError, StoreFull
from admit.storage.sql.migrating import migrate
from admit.storage.sql.postgresql import PostgresDatabase
from admit.storage.sql.sqlite import SqliteDatabase
from admit.storage.sql.store import SqlStore
from admit.stores import Change, Ref


def test_a_full_sqlite_file_is_said_to_be_and_used_when_there_is_room(tmp_path: Path) -> None:
    """
    Given a SQLite file that may not have one page more – SQLite says the same of a full disk –,
    when something large is committed,
    then StoreFull, nothing of it is there and reads go on; with room, the same commit is taken.
    """
    database = _Bounded(tmp_path / "users.db", read_only=False)
    migrate(database)
    with closing(SqlStore(database, app="app")) as store:
        store.commit(Change(put=(put(1),)))
        large = Change(put=(put(2, pad="x" * 500_000), put(3)), events=(happened(9, user=2),))
        database.bound(full=True)

        with pytest.raises(StoreFull, match="full"):
            store.commit(large)

        assert [None, None] == [store.get("user", id_of(2)), store.get("event", id_of(9))]
        assert (1, []) == (store.count("user", "all"), list(store.faults()))
        database.bound(full=False)
        store.commit(large)
        assert (3, []) == (store.count("user", "all"), list(store.faults()))


class _Bounded(SqliteDatabase):
    """A file that has as many pages as it may have, while a test says so."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._opened: list[sqlite3.Connection] = []

    def _open(self) -> sqlite3.Connection:
        connection = super()._open()
        self._opened.append(connection)
        return connection

    def bound(self, *, full: bool) -> None:
        most = 1 if full else 2**32 - 2  # of less than there are, SQLite makes what there are
        for connection in self._opened:
            with suppress(sqlite3.ProgrammingError):  # it is closed
                connection.execute(f"PRAGMA max_page_count={most}")


# --- others in the way --------------------------------------------------------------------------


def _trigger(server: Postgres, body: str) -> None:
    """Let the server do something before each record is written."""
    server.run(
        "CREATE FUNCTION in_the_way() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {body} RETURN NEW; END $$"
    )
    server.run(
        "CREATE TRIGGER in_the_way BEFORE INSERT OR UPDATE ON admit_record"
        " FOR EACH ROW EXECUTE FUNCTION in_the_way()"
    )


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_transaction_that_the_server_gave_up_is_made_again(postgres: Postgres, code: str) -> None:
    """Given a server that gives up the first two tries of each record, as one does whose
    transactions do not fit together, when something is committed, then it is made again, and there
    once."""
    database = postgres.new_database()
    with closing(open_url(f"postgresql+psycopg://{database.location('app')}")) as store:
        database.run("CREATE SEQUENCE tries")  # what it counts is not rolled back
        _trigger(
            database,
            f"IF nextval('tries') < 3 THEN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END IF;",
        )

        store.commit(Change(put=(put(1),), events=(happened(9, user=1),)))

        assert "3" == database.run("SELECT last_value FROM tries")
        record = store.get("user", id_of(1))
        assert record is not None
        assert (1, 1) == (record.version, len(store.events(user=id_of(1)).items))


def test_a_transaction_that_is_given_up_for_ever_is_not_tried_for_ever(postgres: Postgres) -> None:
    """Given a server that gives up every transaction, when something is committed, then it is tried
    for a time, and then StoreError with the server's code; nothing is there."""
    database = postgres.new_database()
    bounded = PostgresDatabase(
        sa.make_url(f"postgresql+psycopg://{database.location('app')}").difference_update_query(
            ["app"]
        ),
        read_only=False,
        patience_seconds=0.3,
    )
    migrate(bounded)
    with closing(SqlStore(bounded, app="app")) as store:
        _trigger(database, "RAISE EXCEPTION 'no' USING ERRCODE = '40001';")

        with pytest.raises(StoreError, match="40001"):
            store.commit(Change(put=(put(1),)))

        assert store.get("user", id_of(1)) is None


def test_a_real_deadlock_with_another_client_is_survived(postgres: Postgres) -> None:
    """
    Given a client that locks user 2, while a commit has written user 1 and waits for user 2,
    when that client then wants user 1,
    then the server ends one of the two, and the commit of the store is there, whole.
    """
    database = postgres.new_database()
    url = f"postgresql+psycopg://{database.location('app')}"
    with closing(open_url(url)) as store, closing(psycopg.connect(_dsn(database))) as other:
        store.commit(Change(put=(put(1), put(2))))
        store.get_many([Ref("user", id_of(1)), Ref("user", id_of(2))])
        lock = "SELECT 1 FROM admit_record WHERE id = %s FOR UPDATE"
        other.execute("SET deadlock_timeout = '20ms'")
        other.execute(lock, (bytes.fromhex(id_of(2)),))
        change = Change(put=(put(1, 2, state="confirmed"), put(2, 2, state="confirmed")))
        committing = threading.Thread(target=store.commit, args=(change,))
        committing.start()
        _until(database, "Lock/")

        with pytest.raises(psycopg.errors.DeadlockDetected):
            other.execute(lock, (bytes.fromhex(id_of(1)),))
        other.rollback()
        committing.join()

        found = store.get_many([Ref("user", id_of(1)), Ref("user", id_of(2))])
        assert [2, 2] == [record.version for record in found if record is not None]


def test_a_commit_that_the_server_chose_to_end_a_deadlock_is_made_again(
    postgres: Postgres,
) -> None:
    """Given another client that waits for user 1 when the store comes to want user 2, which that
    client holds, when the server ends the store's transaction, then it is made again, as soon as
    the other client is done."""
    database = postgres.new_database()
    database.run(f"ALTER DATABASE {database.database} SET deadlock_timeout = '20ms'")
    url = f"postgresql+psycopg://{database.location('app')}"
    with closing(open_url(url)) as store, closing(psycopg.connect(_dsn(database))) as other:
        store.commit(Change(put=(put(1), put(2))))
        database.run("CREATE SEQUENCE tries")
        _trigger(
            database,
            f"IF NEW.id = decode('{id_of(1)}', 'hex') THEN"
            " PERFORM nextval('tries'), pg_sleep(0.5); END IF;",
        )
        lock = "SELECT 1 FROM admit_record WHERE id = %s FOR UPDATE"
        other.execute("SET deadlock_timeout = '60s'")
        other.execute(lock, (bytes.fromhex(id_of(2)),))
        change = Change(put=(put(1, 2, state="confirmed"), put(2, 2, state="confirmed")))
        committing = threading.Thread(target=store.commit, args=(change,))
        committing.start()
        _until(database, "Timeout/PgSleep")

        other.execute(lock, (bytes.fromhex(id_of(1)),))  # had when the store's try was ended
        other.rollback()
        committing.join()

        found = store.get_many([Ref("user", id_of(1)), Ref("user", id_of(2))])
        assert [2, 2] == [record.version for record in found if record is not None]
        assert int(database.run("SELECT last_value FROM tries")) >= 2


def _until(database: Postgres, waits_for: str) -> None:
    """Return when a session of this database waits for this."""
    ask = (
        "SELECT wait_event_type || '/' || wait_event FROM pg_stat_activity"
        " WHERE datname = current_database()"
    )
    while waits_for not in database.run(ask):
        pass


def _dsn(database: Postgres) -> str:
    return f"host={database.folder} user=postgres dbname={database.database}"
