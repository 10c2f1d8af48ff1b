"""The line of the change log that brings records and events back just as they were."""

from __future__ import annotations

from collections.abc import Sequence

from admit.stores import KeyTaken, Record, StoredEvent

from .contents import Contents
from .documents import check_id, check_kind, event_text, record_text, to_text


def restoring_line(
    contents: Contents, records: Sequence[Record], events: Sequence[StoredEvent]
) -> bytes:
    """Return the line that restores all this to *contents*; empty, if there is nothing to restore.

    Of several with one id, the last one counts. An event that is there already is forgotten and
    comes again at the end of the order of commits.

    Raises:
        KeyTaken: a key belongs to a record that is not among them, or to two of them.
        ValueError, TypeError: a name cannot be one, or a body is not JSON.
    """
    by_name = {(record.kind, record.id): record for record in records}
    by_id = {event.id: event for event in events}
    parts: list[bytes] = []
    owners: dict[str, tuple[str, str]] = {}
    for name, record in by_name.items():
        check_kind(record.kind)
        check_id(record.id)
        for key in record.keys:
            holder = contents.index.find(key)
            if owners.setdefault(key, name) != name or (
                holder is not None and tuple(holder) not in by_name
            ):
                raise KeyTaken(key)
        parts.append(b"put %b %b" % (record.kind.encode("ascii"), record_text(record)))
    there = [id for id in by_id if contents.events.get(id) is not None]
    if there:  # before the events: a line is taken over from its beginning to its end
        parts.append(b"forget " + to_text(there))
    for number, event in enumerate(by_id.values(), contents.events.next_number):
        check_id(event.id)
        parts.append(b"event " + event_text(event, number))
    return b"\t".join(parts)
