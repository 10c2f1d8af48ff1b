"""What a SQL store asks is found by an index, however much there is."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from postgres import Postgres
from small_store import id_of
from sql_opener import open_url

from admit.storage.sql.sqlite import SqliteDatabase
from admit.storage.sql.statements import Statement, Statements
from admit.stores import Change, Label, NewEvent, Put

_STATEMENTS = {
    "get": "app kind id",
    "find": "app key",
    "page": "app kind name place id",
    "page_back": "app kind name place id",
    "page_from_end": "app kind name",
    "count": "app kind name",
    "event_body": "app id",
    "events_of_user": "app user_id version number id",
    "events_sealed": "app sequence number id",
    "events_unsealed": "app number id",
    "update_record": "app kind id",
    "delete_record": "app kind id",
    "delete_key": "app key",
    "delete_label": "app kind name place id",
    "seal_event": "app id",
    "erase_event": "app id",
    "forget_event": "app id",
}
"""Statement → the columns by which it must find its rows."""


@pytest.mark.parametrize("name", [*_STATEMENTS, "several"])
def test_sqlite_finds_rows_by_an_index(name: str, tmp_path: Path) -> None:
    """Given a SQLite store, when it says how it would answer, then by an index on all the columns
    that are known, sorting nothing."""
    path = tmp_path / "users.db"
    open_url(f"sqlite:///{path}").close()
    statements = SqliteDatabase(path, read_only=True).statements
    statement: Statement = statements.several(3) if name == "several" else getattr(statements, name)
    names = re.findall(r":(\w+)", statement.text)
    given = defaultdict(int, dict.fromkeys(names, 1) | statement.constants)

    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", given).fetchall()

    plan = [detail for *_, detail in rows]
    columns = _STATEMENTS.get(name, "app kind id").split()
    searches = [step for step in plan if step.startswith("SEARCH")]
    assert searches
    assert set(columns) <= set(re.findall(r"\w+", searches[0].partition("(")[2])), plan
    assert not [step for step in plan if step.startswith("SCAN") or "TEMP B-TREE" in step]


def test_postgresql_reads_no_whole_table(postgres: Postgres) -> None:
    """Given 3,000 records and events in PostgreSQL, when the store's questions are explained, then
    each goes by an index, and sorts nothing."""
    database = postgres.new_database()
    with closing(open_url(f"postgresql+psycopg://{database.location('app')}")) as store:
        for start in range(0, 3000, 500):
            numbers = range(start, start + 500)
            puts = [
                Put("user", id_of(n), {}, None, (f"k:{n}",), (Label("l", str(n)),)) for n in numbers
            ]
            events = [NewEvent(id_of(n), {}, id_of(n), 1) for n in numbers]
            seal = {id_of(n): n + 1 for n in numbers if n % 2}
            store.commit(Change(put=tuple(puts), events=tuple(events)))
            store.commit(Change(sequence=seal))
    database.run("ANALYZE")
    statements = _postgresql_statements()

    for name in ("get", "find", "page", "several"):
        statement = statements.several(3) if name == "several" else getattr(statements, name)
        text = statement.text.replace("%(of_app)s", "'app'").replace("%(of_kind)s", "'user'")
        text = re.sub(r"%\(kind_\d\)s", "'user'", text)
        text = re.sub(r"%\((of_id|id_\d|after_id)\)s", rf"'\\x{id_of(7)}'::bytea", text)
        text = re.sub(r"%\((of_key|of_name|after_place)\)s", r"'\\x6c'::bytea", text)
        text = text.replace("%(most)s", "51")
        plan = database.run(f"EXPLAIN {text}")
        assert "Seq Scan" not in plan, f"{name}: {plan}"
        assert "Sort" not in plan, f"{name}: {plan}"


def _postgresql_statements() -> Statements:
    from sqlalchemy.dialects.postgresql import psycopg

    return Statements(psycopg.dialect())  # type: ignore[no-untyped-call]
