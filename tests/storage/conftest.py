"""Where the stores of these tests live."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from postgres import Postgres
from small_store import CHANGES, FailingFiles

from admit.storage import TinyStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "users.json"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The first log of the store at `path`."""
    return tmp_path / "users.json.log.1"


@pytest.fixture
def files() -> FailingFiles:
    """The disk of `store`, which fails as a test says."""
    return FailingFiles()


@pytest.fixture
def store(path: Path, files: FailingFiles) -> Iterator[TinyStore]:
    """A store of a few records."""
    with closing(TinyStore(path, files=files)) as store:
        for change in CHANGES:
            store.commit(change)
        yield store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a SQL store with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/users.db"
    postgres: Postgres = request.getfixturevalue("postgres")
    return f"postgresql+psycopg://{postgres.location(f'app-{uuid4()}')}"
