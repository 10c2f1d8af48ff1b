"""What the tests of caring for stores share: one that has lived, and places to copy it to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cared_store import Lived, live, tiny

from admit.testing import MemoryStore
from admit.upkeep import Upkeep


@pytest.fixture
def source() -> Iterator[MemoryStore]:
    """A store in memory, which lets a test do anything to it."""
    with closing(MemoryStore()) as store:
        yield store


@pytest.fixture
def lived(source: MemoryStore) -> Iterator[Lived]:
    """An engine on the source, which has lived."""
    lived = live(source)
    with lived.engine:
        yield lived


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Upkeep]:
    """A store of another kind, empty."""
    with closing(tiny(tmp_path, "target")) as store:
        yield store
