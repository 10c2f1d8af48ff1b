"""Reading the live data with TinyDB's own queries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from tinydb.storages import Storage

from admit.errors import StoreReadOnly

from .documents import decimal, hexadecimal
from .tiny import TinyStore


class LiveTable(Mapping[str, dict[str, Any]]):
    """The documents of one table, by their decimal ids; each is decoded when it is looked at."""

    def __init__(self, store: TinyStore, name: str) -> None:
        self._store = store
        self._name = name

    def __getitem__(self, document_id: str) -> dict[str, Any]:
        document = self._store.document(self._name, hexadecimal(document_id))
        if document is None:
            raise KeyError(document_id)
        return document

    def __iter__(self) -> Iterator[str]:
        """Walk over the ids that are there now; one that is removed meanwhile raises KeyError."""
        return map(decimal, self._store.ids(self._name))

    def __len__(self) -> int:
        return len(self._store.ids(self._name))

    def items(self) -> Any:
        """Walk over ids and documents; a document that is removed meanwhile is left out."""
        for id in self._store.ids(self._name):
            document = self._store.document(self._name, id)
            if document is not None:
                yield decimal(id), document


class LiveStorage(Storage):
    """Shows a store to TinyDB, for reading, also while engines write to it.

        with TinyDB("users.json", storage=LiveStorage) as db:
            db.table("user", cache_size=0).search(Query().state == "pending")

    A table is named after its kind (`user`, `session`, …, `event`). A document has the fields of
    the record and `_id` (the id in hex), `_version`, `_keys`, `_labels`; its `doc_id` is the same
    id as a number. TinyDB keeps the answers of a table's last ten queries and cannot know that
    somebody else has written since: `cache_size=0` makes it look each time.
    """

    def __init__(self, path: str | Path) -> None:
        """Open the store at *path* for reading. Raises as `TinyStore` does."""
        self._store = TinyStore(path, read_only=True)

    def read(self) -> dict[str, dict[str, Any]]:
        """Return the tables; they read on as the store changes."""
        tables: dict[str, Any] = {
            name: LiveTable(self._store, name) for name in self._store.tables()
        }
        return tables

    def write(self, data: Mapping[str, Any]) -> NoReturn:
        """Refuse: a write past the engine would leave keys, labels, versions and events wrong.

        Raises StoreReadOnly, always.
        """
        raise StoreReadOnly(
            "TinyDB may read this store, but only the engine writes to it.",
            "Use the engine's verbs: register, confirm, rerun, delete and their like.",
        )

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()
