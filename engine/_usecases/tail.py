"""The end of the audit trail, and what is added to it while one looks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

from .._codec import event_from
from .._core import Core
from ..records import Event
from ..stores import Cursor
from .seal import HEAD_KEY

_PAGE: Final = 200


def tail(core: Core, limit: int) -> list[Event]:
    """Return the last *limit* events, in the order of their commits; see `Events.tail`."""
    # Unsealed ones first: what is sealed in between is then seen twice, not never.
    waiting = list(_unsealed(core))
    sealed = list(_sealed(core, max(0, _last_sequence(core) - limit)))
    known = {event.id for event in sealed}
    events = [*sealed, *[event for event in waiting if event.id not in known]]
    return events[-limit:] if limit else []


def live(core: Core, stop: threading.Event, last: int, every_seconds: float) -> Iterator[Event]:
    """Yield the last events, then each new one, until *stop* is set; see `Events.live`."""
    sequence, seen = _last_sequence(core), {event.id for event in _unsealed(core)}
    told = tail(core, last)
    seen |= {event.id for event in told if event.sequence is None or event.sequence > sequence}
    yield from told
    while True:
        waiting = list(_unsealed(core))  # before those: one sealed in between is among both
        sealed = set()
        for event in _sealed(core, sequence):
            sequence = event.sequence or sequence
            sealed.add(event.id)
            if event.id in seen:
                seen.discard(event.id)
            else:
                yield event
        for event in waiting:
            if event.id not in seen and event.id not in sealed:
                seen.add(event.id)
                yield event
        if stop.wait(every_seconds):
            return


def _last_sequence(core: Core) -> int:
    head = core.store.find(HEAD_KEY)
    return 0 if head is None else int(head.body["last"])


def _sealed(core: Core, after: int) -> Iterator[Event]:
    while True:
        page = core.store.events(sequence_after=after, limit=_PAGE)
        for stored in page.items:
            after = stored.sequence or after
            yield event_from(stored)
        if len(page.items) < _PAGE:
            return


def _unsealed(core: Core) -> Iterator[Event]:
    after: Cursor | None = None
    while True:
        page = core.store.events(unsealed=True, after=after, limit=_PAGE)
        yield from (event_from(stored) for stored in page.items)
        after = page.next
        if after is None:
            return
