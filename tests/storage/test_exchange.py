"""A store as one plain TinyDB file, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sql_opener import open_url
from tinydb import Query, TinyDB

from admit.errors import InvalidInput
from admit.storage import Exchanged, TinyStore, export_tinydb, import_tinydb
from admit.testing import KEY, MemoryStore
from admit.testing import open as open_engine
from admit.upkeep import Upkeep

PASSWORD = "correct horse battery staple"


@pytest.fixture
def lived() -> MemoryStore:
    """A store with Ada, who waits, and Grace, who is confirmed; some events sealed, some not."""
    store = MemoryStore()
    engine = open_engine(store)
    engine.register("ada@example.com", PASSWORD)
    engine.confirm_manually(engine.register("grace@example.com", PASSWORD, data={"_n": [1, "é"]}))
    while engine.work_once():
        pass
    engine.register("alan@example.com", PASSWORD)
    return store


def held(store: Upkeep) -> object:
    """All that a store holds."""
    with store.view() as view:
        records = {
            kind: [
                record._replace(
                    keys=tuple(sorted(record.keys)), labels=tuple(sorted(record.labels))
                )
                for record in view.records(kind)
            ]
            for kind in view.kinds()
        }
        return records, list(view.events())


def test_stock_tinydb_queries_an_export(lived: MemoryStore, tmp_path: Path) -> None:
    """
    Given an export,
    when TinyDB as it comes opens it, with whole numbers as document ids,
    then its own queries find users and events.
    """
    done = export_tinydb(lived, tmp_path / "export.json")

    with TinyDB(tmp_path / "export.json") as db:
        [grace] = db.table("user").search(Query().state == "confirmed")
        assert grace.doc_id == int(grace["_id"], 16)
        assert db.table("user").get(doc_id=grace.doc_id) == grace
        assert done == Exchanged(
            records=sum(len(db.table(t)) for t in db.tables() if t not in ("event", "_admit")),
            events=len(db.table("event")),
        )
    assert 0o600 == (tmp_path / "export.json").stat().st_mode & 0o777


@pytest.mark.parametrize("kind", ["tinydb", "sqlite"])
def test_what_was_exported_comes_back_whole(lived: MemoryStore, tmp_path: Path, kind: str) -> None:
    """
    Given an export of one store,
    when it is imported into an empty one of another kind,
    then that holds the same – versions, keys, labels, sequences, order – and its trail is whole.
    """
    export_tinydb(lived, tmp_path / "export.json")
    target: Any = (
        TinyStore(tmp_path / "users.json")
        if kind == "tinydb"
        else open_url(f"sqlite:///{tmp_path}/users.db")
    )
    with closing(target):
        import_tinydb(tmp_path / "export.json", target)

        assert held(lived) == held(target)
        engine = open_engine(target)
        assert () == engine.events.verify().problems
        engine.log_in("local-userpass", username="grace@example.com", password=PASSWORD)


def test_an_empty_store_is_exchanged_too(tmp_path: Path) -> None:
    """There is nothing to write, and the file is whole all the same."""
    export_tinydb(MemoryStore(), tmp_path / "export.json")

    store = MemoryStore()
    assert Exchanged(records=0, events=0) == import_tinydb(tmp_path / "export.json", store)


def test_an_export_never_takes_the_place_of_a_file(lived: MemoryStore, tmp_path: Path) -> None:
    """Given a file of that name, when a store is exported to it, then it stays as it is."""
    (tmp_path / "export.json").write_text("mine")

    with pytest.raises(InvalidInput, match="is there already"):
        export_tinydb(lived, tmp_path / "export.json")
    with pytest.raises(InvalidInput, match="folder that is not there"):
        export_tinydb(lived, tmp_path / "nowhere" / "export.json")

    assert ["mine"] == [file.read_text() for file in tmp_path.iterdir()]


def test_a_full_store_takes_no_import(lived: MemoryStore, tmp_path: Path) -> None:
    """What is there must not be mixed with what was elsewhere."""
    export_tinydb(lived, tmp_path / "export.json")

    with pytest.raises(InvalidInput, match="is not empty"):
        import_tinydb(tmp_path / "export.json", lived)


def test_a_dry_run_looks_and_writes_nothing(lived: MemoryStore, tmp_path: Path) -> None:
    """It says what would be taken."""
    done, store = export_tinydb(lived, tmp_path / "export.json"), MemoryStore()

    assert done == import_tinydb(tmp_path / "export.json", store, dry_run=True)
    assert ({}, []) == held(store)


def user(tables: dict[str, Any]) -> dict[str, Any]:
    return next(iter(tables["user"].values()))


def event(tables: dict[str, Any]) -> dict[str, Any]:
    return next(iter(tables["event"].values()))


def two_keys(tables: dict[str, Any]) -> None:
    first, second = [u for u in tables["user"].values() if u.get("_keys")][:2]
    second["_keys"] = first["_keys"]


SPOILT: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "another file": (lambda t: t.pop("_admit"), "is no export of a store"),
    "a table": (lambda t: t.update(user=[]), "the table 'user' is no table"),
    "a name": (lambda t: t.update({"no name": {}}), "'no name' is no name of a table"),
    "a document": (lambda t: t["user"].update({"7": 7}), "document 7 is no object"),
    "an id": (lambda t: user(t).update(_id="7"), "no `_id` of 24 hex digits"),
    "another id": (lambda t: user(t).update(_id="0" * 24), "is not its document id"),
    "a version": (lambda t: user(t).update(_version=0), "no `_version` of 1 or more"),
    "keys": (lambda t: user(t).update(_keys=[7]), "`_keys` that are no list of texts"),
    "labels": (lambda t: user(t).update(_labels=[["all"]]), "no list of pairs of texts"),
    "two owners": (two_keys, "has a key that another one has too"),
    "an event's number": (lambda t: event(t).pop("_number"), "whole number as `_number`"),
    "an event's user": (lambda t: event(t).update(_user=7), "`_user` that is no text"),
    "an event's detail": (lambda t: event(t).update(_detail=7), "`_detail` that is no object"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_what_breaks_a_rule_is_named_and_nothing_is_taken(
    lived: MemoryStore, tmp_path: Path, what: str
) -> None:
    """Given an export in which one thing is wrong, when it is imported, then table, document and
    rule are named, and the store is as empty as before."""
    spoil, rule = SPOILT[what]
    file = tmp_path / "export.json"
    export_tinydb(lived, file)
    tables = json.loads(file.read_text("utf-8"))
    spoil(tables)
    file.write_text(json.dumps(tables), "utf-8")
    store = MemoryStore()

    with pytest.raises(InvalidInput, match=rule):
        import_tinydb(file, store)

    assert ({}, []) == held(store)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"[]"])
def test_what_is_no_export_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever the file holds."""
    file = tmp_path / "export.json"
    file.write_bytes(content)

    with pytest.raises(InvalidInput, match="source"):
        import_tinydb(file, MemoryStore())
    with pytest.raises(InvalidInput, match="cannot be read"):
        import_tinydb(tmp_path / "missing.json", MemoryStore())


def test_the_key_is_not_in_an_export(lived: MemoryStore, tmp_path: Path) -> None:
    """It says which key it was made with, and no more."""
    export_tinydb(lived, tmp_path / "export.json")

    raw = (tmp_path / "export.json").read_bytes()
    assert KEY not in raw
    assert KEY.hex().encode() not in raw
