"""Servers that stop, processes that are killed, files that are locked: nothing acknowledged is
lost, and nothing happens twice."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import sql_writer
from postgres import Postgres, running
from small_store import id_of, put
from sql_opener import open_url
from told_flow import ToldFlow

from admit import Engine, Entry, Outcome
from admit.errors import (
    AddressTaken,
    FateUnknown,
    FlowFailed,
    StoreError,
    StoreUnreachable,
)
from admit.storage.sql.connections import Connections
from admit.storage.sql.sqlite import SqliteDatabase
from admit.stores import Change, Ref
from admit.testing import open as open_engine
from admit.upkeep import Upkeep


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that the test may stop."""
    with running() as server:
        yield server


def _process(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, sql_writer.__file__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(sql_writer.__file__).parent,
    )


def _check(url: str, acknowledged: list[str]) -> int:
    """Check that each of these is there, confirmed, and that all fits together; return how many
    users there are."""
    with closing(open_url(url)) as store:
        assert isinstance(store, Upkeep)
        assert list(store.faults()) == []
        keys = [f"local-userpass:{address}" for address in acknowledged]
        found = {key: store.find(key) for key in keys}
        assert [] == [key for key, record in found.items() if record is None]
        assert {"confirmed"} == {record.body["state"] for record in found.values() if record}
        with store.view() as view:
            users = list(view.records("user"))
            keyed = [key for user in users for key in user.keys]
        assert len(keyed) == len(set(keyed)) == len(users)
    with sql_writer.open_engine(url) as engine:
        assert engine.events.verify().problems == ()
    return len(users)


def test_killed_processes_lose_nothing_that_they_acknowledged(
    url: str, request: pytest.FixtureRequest, count: Callable[[str, int], None]
) -> None:
    """Given processes that register users from three threads, when they are killed one after the
    other in the middle of it, then every user acknowledged is there, once, and all fits."""
    kills = 100 if request.config.getoption("--full") else 5
    acknowledged: list[str] = []
    for kill in range(kills):
        with _process("for-ever", url, f"k{kill}") as process:
            assert process.stdout is not None
            for line in itertools.islice(process.stdout, 10 + kill * 7 % 40):
                acknowledged.append(line.strip())
            process.kill()
            acknowledged += [line.strip() for line in process.stdout if line.endswith("\n")]

    users = _check(url, acknowledged)

    assert len(acknowledged) >= 10 * kills
    assert users >= len(acknowledged)
    count("kills -9 of processes that write to a SQL store", kills)
    count("acknowledged registrations checked after kills, in SQL stores", len(acknowledged))


def test_processes_that_race_for_an_address_make_one_user_of_it(
    url: str, count: Callable[[str, int], None]
) -> None:
    """Given four processes, when they register the same addresses at once, then each address has
    one owner, who is the one that was told so."""
    open_url(url).close()
    turns = 25
    with ExitStack() as stack:
        racers = [stack.enter_context(_process("race", url, str(n), str(turns))) for n in range(4)]
        assert ["ready\n"] * 4 == [racer.stdout.readline() for racer in racers if racer.stdout]
        said = [racer.communicate("go\n", timeout=60)[0].split("\n") for racer in racers]

    won = [line.split()[1] for lines in said for line in lines if line.startswith("won")]
    assert sorted(map(str, range(turns))) == sorted(won), said
    assert turns == _check(url, [f"turn-{n}@example.com" for n in range(turns)])
    count("races of processes for an address, in SQL stores", turns)


