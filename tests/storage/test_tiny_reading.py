"""Reading a TinyStore with TinyDB: the live data, and the snapshot with stock TinyDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from small_store import CHANGES, id_of, put
from tinydb import Query, TinyDB, where
from tinydb.operations import set as set_field

from admit.errors import StoreReadOnly
from admit.storage import LiveStorage, TinyStore
from admit.stores import Change, Remove


@pytest.fixture
def store(path: Path) -> Iterator[TinyStore]:
    with closing(TinyStore(path)) as store:
        for change in CHANGES:
            store.commit(change)
        yield store


@pytest.fixture
def database(store: TinyStore) -> Iterator[TinyDB]:
    with TinyDB(store.path, storage=LiveStorage) as database:
        yield database


def test_a_table_is_named_after_its_kind(database: TinyDB) -> None:
    """Given users and events, when tables are listed, then there is one for each kind."""
    assert database.tables() == {"user", "event"}
    assert (len(database.table("user")), len(database.table("event"))) == (4, 2)
    assert len(database.table("session")) == 0


def test_a_document_is_the_body_and_what_the_store_knows(database: TinyDB) -> None:
    """Given a user, when got by the decimal form of his id, then his body's fields are there, with
    the id in hex, the version, the keys and the labels."""
    expected = {
        "_id": id_of(1),
        "_version": 2,
        "_keys": ["key:1"],
        "_labels": [["all", "00001"]],
        "state": "confirmed",
    }

    document = database.table("user").get(doc_id=int(id_of(1), 16))

    assert expected == document
    assert document is not None
    assert document.doc_id == 1


def test_tinydbs_queries_work_on_live_data(database: TinyDB) -> None:
    """Given users and events, when TinyDB's ordinary reading is used, then it answers."""
    user, users = Query(), database.table("user")

    assert [d.doc_id for d in users.search(user.state == "pending")] == [2, 3, 4]
    assert [d.doc_id for d in users.search(user.name.exists() & ~(user._id == id_of(9)))] == [2]
    assert users.count(where("state") == "confirmed") == 1
    assert users.contains(user._keys.any(["key:3"]))
    assert users.get(user.name == "é𝔘") is not None
    assert [d.doc_id for d in users.get(doc_ids=[1, 3])] == [1, 3]
    assert users.get(doc_id=99) is None
    assert sorted(d.doc_id for d in users) == [1, 2, 3, 4] == sorted(d.doc_id for d in users.all())


def test_events_are_shown_as_they_stand(database: TinyDB) -> None:
    """Given a sealed event whose detail is erased, when read through TinyDB, then it has its
    sequence and no detail, though the log still holds it."""
    erased = database.table("event").get(doc_id=101)
    other = database.table("event").get(doc_id=103)

    assert erased is not None
    assert other is not None
    assert (1, None) == (erased["_sequence"], erased.get("_detail"))
    assert (None, {"detail": "of 103"}) == (other.get("_sequence"), other["_detail"])


def test_a_query_without_cache_sees_what_was_committed_since(
    database: TinyDB, store: TinyStore
) -> None:
    """Given a table without TinyDB's query cache, when the engine commits, compacts and removes,
    then the next query sees it."""
    users = database.table("user", cache_size=0)
    everybody = where("_id").exists()
    assert len(users.search(everybody)) == 4

    store.commit(Change(put=(put(5),)))
    assert len(users.search(everybody)) == 5
    store.compact()
    store.commit(Change(remove=(Remove("user", id_of(1)), Remove("user", id_of(2)))))
    assert [d.doc_id for d in users.search(everybody)] == [3, 4, 5]


@pytest.mark.parametrize(
    "write",
    [
        lambda users: users.insert({"state": "confirmed"}),
        lambda users: users.insert_multiple([{}]),
        lambda users: users.update({"state": "confirmed"}, doc_ids=[1]),
        lambda users: users.update(set_field("state", "confirmed"), where("state") == "pending"),
        lambda users: users.upsert({"state": "confirmed"}, where("state") == "pending"),
        lambda users: users.remove(doc_ids=[1]),
        lambda users: users.truncate(),
    ],
    ids=["insert", "insert_multiple", "update", "operation", "upsert", "remove", "truncate"],
)
def test_writing_is_refused_and_names_the_engines_verbs(
    database: TinyDB, store: TinyStore, write: Callable[[Any], object]
) -> None:
    """Given live data, when any of TinyDB's writing verbs is used, then StoreReadOnly says what to
    use instead, and nothing is changed."""
    before = database.table("user").all()

    with pytest.raises(StoreReadOnly, match="register, confirm, rerun, delete"):
        write(database.table("user"))

    assert before == database.table("user").all()
    assert store.count("user", "all") == 4


def test_dropping_tables_is_refused(database: TinyDB) -> None:
    """Given live data, when tables are dropped, then StoreReadOnly."""
    with pytest.raises(StoreReadOnly):
        database.drop_table("user")
    with pytest.raises(StoreReadOnly):
        database.drop_tables()

    assert database.tables() == {"user", "event"}


def test_stock_tinydb_opens_the_snapshot(store: TinyStore, path: Path) -> None:
    """Given a compacted store, when stock TinyDB opens the file, then it has the same documents,
    under the same ids, as the live data."""
    store.compact()

    with TinyDB(path) as stock, TinyDB(path, storage=LiveStorage) as live:
        assert stock.tables() == live.tables() | {"_admit"}
        for table in live.tables():
            assert stock.table(table).all() == live.table(table).all()
            assert [d.doc_id for d in stock.table(table)] == [d.doc_id for d in live.table(table)]
        assert stock.table("user").get(where("name") == "é𝔘") is not None
        assert stock.table("_admit").get(doc_id=1)["schema"] == 1


def test_stock_tinydb_opens_a_new_store(path: Path) -> None:
    """Given a store with nothing in it, when stock TinyDB opens it, then it is empty, and ours
    still opens afterwards."""
    TinyStore(path).close()

    with TinyDB(path) as stock:
        assert stock.tables() == {"_admit"}
    TinyStore(path).close()
