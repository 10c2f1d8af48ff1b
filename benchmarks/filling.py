"""Users for a store to hold, and ways to bring a million of them in.

A store is filled by `restore`, the way that `admit store copy` goes. A SQL store gets the very rows
that `restore` would write, by a shorter way: SQLite in one transaction without a journal, with all
pages in memory; PostgreSQL by COPY, its indexes made afterwards. Nobody needs half of it, if it is
killed. What is left is what commits would leave, but that all events are sealed, and that indexes
made afterwards are packed closer.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, Final

from admit.stores import Label, NewEvent, Put, Record, Ref, StoredEvent

_BATCH: Final = 2_000
_CACHE_KIB: Final = 4 << 20

Part = tuple[list[Record], list[StoredEvent]]


def id_of(number: int, what: int = 0) -> str:
    """Return the id of a user, or of one of its events: in no order, as ids are."""
    return hashlib.sha256(b"%d %d" % (number, what)).hexdigest()[:24]


def when(number: int) -> str:
    """Return a time of a user: users of all numbers are mixed."""
    return f"2026-11-{number % 28 + 1:02}T10:00:00.{number:08}Z"


def user(number: int, version: int = 1) -> Put:
    """Return the write of a user as large as one who was confirmed."""
    id, name, at = id_of(number), f"user{number}@example.com", when(number)
    state = "confirmed" if number % 10 else "pending"
    run = {"id": id_of(number, 7), "purpose": "registration", "flow": "email", "result": "success"}
    body = {
        "id": id,
        "state": state,
        "username": name,
        "created_at": at,
        "changed_at": at,
        "runs": [run | {"started_at": at, "finished_at": at}],
        "data": {"name": "Ada Lovelace", "visits": version},
    }
    labels = (Label("all", at), Label(f"state:{state}", at))
    return Put("user", id, body, version - 1 or None, (f"username:{name}",), labels)


def event(number: int, what: int) -> NewEvent:
    """Return an event of a user."""
    body = {"at": when(number), "trigger": "confirm", "previous": "a" * 64, "digest": "b" * 64}
    return NewEvent(id_of(number, what), body, id_of(number), what, {"to": f"user{number}"})


def fill(store: Any, users: int) -> None:
    """Bring *users* with three events each into an empty store that nobody else has open.

    A SQLite store is closed by this.
    """
    database = getattr(store, "_database", None)
    if database is None:
        for records, events in _parts(users):
            store.restore(records, events)
        store.compact()
    elif database.path is None:
        _fill_server(store, users)
        store.compact()
    else:
        store.close()
        _fill_file(store, users)


def _fill_file(store: Any, users: int) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as connection:
        for setting in ("journal_mode=DELETE", "journal_mode=OFF", f"cache_size=-{_CACHE_KIB}"):
            connection.execute(f"PRAGMA {setting}").fetchall()
        connection.execute("BEGIN IMMEDIATE")
        for steps in _steps(store, users):
            for step in steps:
                connection.executemany(step.statement.text, step.rows)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL").fetchall()


def _fill_server(store: Any, users: int) -> None:
    from admit.storage.sql.tables import EVENT, KEY, LABEL, RECORD

    statements, care = store._statements, store._care
    tables = {
        statements.insert_record.text: RECORD,
        statements.insert_key.text: KEY,
        statements.insert_label.text: LABEL,
        care.restore_event.text: EVENT,
    }
    with store._database.engine().begin() as connection:
        raw = connection.connection.driver_connection
        for table in tables.values():
            for index in table.indexes:
                index.drop(connection)
            connection.exec_driver_sql(
                f"ALTER TABLE {table.name} DROP CONSTRAINT {table.name}_pkey"
            )
        for steps in _steps(store, users):
            for step in steps:
                names = list(step.rows[0])
                into = f"{tables[step.statement.text].name} ({', '.join(names)})"
                with raw.cursor().copy(f"COPY {into} FROM STDIN") as copy:
                    for row in step.rows:
                        copy.write_row([row[name] for name in names])
        for table in tables.values():
            key = ", ".join(column.name for column in table.primary_key)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD PRIMARY KEY ({key})")
            for index in table.indexes:
                index.create(connection)


def _steps(store: Any, users: int) -> Iterator[Iterable[Any]]:
    from admit.storage.sql.restoring import restored

    first = time.time_ns() // 1000
    for records, events in _parts(users):
        yield restored(
            records,
            events,
            dict.fromkeys(Ref(record.kind, record.id) for record in records),
            app=store.app,
            statements=store._statements,
            care=store._care,
            first_number=first,
        )
        first += len(events)


def _parts(users: int) -> Iterator[Part]:
    for start in range(0, users, _BATCH):
        numbers = range(start, min(start + _BATCH, users))
        puts = [user(number) for number in numbers]
        news = [
            (number * 3 + what, event(number, what)) for number in numbers for what in (1, 2, 3)
        ]
        yield (
            [Record(put.kind, put.id, 1, put.body, put.keys, put.labels) for put in puts],
            [
                StoredEvent(new.id, new.body, new.user, new.version, new.detail, sequence)
                for sequence, new in news
            ],
        )