def test_a_server_that_is_restarted_in_the_middle_loses_nothing(
    own_postgres: Postgres, count: Callable[[str, int], None]
) -> None:
    """Given four threads that register users, when the server is stopped at once and started again,
    three times, then the threads go on, each user acknowledged is there, and none is there twice;
    what was refused may be asked for again."""
    url = f"postgresql+psycopg://{own_postgres.location('app')}"
    done = threading.Event()
    acknowledged: list[str] = []
    refused: list[str] = []

    def register(engine: Engine, thread: int) -> None:
        for number in itertools.count():
            if done.is_set():
                return
            address = f"t{thread}-{number}@example.com"
            for _ in range(500):
                try:
                    engine.register(address, sql_writer.PASSWORD)
                except AddressTaken:
                    break  # it was registered when its connection was lost
                except (StoreError, FlowFailed):
                    refused.append(address)
                    done.wait(0.02)
                else:
                    acknowledged.append(address)
                    break

    with sql_writer.open_engine(url) as engine:
        threads = [threading.Thread(target=register, args=(engine, n)) for n in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            before = len(acknowledged)
            while len(acknowledged) < before + 20:
                done.wait(0.01)
            own_postgres.control("restart", "-m", "immediate")
        before = len(acknowledged)
        while len(acknowledged) < before + 20:
            done.wait(0.01)
        done.set()
        for thread in threads:
            thread.join()

    assert len(acknowledged) >= 80
    assert len(acknowledged) == len(set(acknowledged))
    with closing(open_url(url)) as store:
        assert isinstance(store, Upkeep)
        assert list(store.faults()) == []
        keys = [f"local-userpass:{address}" for address in acknowledged]
        assert [] == [key for key in keys if store.find(key) is None]
    count("restarts of PostgreSQL by `-m immediate` amid registrations", 3)
    count("registrations refused meanwhile, and asked for again", len(refused))


def test_a_crash_that_takes_an_unsettled_commit_is_told_at_the_next_settling(
    own_postgres: Postgres,
) -> None:
    """Given a server that writes its log late, when it crashes after a commit that was not settled,
    then that is gone, and settling says so, once; what was settled before is there."""
    own_postgres.run("ALTER SYSTEM SET wal_writer_delay = '10s'")
    own_postgres.control("restart", "-m", "fast")
    with closing(open_url(f"postgresql+psycopg://{own_postgres.location('app')}")) as store:
        store.commit(Change(put=(put(1),)))
        store.commit(Change(put=(put(2),)), settle=False)
        assert store.get("user", id_of(2)) is not None

        own_postgres.control("restart", "-m", "immediate")

        assert store.get("user", id_of(2)) is None
        with pytest.raises(FateUnknown):
            store.settle()
        store.settle()
        assert store.get("user", id_of(1)) is not None


def test_connections_that_an_administrator_ends_are_made_anew(postgres: Postgres) -> None:
    """Given threads that commit, when all connections are ended again and again, then each commit
    is either acknowledged and there, or refused by an error of ours."""
    database = postgres.new_database()
    done = threading.Event()
    told: dict[int, bool] = {}
    with closing(open_url(f"postgresql+psycopg://{database.location('app')}")) as store:

        def write(thread: int) -> None:
            for n in range(300):
                number = thread * 1000 + n
                try:
                    store.commit(Change(put=(put(number),)))
                    told[number] = True
                except StoreError:
                    told[number] = False

        threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            database.run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            done.wait(0.05)

        kept = [number for number, was_told in told.items() if was_told]
        assert len(told) == 1200
        assert len(kept) > 600
        assert None not in store.get_many([Ref("user", id_of(number)) for number in kept])
        assert isinstance(store, Upkeep)
        assert list(store.faults()) == []


def test_a_file_that_another_writer_holds_is_said_to_be_and_used_when_it_is_free(
    tmp_path: Path,
) -> None:
    """Given a SQLite file in which somebody else holds a transaction, when a commit has waited for
    as long as it may, then StoreError says so and nothing is written; reads go on; later commits
    work."""
    path = tmp_path / "users.db"
    with closing(open_url(f"sqlite:///{path}?busy_seconds=1")) as store:
        store.commit(Change(put=(put(1),)))
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="Another writer has held users.db for 1 second"):
                store.commit(Change(put=(put(2),)))
            assert store.get("user", id_of(1)) is not None
            other.execute("ROLLBACK")

        assert store.get("user", id_of(2)) is None
        store.commit(Change(put=(put(2),)))


def test_who_finds_no_free_connection_is_told_how_to_allow_more(tmp_path: Path) -> None:
    """Given one connection, in use, when another thread has waited for one as long as it may, then
    StoreUnreachable names the setting; when it is given back, it is there."""
    database = SqliteDatabase(tmp_path / "users.db", read_only=False)
    connections = Connections(database.connect, 1, patience_seconds=0.05)
    link = connections.take()

    with pytest.raises(StoreUnreachable, match="connections="):
        connections.take()

    connections.give(link)
    assert link is connections.take()
    connections.drop(link)
    connections.close()


def test_opening_waits_for_who_is_writing_a_file_that_has_no_log_yet(tmp_path: Path) -> None:
    """Given a SQLite file without a log, held by a writer for a moment, when a store is opened
    there, then it waits and opens."""
    path = tmp_path / "users.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE theirs (a)")
    other.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(0.2, lambda: other.execute("COMMIT"))
    release.start()

    with closing(open_url(f"sqlite:///{path}")) as store:
        store.commit(Change(put=(put(1),)))

    release.join()
    other.close()


# --- a database that is away ----------------------------------------------------------------------


def test_a_database_that_is_away_is_unreachable_until_it_is_back(own_postgres: Postgres) -> None:
    """Given an engine whose server is stopped, when a verb is called, then StoreUnreachable, "try
    later", and when the server is back, the same call succeeds; opening says the same."""
    url = f"postgresql+psycopg://{own_postgres.location('app')}"
    with sql_writer.open_engine(url) as engine:
        own_postgres.control("stop", "-m", "fast")
        with pytest.raises(StoreUnreachable, match="could not be reached") as away:
            engine.register("ada@example.com", sql_writer.PASSWORD)
        with pytest.raises(StoreUnreachable):
            open_url(url)
        with pytest.raises(StoreUnreachable):
            engine.work_once()
        own_postgres.control("start")

        ada = engine.register("ada@example.com", sql_writer.PASSWORD)

        assert ada.id == engine.users.find("ada@example.com").id
    assert 5 == away.value.exit_code


def test_who_registers_while_the_database_goes_away_is_told_that_the_user_is_kept(
    own_postgres: Postgres,
) -> None:
    """
    Given a flow during which the server stops, after the first commit,
    when somebody registers,
    then the error carries the user, who is pending when the server is back, and a re-run carries
    on.
    """
    url = f"postgresql+psycopg://{own_postgres.location('app')}"
    told = ToldFlow()

    def go_away(entry: Entry) -> Outcome:
        own_postgres.control("stop", "-m", "fast")
        return Outcome.pending()

    told.act = go_away
    settings = {"confirmation_flow": "told"}
    with open_engine(open_url(url), plugins=[told], settings=settings) as engine:
        with pytest.raises(FlowFailed, match="could not be written") as failed:
            engine.register("ada@example.com", sql_writer.PASSWORD)

        own_postgres.control("start")
        assert "answer-lost" == failed.value.error_code
        ada = engine.users.find("ada@example.com")
        assert (failed.value.user.id, "pending") == (ada.id, ada.state)
        told.act = lambda _: Outcome.success()
        assert "confirmed" == engine.rerun(ada).state
