"""What a store must hold after a change, worked out without any store."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import attrs

from admit.stores import Change, Cursor, Record, StoredEvent
from admit.upkeep import Upkeep


@attrs.frozen
class State:
    """Everything that a store holds."""

    records: tuple[Record, ...] = ()
    """By kind and id."""
    events: tuple[StoredEvent, ...] = ()
    """In the order of their commits."""

    def version(self, kind: str, id: str) -> int | None:
        """Return the version of a record, or None."""
        return next((r.version for r in self.records if (r.kind, r.id) == (kind, id)), None)

    def after(self, change: Change) -> State:
        """Return what is there once *change*, which fits, is written."""
        puts = [Record(p.kind, p.id, p.version, p.body, p.keys, p.labels) for p in change.put]
        events = [
            StoredEvent(e.id, e.body, e.user, e.version, e.detail, None) for e in change.events
        ]
        removed = {(r.kind, r.id) for r in change.remove}
        kept = [record for record in self.records if (record.kind, record.id) not in removed]
        seen = [
            attrs.evolve(
                event,
                detail=None if event.id in change.erase else event.detail,
                sequence=change.sequence.get(event.id, event.sequence),
            )
            for event in (*self.events, *events)
            if event.id not in change.forget
        ]
        return State(_in_order([*kept, *puts]), tuple(seen))

    def restored(self, records: Iterable[Record], events: Iterable[StoredEvent]) -> State:
        """Return what is there once these, of which no event is there yet, are restored."""
        return State(_in_order([*self.records, *records]), (*self.events, *events))

    @property
    def digest(self) -> str:
        """A text that is the same for the same state."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def _in_order(records: Iterable[Record]) -> tuple[Record, ...]:
    by_name = {(record.kind, record.id): record for record in records}
    return tuple([by_name[name] for name in sorted(by_name)])


def held_by(store: Upkeep) -> State:
    """Return everything that *store* holds, once it is clear that its indexes say the same."""
    with store.view() as view:
        state = State(
            tuple([record for kind in view.kinds() for record in view.records(kind)]),
            tuple(view.events()),
        )
    places: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for record in state.records:
        for key in record.keys:
            assert record == store.find(key)
        for label in record.labels:
            places.setdefault((record.kind, label.name), []).append((label.order, record.id))
    for (kind, name), row in places.items():
        page = store.page(kind, name, limit=len(row) + 1)
        assert [id for _, id in sorted(row)] == [record.id for record in page.items]
        assert len(row) == store.count(kind, name)
    events = {event.id: event for event in state.events}
    unsealed = _ids(store.events(unsealed=True, limit=10_000).items)
    assert [event.id for event in state.events if event.sequence is None] == unsealed
    sealed = _ids(store.events(sequence_after=0, limit=10_000).items)
    assert len(events) == len(sealed) + len(unsealed)
    assert sealed == sorted(sealed, key=lambda id: events[id].sequence or 0)
    for user in {event.user for event in state.events if event.user is not None}:
        mine = store.events(user=user, after=Cursor("0" * 32, ""), limit=10_000).items
        assert {event.id for event in mine} == {e.id for e in state.events if e.user == user}
    return state


def _ids(events: Iterable[StoredEvent]) -> list[str]:
    return [event.id for event in events]
