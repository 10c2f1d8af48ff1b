"""The line of the change log that brings records and events back just as they were."""

from __future__ import annotations

from collections.abc import Sequence

from admit.indexes import plan_restore
from admit.stores import Record, StoredEvent

from .contents import Contents
from .documents import check_id, check_kind, event_text, record_text


def restoring_line(
    contents: Contents, records: Sequence[Record], events: Sequence[StoredEvent]
) -> bytes:
    """Return the line that restores all this to *contents*; empty, if there is nothing to restore.

    Raises:
        KeyTaken: a key belongs to a record that is not among them, or to two of them.
        ValueError, TypeError: a name cannot be one, a record is there twice, or a body is not JSON.
    """
    plan_restore(records, contents.record, contents.index.find)
    parts: list[bytes] = []
    for record in records:
        check_kind(record.kind)
        check_id(record.id)
        parts.append(b"put %b %b" % (record.kind.encode("ascii"), record_text(record)))
    number = contents.events.next_number
    for event in events:
        check_id(event.id)
        there = contents.events.get(event.id)
        parts.append(b"event " + event_text(event, number if there is None else there.number))
        number += there is None
    return b"\t".join(parts)
