"""Accounts in every state that a stranger must not tell apart, and what a commit looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from admit import Engine
from admit.stores import Change
from admit.testing import MemoryStore

PASSWORD = "correct horse battery staple"


@attrs.frozen
class Shape:
    """What a stranger with a stopwatch could see of a commit."""

    puts: int
    removals: int
    events: int


class Commits:
    """Notes the shape of every commit that a store is asked for while `watched`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.shapes: list[Shape] = []

    def _note(self, change: Change) -> None:
        self.shapes.append(Shape(len(change.put), len(change.remove), len(change.events)))

    @contextmanager
    def watched(self) -> Iterator[list[Shape]]:
        """Note what is committed inside the block."""
        self.shapes = []
        self._store.before_commit = self._note
        try:
            yield self.shapes
        finally:
            self._store.before_commit = None


def _unknown(engine: Engine, address: str) -> None:
    pass


def _pending(engine: Engine, address: str) -> None:
    engine.register(address, PASSWORD)


def _confirmed(engine: Engine, address: str) -> None:
    engine.confirm_manually(engine.register(address, PASSWORD))


def _disabled(engine: Engine, address: str) -> None:
    _confirmed(engine, address)
    engine.disable(address=address)


def _disabled_pending(engine: Engine, address: str) -> None:
    engine.disable(engine.register(address, PASSWORD))


def _deleted(engine: Engine, address: str) -> None:
    _confirmed(engine, address)
    engine.delete(address=address)


ACCOUNTS: dict[str, Callable[[Engine, str], None]] = {
    "unknown": _unknown,
    "pending": _pending,
    "confirmed": _confirmed,
    "disabled": _disabled,
    "disabled-pending": _disabled_pending,
    "deleted": _deleted,
}
