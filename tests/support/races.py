"""Another writer, let in between what a use case reads and what it commits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from admit.stores import Change, Put
from admit.testing import MemoryStore


def meanwhile(
    store: MemoryStore,
    what: Callable[[], object],
    *,
    before: Callable[[Change], bool] = lambda change: True,
) -> None:
    """Let *what* happen once, just before the next commit (of a change that is *before*'s)."""

    def happen(change: Change) -> None:
        if before(change):
            store.before_commit = None
            what()

    store.before_commit = happen


def records(trigger: str) -> Callable[[Change], bool]:
    """Return whether a change records an event with this trigger."""
    return lambda change: any(event.body["trigger"] == trigger for event in change.events)


def edit(store: MemoryStore, kind: str, id: str, **values: Any) -> None:
    """Change a record by hand, as an import or a later version would have written it; None takes
    a value out."""
    record = store.get(kind, id)
    assert record is not None
    body = {name: value for name, value in {**record.body, **values}.items() if value is not None}
    put = Put(kind, id, body, record.version, record.keys, record.labels)
    store.commit(Change(put=(put,)))
