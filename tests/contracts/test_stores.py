"""The store contract, on every store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from admit.storage import TinyStore
from admit.stores import Store
from admit.testing.contracts.stores import Reopen, StoreContract
from admit.testing.memory import MemoryStore


class TestMemoryStore(StoreContract):
    lacks = frozenset({"reopen"})

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        with closing(MemoryStore()) as store:
            yield store


class TestTinyStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        with closing(TinyStore(tmp_path / "users.json")) as store:
            yield store

    @pytest.fixture
    def reopen(self) -> Reopen:
        return reopened


class TestTinyStoreCompactingAllTheTime(TestTinyStore):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        with closing(TinyStore(tmp_path / "users.json", compact_at_bytes=1)) as store:
            yield store


def reopened(store: Store, *, read_only: bool = False) -> Store:
    assert store.path is not None
    return TinyStore(store.path, read_only=read_only)
