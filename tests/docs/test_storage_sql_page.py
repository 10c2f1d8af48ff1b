"""What docs/storage-sql.md shows runs, and what it names is there."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest
from postgres import Postgres
from sql_opener import open_url

from admit import errors
from admit.storage.sql.tables import METADATA
from admit.stores import Change, Put, Store

PAGE = (Path(__file__).parents[2] / "docs" / "storage-sql.md").read_text("utf-8")


def _section(heading: str) -> str:
    return PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_the_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Given an empty folder, when the example is run there, then its last line prints what it
    says: the user is confirmed, also to who opens the file again."""
    monkeypatch.chdir(tmp_path)
    [example] = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

    exec(compile(example, "storage-sql.md", "exec"), {})  # noqa: S102

    assert capsys.readouterr().out == "confirmed\n"


def test_the_options_of_a_url_are_those_that_it_takes(tmp_path: Path) -> None:
    """Given the options in the table of the page, when a SQLite store is opened with all that are
    for it, then it opens; the page leaves none out."""
    named = re.findall(r"^\| `(\w+)` \|", _section("What may stand in the URL"), re.MULTILINE)
    assert named == ["app", "durability", "connections", "busy_seconds"]

    values = {"durability": "batched"}
    options = "&".join([f"{name}={values.get(name, 2)}" for name in named])
    with closing(open_url(f"sqlite:///{tmp_path}/users.db?{options}")) as store:
        assert _goes_on(store)


def test_a_schema_of_its_own_is_used(postgres: Postgres) -> None:
    """Given a schema, when it is named in the URL as the page shows, then the tables are made
    there."""
    database = postgres.new_database()
    database.run("CREATE SCHEMA accounts")
    [option] = re.findall(r"`\?(options=\S+)`", PAGE)

    url = f"postgresql+psycopg://{database.location('app')}&{option}"
    with closing(open_url(url)) as store:
        assert _goes_on(store)
    open_url(url).close()

    where = "SELECT DISTINCT table_schema FROM information_schema.tables"
    assert database.run(f"{where} WHERE table_name LIKE 'admit%'") == "accounts"


def test_the_tables_and_errors_of_the_page_are_there() -> None:
    """Given the names on the page, when they are looked for, then each is a table or a code."""
    tables = re.findall(r"`(admit_\w+)`", _section("The tables"))
    assert {*METADATA.tables, "admit_schema"} == set(tables)
    codes = re.findall(r"^\| `([a-z-]+)` \|", _section("What the errors mean here"), re.MULTILINE)
    known = {vars(each).get("code") for each in vars(errors).values() if isinstance(each, type)}
    assert set(codes) <= known
    assert len(codes) >= 7


def _goes_on(store: Store) -> bool:
    store.commit(Change(put=(Put("user", f"{1:024x}", {}),)))
    return store.get("user", f"{1:024x}") is not None
