"""The upkeep contract, on every store that can be cared for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from admit.stores import Label, Ref
from admit.testing.contracts import UpkeepContract
from admit.testing.contracts.upkeep import Spoil
from admit.testing.memory import MemoryStore


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
        index = store._index
        first, second = (f"{n:024x}" for n in (1, 2))
        spoils: dict[str, tuple[Callable[[], object], str]] = {
            "key-lost": (lambda: index._holders.pop("k:1"), first),
            "key-astray": (lambda: index._holders.update({"k:9": Ref("user", second)}), second),
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
