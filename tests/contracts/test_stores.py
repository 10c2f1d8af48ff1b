"""The store contract, on every store."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from io import FileIO
from pathlib import Path
from uuid import uuid4

import pytest
from cutting_proxy import CuttingProxy, cutting_proxy
from no_room import files_that_may_not_grow
from postgres import Postgres

from admit import storage
from admit.errors import FateUnknown, StoreFull, StoreReadOnly
from admit.storage import TinyStore
from admit.storage.files import Files
from admit.storage.sql.opening import open_postgresql, open_sqlite
from admit.storage.tiny import open_store as open_tiny_store
from admit.stores import Change, Put, Ref, Store, VersionMoved
from admit.testing.contracts.promises.lifetime import LifetimePromises
from admit.testing.contracts.stores import AnswersLost, Opener, Reopen, StoreContract
from admit.testing.memory import MemoryStore, open_store


class TestMemoryStore(StoreContract):
    lacks = frozenset({"reopen", "processes"})

    @pytest.fixture
    def store(self) -> Iterator[Store]:
        with closing(MemoryStore()) as store:
            yield store

    @pytest.fixture
    def answers_lost(self, store: Store) -> AnswersLost:
        assert isinstance(store, MemoryStore)
        return partial(_answers_of_memory_lost, store)


@contextmanager
def _answers_of_memory_lost(store: MemoryStore) -> Iterator[None]:
    store.lose_answer()
    yield


class TestTinyStore(StoreContract):
    @pytest.fixture
    def files(self) -> FilesThatMayNotSync:
        return FilesThatMayNotSync()

    @pytest.fixture
    def store(self, tmp_path: Path, files: Files) -> Iterator[Store]:
        with closing(TinyStore(tmp_path / "users.json", files=files)) as store:
            yield store

    @pytest.fixture
    def reopen(self) -> Reopen:
        return reopened

    @pytest.fixture
    def elsewhere(self, store: Store) -> Opener:
        assert store.path is not None
        return partial(TinyStore, store.path)

    @pytest.fixture
    def answers_lost(self, files: FilesThatMayNotSync) -> AnswersLost:
        return files.failing


class TestTinyStoreCompactingAllTheTime(TestTinyStore):
    @pytest.fixture
    def store(self, tmp_path: Path, files: Files) -> Iterator[Store]:
        path = tmp_path / "users.json"
        with closing(TinyStore(path, compact_at_bytes=1, files=files)) as store:
            yield store


class TestTinyStoreBatched(TestTinyStore):
    @pytest.fixture
    def store(self, tmp_path: Path, files: Files) -> Iterator[Store]:
        path = tmp_path / "users.json"
        with closing(TinyStore(path, durability="batched", files=files)) as store:
            yield store

    @pytest.fixture
    def answers_lost(self) -> AnswersLost:
        pytest.skip("a batched commit waits for no answer of the disk that could be lost")


class FilesThatMayNotSync(Files):
    """Files whose syncs fail while a test says so."""

    def __init__(self) -> None:
        self._fails = False

    @contextmanager
    def failing(self) -> Iterator[None]:
        self._fails = True
        yield
        self._fails = False

    def sync(self, file: FileIO) -> None:
        if self._fails:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync(file)


def reopened(store: Store, *, read_only: bool = False) -> Store:
    assert store.path is not None
    return TinyStore(store.path, read_only=read_only)


class TestSqliteStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        with closing(open_sqlite(f"/{tmp_path}/users.db", read_only=False)) as store:
            yield store

    @pytest.fixture
    def reopen(self) -> Reopen:
        return reopened_sqlite

    @pytest.fixture
    def elsewhere(self, store: Store) -> Opener:
        return partial(open_sqlite, f"/{store.path}", read_only=False)

    @pytest.fixture
    def answers_lost(self) -> AnswersLost:
        return files_that_may_not_grow


def reopened_sqlite(store: Store, *, read_only: bool = False) -> Store:
    return open_sqlite(f"/{store.path}", read_only=read_only)


class TestSqliteStoreBatched(TestSqliteStore):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        location = f"/{tmp_path}/users.db?durability=batched"
        with closing(open_sqlite(location, read_only=False)) as store:
            yield store


class TestPostgresStore(StoreContract):
    @pytest.fixture
    def location(self, postgres: Postgres) -> str:
        return postgres.location(f"app-{uuid4()}")

    @pytest.fixture
    def store(self, location: str) -> Iterator[Store]:
        with closing(open_postgresql(location, read_only=False)) as store:
            yield store

    @pytest.fixture
    def reopen(self, location: str) -> Reopen:
        def reopen(store: Store, *, read_only: bool = False) -> Store:
            return open_postgresql(location, read_only=read_only)

        return reopen

    @pytest.fixture
    def elsewhere(self, store: Store, location: str) -> Opener:
        return partial(open_postgresql, location, read_only=False)

    @pytest.fixture
    def answers_lost(self) -> AnswersLost:
        pytest.skip("TestPostgresStoreOverACutLine has the line that is cut")


class TestPostgresStoreOverACutLine(LifetimePromises):
    """Twice: the commit does not arrive, and it does but its answer does not."""

    @pytest.fixture
    def proxy(self, postgres: Postgres) -> Iterator[CuttingProxy]:
        with cutting_proxy(postgres) as proxy:
            yield proxy

    @pytest.fixture
    def location(self, proxy: CuttingProxy) -> str:
        return f"postgres@/postgres?host={proxy.folder}&app=app-{uuid4()}"

    @pytest.fixture
    def store(self, location: str) -> Iterator[Store]:
        with closing(open_postgresql(location, read_only=False)) as store:
            yield store

    @pytest.fixture
    def reopen(self, location: str) -> Reopen:
        def reopen(store: Store, *, read_only: bool = False) -> Store:
            return open_postgresql(location, read_only=read_only)

        return reopen

    @pytest.fixture(params=["before", "after"])
    def answers_lost(self, proxy: CuttingProxy, request: pytest.FixtureRequest) -> AnswersLost:
        @contextmanager
        def cutting() -> Iterator[None]:
            proxy.cuts_before_commits = request.param == "before"
            proxy.cuts_after_commits = request.param == "after"
            yield
            proxy.cuts_before_commits = proxy.cuts_after_commits = False

        return cutting


def _put(number: int) -> Change:
    return Change(put=(Put("user", f"{number:024x}", {}),))


def test_a_memory_store_fails_the_next_commit_as_it_is_told() -> None:
    """Given a store told to fail, when two commits are made, then the first raises and writes
    nothing, and the second is taken."""
    with closing(MemoryStore()) as store:
        store.fail_next_commit(StoreFull("no room"))

        with pytest.raises(StoreFull):
            store.commit(_put(1))
        store.commit(_put(2))

        found = store.get_many([Ref("user", f"{n:024x}") for n in (1, 2)])
        assert [record is not None for record in found] == [False, True]


def test_a_memory_store_loses_one_answer_as_it_is_told() -> None:
    """Given a store told to lose an answer, when a commit is refused and two are made, then the
    first of those is written and raises FateUnknown."""
    with closing(MemoryStore()) as store:
        store.commit(_put(1))
        store.lose_answer()

        with pytest.raises(VersionMoved):
            store.commit(_put(1))
        with pytest.raises(FateUnknown):
            store.commit(_put(2))
        store.commit(_put(3))

        assert store.get("user", f"{2:024x}") is not None


def test_a_memory_store_lets_another_writer_in_before_a_commit() -> None:
    """Given a hook that commits the same record first, when a commit is made, then VersionMoved."""
    with closing(MemoryStore()) as store:

        def another_writer(change: Change) -> None:
            store.before_commit = None
            store.commit(change)

        store.before_commit = another_writer

        with pytest.raises(VersionMoved):
            store.commit(_put(1))


def test_each_memory_store_is_its_own_and_may_be_read_only() -> None:
    """Given two stores of one location, when one is written, then the other is empty; one opened
    for reading only refuses."""
    with closing(open_store("x", read_only=False)) as one:
        one.commit(_put(1))
        with closing(open_store("x", read_only=True)) as other:
            assert other.get("user", f"{1:024x}") is None
            with pytest.raises(StoreReadOnly):
                other.commit(_put(1))


def test_the_entry_point_opens_a_tiny_store(tmp_path: Path) -> None:
    """Given the factory that the scheme `tinydb` names, when called, then the store is at the path,
    as an absolute one, writable or not as asked."""
    location = str(tmp_path / "users.json")

    with closing(open_tiny_store(location, read_only=False)) as store:
        store.commit(_put(1))
    with closing(open_tiny_store(location, read_only=True)) as reader:
        assert tmp_path.resolve() / "users.json" == reader.path
        assert reader.read_only
        assert reader.get("user", f"{1:024x}") is not None


def test_the_stores_name_no_others() -> None:
    """Given the package of stores, when an unknown name is asked for, then AttributeError."""
    with pytest.raises(AttributeError, match="Nope"):
        storage.Nope  # noqa: B018
