"""The questions that take more than one row, or more than one statement."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Final

from admit.stores import Cursor, Page, Record, Ref, StoredEvent

from .database import Link, Rows
from .remembered import Remembered, Seen
from .statements import LAST_ID, LAST_PLACE, Statements
from .texts import (
    asked_id,
    body_from,
    cursor_place,
    event_from,
    marks_from,
    name_bytes,
    record_from,
)

_AT_ONCE: Final = 64
"""So many records are asked for by one statement."""


class Reading:
    """The questions about one application."""

    def __init__(self, statements: Statements, app: str, remembered: Remembered) -> None:
        self._statements = statements
        self._app = app
        self._remembered = remembered

    def several(self, link: Link, refs: Sequence[Ref]) -> dict[Ref, Record]:
        """Return the records that are there, all seen at one moment; kind `event` too."""
        wanted = [ref for ref in dict.fromkeys(refs) if ref.kind != "event"]
        events = [ref for ref in dict.fromkeys(refs) if ref.kind == "event"]
        is_one_statement = len(wanted) <= _AT_ONCE and not events
        found: dict[Ref, Record] = {}
        with nullcontext() if is_one_statement else link.snapshot():
            for kind, id, version, marks_text, body in self._rows(link, wanted):
                ref = Ref(kind, id.hex())
                marks = self._remembered.read(ref, version, marks_text)
                found[ref] = record_from(*ref, version, marks, body)
            for ref in events:
                rows = self.event_body(link, ref.id)
                if rows:
                    body = body_from(rows[0][0], f"event {ref.id}")
                    found[ref] = Record("event", ref.id, 1, body)
        return found

    def seen(
        self, link: Link, refs: Sequence[Ref], *, locked: bool = False
    ) -> dict[Ref, Seen | None]:
        """Return what stands in the rows of records besides their bodies; None: no row. *locked*:
        nobody else writes them until the transaction ends."""
        found: dict[Ref, Seen | None] = dict.fromkeys(refs)
        for kind, id, version, marks, _ in self._rows(link, refs, locked):
            found[Ref(kind, id.hex())] = Seen(version, marks_from(marks))
        return found

    def event_body(self, link: Link, id: str) -> Rows:
        """Return the row with an event's body, or none."""
        raw_id = asked_id(id)
        if raw_id is None:
            return []
        return link.fetch(self._statements.event_body, of_app=self._app, of_id=raw_id)

    def page(
        self, link: Link, kind: str, label: str, after: Cursor | None, limit: int, reverse: bool
    ) -> Page[Record]:
        """Return a page of the records that carry a label.

        Raises ValueError if *limit* is less than one.
        """
        if limit < 1:
            raise ValueError("a page holds at least one item")
        statements = self._statements
        ask = {
            "of_app": self._app,
            "of_kind": kind,
            "of_name": name_bytes(label),
            "most": limit + 1,
        }
        if reverse and after is None:
            rows = link.fetch(statements.page_from_end, **ask)
        else:
            place, id = cursor_place(after) if after is not None else (b"", b"")
            statement = statements.page_back if reverse else statements.page
            rows = link.fetch(statement, **ask, after_place=place, after_id=id)
        records = [
            record_from(kind, id.hex(), version, marks_from(marks), body)
            for _, id, version, marks, body in rows[:limit]
        ]
        if len(rows) <= limit:
            return Page(tuple(records))
        place, last = rows[limit - 1][0], records[-1]
        order = place.decode("utf-8", "surrogatepass")
        return Page(tuple(records), Cursor(order, last.id))

    def events(
        self,
        link: Link,
        *,
        user: str | None,
        sequence_after: int | None,
        unsealed: bool,
        after: Cursor | None,
        limit: int,
    ) -> Page[StoredEvent]:
        """Return a page of events in one of the three orders.

        Raises ValueError if not exactly one of the three is asked for, or *limit* is less than one.
        """
        if (user is not None) + (sequence_after is not None) + unsealed != 1:
            raise ValueError("ask for exactly one of user, sequence_after and unsealed")
        if limit < 1:
            raise ValueError("a page holds at least one item")
        statements = self._statements
        ask: dict[str, Any] = {"of_app": self._app, "most": limit + 1}
        first, ask["after_number"], ask["after_id"] = _event_place(after)
        if user is not None:
            raw_user = asked_id(user)
            if raw_user is None:
                return Page(())
            rows = link.fetch(statements.events_of_user, **ask, of_user=raw_user, after_first=first)
        elif sequence_after is not None:
            if first <= sequence_after:
                first = sequence_after
                ask |= {"after_number": LAST_PLACE, "after_id": LAST_ID}
            rows = link.fetch(statements.events_sealed, **ask, after_first=first)
        else:
            rows = link.fetch(statements.events_unsealed, **ask)
        events = tuple([event_from(row[1:]) for row in rows[:limit]])
        if len(rows) <= limit:
            return Page(events)
        last, number = events[-1], rows[limit - 1][0]
        first = (last.version if user is not None else last.sequence) or 0
        return Page(events, Cursor(f"{first:016x}{number:016x}", last.id))

    def _rows(self, link: Link, refs: Sequence[Ref], locked: bool = False) -> Rows:
        raw = [(kind, asked_id(id)) for kind, id in refs]
        asked = [(kind, id) for kind, id in raw if id is not None]
        rows: Rows = []
        for start in range(0, len(asked), _AT_ONCE):
            some = asked[start : start + _AT_ONCE]
            ask: dict[str, Any] = {"of_app": self._app}
            for n, (kind, id) in enumerate(some):
                ask[f"kind_{n}"], ask[f"id_{n}"] = kind, id
            rows += link.fetch(self._statements.several(len(some), locked=locked), **ask)
        return rows


def _event_place(after: Cursor | None) -> tuple[int, int, bytes]:
    if after is None:
        return -1, -1, b""
    _, id = cursor_place(after)
    return int(after.order[:16], 16), int(after.order[16:], 16), id
