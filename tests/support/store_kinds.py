"""A new store of each kind that there is, for what has to be the same on all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sql_opener import open_url

from admit.storage import TinyStore
from admit.stores import Store

KINDS = ("tinydb", "sqlite", "postgresql")


def new_store(kind: str, name: object, folder: Path, request: pytest.FixtureRequest) -> Store:
    """Return an empty store called *name*; what has files has them in *folder*."""
    if kind == "tinydb":
        return TinyStore(folder / f"{name}.json")
    if kind == "sqlite":
        return open_url(f"sqlite:///{folder}/{name}.db")
    postgres = request.getfixturevalue("postgres")
    return open_url(f"postgresql+psycopg://{postgres.location(f'app-{name}')}")
