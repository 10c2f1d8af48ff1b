"""How much memory it takes: that of a few records, whatever the size of the store."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from admit import care
from admit.stores import Cursor, Label, Page, Record, Ref, StoredEvent
from admit.testing import MemoryStore
from admit.upkeep import StoreStats, View

AT = "2026-01-01T12:00:00.000Z"
KEY_RECORD = Record("secret", "0" * 24, 1, {"key_id": "00000000"}, ("secret:engine-key",))


class Vast(MemoryStore):
    """A store of any number of users that are made up while it is walked, two events each."""

    def __init__(self, users: int, *, is_empty: bool = False) -> None:
        super().__init__()
        self._users = 0 if is_empty else users
        self._all = users
        if not is_empty:
            super().restore([KEY_RECORD], [])

    @contextmanager
    def view(self) -> Iterator[View]:
        yield _Vast(self)

    def restore(self, records: Sequence[Record], events: Sequence[StoredEvent]) -> None:
        super().restore([record for record in records if record.kind == "secret"], [])
        if any(record.kind == "user" for record in records):
            self._users = self._all

    def user(self, number: int) -> tuple[Record, list[StoredEvent]]:
        """Make up a user and its events."""
        id, head, events = f"{number:024x}", "", []
        for version, (before, after) in enumerate(
            [("new", "pending"), ("pending", "confirmed")], 1
        ):
            body = {
                "id": f"{number * 2 + version:024x}",
                "at": AT,
                "trigger": "test",
                "actor": ["system", None],
                "user": id,
                "version": version,
                "from": before,
                "to": after,
                "previous": head,
            }
            events.append(
                StoredEvent(f"{number * 2 + version:024x}", body, id, version, None, None)
            )
            text = json.dumps(body, sort_keys=True, separators=(",", ":"))
            head = hashlib.sha256(text.encode()).hexdigest()
        pad = [{"provider": "p", "id": "x" * 1000, "added_at": AT}]
        labels = tuple(Label(name, AT) for name in ("all", "confirmed", "provider/p"))
        user = {"state": "confirmed", "created_at": AT, "last_event": head, "identities": pad}
        return Record("user", id, 2, user, (), labels), events

    def get_many(self, refs: Sequence[Ref]) -> list[Record | None]:
        return [self.user(int(ref.id, 16))[0] for ref in refs]

    def events(
        self, *, unsealed: bool = False, after: Cursor | None = None, limit: int = 50, **_: object
    ) -> Page[StoredEvent]:
        if not unsealed:
            return Page(())
        first = 0 if after is None else int(after.id)
        numbers = range(first, min(first + limit // 2, self._users))
        items = tuple(event for number in numbers for event in self.user(number)[1])
        following = numbers.stop if numbers else self._users
        return Page(items, Cursor("", str(following)) if following < self._users else None)

    def stats(self) -> StoreStats:
        count = self._users
        return StoreStats(
            records={"user": count}, events=2 * count, unsealed_events=0, bytes={}, schema=1
        )


class _Vast:
    def __init__(self, store: Vast) -> None:
        self._store = store

    def kinds(self) -> list[str]:
        return ["secret", "user"] if self._store._users else []

    def records(self, kind: str) -> Iterator[Record]:
        if kind == "secret":
            yield KEY_RECORD
        else:
            for number in range(self._store._users):
                yield self._store.user(number)[0]

    def events(self) -> Iterator[StoredEvent]:
        for number in range(self._store._users):
            yield from self._store.user(number)[1]

    def events_by_user(self) -> Iterator[StoredEvent]:
        return self.events()


def check(users: int) -> None:
    assert [] == list(care.check(Vast(users), None))


def copy_and_catch_up(users: int) -> None:
    target = Vast(users, is_empty=True)
    copied = care.copy(Vast(users), target)
    assert ("user", users, users) == [(k.kind, k.count, k.written) for k in copied.kinds][1]
    assert 0 == sum(kind.written for kind in care.copy(Vast(users), target).kinds)


@pytest.mark.parametrize("work", [check, copy_and_catch_up])
def test_the_memory_does_not_grow_with_the_store(work: Callable[[int], None]) -> None:
    """Of a store of 2,500 users, less is held than a thousand users and their events take."""
    work(10)  # imports, caches
    tracemalloc.start()
    a_thousand = [Vast(1).user(number) for number in range(1_000)]
    room, _ = tracemalloc.get_traced_memory()
    a_thousand.clear()
    tracemalloc.reset_peak()

    work(2_500)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < room
