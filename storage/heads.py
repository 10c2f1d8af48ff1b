"""What a store knows of a document, cut out of its text without decoding the body.

Opening a store and reading a log ask only for this. `documents` writes it at the very beginning of
a document, in one order; one in which these fields come in another is decoded whole. That the text
is what was written, the sums of the files say, so the rest of it need not be looked at.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from admit.stores import Label

from .documents import event_from, from_text, record_from

_TEXT: Final = rb'"[^"\\]*(?:\\.[^"\\]*)*"'
_PAIR: Final = rb"\[" + _TEXT + rb"," + _TEXT + rb"\]"
_NOTHING_MORE: Final = rb'(?![0-9])(?!,"_[^_])'
"""A number ends here, and no field of the store follows: those of the body have two underscores."""

_RECORD: Final = re.compile(
    rb'\{"_id":"([0-9a-f]{24})","_version":([0-9]+)'
    rb'(?:,"_keys":\[(%(text)b(?:,%(text)b)*)\])?'
    rb'(?:,"_labels":\[(%(pair)b(?:,%(pair)b)*)\])?'
    rb"%(end)b" % {b"text": _TEXT, b"pair": _PAIR, b"end": _NOTHING_MORE}
)
_EVENT: Final = re.compile(
    rb'\{"_id":"([0-9a-f]{24})","_number":([0-9]+)'
    rb'(?:,"_user":"([^"\\]*)")?(?:,"_version":([0-9]+))?(?:,"_sequence":([0-9]+))?'
    rb'(?![0-9])(?!,"_(?!_|detail"))'
)


class RecordHead(NamedTuple):
    """What stands at the beginning of the document of a record."""

    id: str
    keys: tuple[str, ...]
    labels: tuple[Label, ...]


class EventHead(NamedTuple):
    """What stands at the beginning of the document of an event."""

    id: str
    number: int
    user: str | None
    version: int | None
    sequence: int | None


def record_head(text: bytes) -> RecordHead:
    """Return what the document of a record says of its id, keys and labels."""
    found = _RECORD.match(text)
    if found is None:
        record = record_from("", text)
        return RecordHead(record.id, record.keys, record.labels)
    record_id, _, keys, labels = found.groups()
    return RecordHead(
        record_id.decode("ascii"),
        () if keys is None else _keys(keys),
        () if labels is None else _labels(labels),
    )


def event_head(text: bytes) -> EventHead:
    """Return what the document of an event says of its place. Raises StoreDamaged if it is none."""
    found = _EVENT.match(text)
    if found is None:
        event, number = event_from(text)
        return EventHead(event.id, number, event.user, event.version, event.sequence)
    event_id, place, user, version, sequence = found.groups()
    return EventHead(
        event_id.decode("ascii"),
        int(place),
        None if user is None else user.decode("ascii"),
        None if version is None else int(version),
        None if sequence is None else int(sequence),
    )


def _keys(text: bytes) -> tuple[str, ...]:
    if b"\\" in text:
        return tuple(from_text(b"[%b]" % text))
    return tuple(text[1:-1].decode("ascii").split('","'))  # no text holds a quotation mark


def _labels(text: bytes) -> tuple[Label, ...]:
    if b"\\" in text:
        return tuple([Label(name, order) for name, order in from_text(b"[%b]" % text)])
    pairs = text[2:-2].decode("ascii").split('"],["')
    return tuple([Label._make(pair.split('","')) for pair in pairs])
