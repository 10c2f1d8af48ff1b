"""The upkeep contract, on every store that can be cared for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from postgres import Postgres
from sql_spoiling import spoil_sql

from admit.indexes import RecordIndex
from admit.storage import TinyStore
from admit.storage.sql.opening import open_postgresql, open_sqlite
from admit.stores import Label, Store
from admit.testing.contracts import UpkeepContract
from admit.testing.contracts.promises.fixtures import Reopen
from admit.testing.contracts.upkeep import Spoil
from admit.testing.memory import MemoryStore
from admit.upkeep import Upkeep


class TestUpkeepOfMemoryStore(UpkeepContract):
    lacks = frozenset({"backup", "reopen"})
    impossible = frozenset({"damaged"})

    @pytest.fixture
    def store(self) -> Iterator[MemoryStore]:
        with closing(MemoryStore()) as store:
            yield store

    @pytest.fixture
    def other(self) -> Iterator[MemoryStore]:
        with closing(MemoryStore()) as store:
            yield store

    @pytest.fixture
    def spoil(self, store: MemoryStore) -> Spoil:
        return spoiled_index(store._index)


class TestUpkeepOfTinyStore(UpkeepContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[TinyStore]:
        with closing(TinyStore(tmp_path / "users.json")) as store:
            yield store

    @pytest.fixture
    def other(self, tmp_path: Path) -> Iterator[TinyStore]:
        with closing(TinyStore(tmp_path / "other.json", compact_at_bytes=1)) as store:
            yield store

    @pytest.fixture
    def reopen(self) -> Reopen:
        return tiny_reopened

    @pytest.fixture
    def open_backup(self) -> Callable[[Path], TinyStore]:
        return TinyStore

    @pytest.fixture
    def spoil(self, store: TinyStore) -> Spoil:
        spoil_index = spoiled_index(store._shared.contents.index)

        def spoil(code: str) -> str:
            if code != "damaged":
                return spoil_index(code)
            assert store.path is not None
            log = store.path.with_name(f"{store.path.name}.log.1")
            damaged = bytearray(log.read_bytes())
            damaged[-5] ^= 1
            log.write_bytes(damaged)
            return log.name

        return spoil


def tiny_reopened(store: Store, *, read_only: bool = False) -> TinyStore:
    assert store.path is not None
    return TinyStore(store.path, read_only=read_only)


def spoiled_index(index: RecordIndex) -> Spoil:
    first, second = (f"{n:024x}" for n in (1, 2))
    spoils: dict[str, tuple[Callable[[], object], str]] = {
        "key-lost": (lambda: index._holders["user"].pop("k:1"), first),
        "key-astray": (lambda: index._holders["user"].update({"k:9": second}), second),
        "label-lost": (
            lambda: index._discard("user", Label("l", "ada@example.com"), first),
            first,
        ),
        "label-astray": (lambda: index._add("user", "m", ("bob@example.com", second)), second),
    }

    def spoil(code: str) -> str:
        act, id = spoils[code]
        act()
        return f"user {id}"

    return spoil


class TestUpkeepOfSqliteStore(UpkeepContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Upkeep]:
        with closing(open_sqlite(f"/{tmp_path}/users.db", read_only=False)) as store:
            yield store

    @pytest.fixture
    def other(self, tmp_path: Path) -> Iterator[Upkeep]:
        with closing(open_sqlite(f"/{tmp_path}/other.db", read_only=False)) as store:
            yield store

    @pytest.fixture
    def reopen(self) -> Reopen:
        def reopen(store: Store, *, read_only: bool = False) -> Store:
            return open_sqlite(f"/{store.path}", read_only=read_only)

        return reopen

    @pytest.fixture
    def open_backup(self) -> Callable[[Path], Upkeep]:
        return lambda path: open_sqlite(f"/{path}", read_only=False)

    @pytest.fixture
    def spoil(self, store: Upkeep) -> Spoil:
        return partial(spoil_sql, f"sqlite:///{store.path}", "app")


class TestUpkeepOfPostgresStore(UpkeepContract):
    @pytest.fixture
    def apps(self) -> tuple[str, str]:
        return f"app-{uuid4()}", f"other-{uuid4()}"

    @pytest.fixture
    def store(self, postgres: Postgres, apps: tuple[str, str]) -> Iterator[Upkeep]:
        with closing(open_postgresql(postgres.location(apps[0]), read_only=False)) as store:
            yield store

    @pytest.fixture
    def other(self, postgres: Postgres, apps: tuple[str, str]) -> Iterator[Upkeep]:
        with closing(open_postgresql(postgres.location(apps[1]), read_only=False)) as store:
            yield store

    @pytest.fixture
    def reopen(self, postgres: Postgres, apps: tuple[str, str]) -> Reopen:
        def reopen(store: Store, *, read_only: bool = False) -> Store:
            return open_postgresql(postgres.location(apps[0]), read_only=read_only)

        return reopen

    @pytest.fixture
    def open_backup(self, apps: tuple[str, str]) -> Callable[[Path], Upkeep]:
        return lambda path: open_sqlite(f"/{path}?app={apps[0]}", read_only=False)

    @pytest.fixture
    def spoil(self, postgres: Postgres, apps: tuple[str, str]) -> Spoil:
        url = f"postgresql+psycopg://{postgres.location(apps[0])}"
        return partial(spoil_sql, url.replace(f"&app={apps[0]}", ""), apps[0])
