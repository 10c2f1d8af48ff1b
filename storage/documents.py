"""How a record or an event is written as one TinyDB document, and read back.

A document is the body plus what the store knows, in fields that begin with an underscore: `_id`
(24 hex digits; the document's own id is the same number in decimal, as stock TinyDB wants it),
`_version`, `_keys`, `_labels`; for an event `_number`, `_user`, `_version`, `_sequence`, `_detail`.
A field of the body that begins with an underscore is written with one more.

The text is ASCII, so that stock TinyDB reads it under any locale, and holds no tab or line feed.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from admit.errors import StoreDamaged
from admit.stores import Body, Label, NewEvent, Put, Record, StoredEvent

REPAIR: Final = "Save what can be read: admit store repair. Or restore a backup."

_to_json: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_from_json: Final = json.JSONDecoder().decode

_ID: Final = re.compile(r"[0-9a-f]{24}")
_KIND: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


def to_text(value: object) -> bytes:
    """Return *value* as compact JSON. Raises ValueError or TypeError if it is not JSON."""
    return _to_json(value).encode("ascii")


def from_text(text: bytes) -> Any:
    """Return the value that *text* holds."""
    return _from_json(text.decode("ascii"))


def check_id(id: str) -> None:
    """Raise ValueError if *id* is not 24 hex digits: no document could have it."""
    if _ID.fullmatch(id) is None:
        raise ValueError(f"an id is 24 hex digits in lower case, not {id!r}")


def check_kind(kind: str) -> None:
    """Raise ValueError if no table for records can have this name."""
    if kind == "event" or _KIND.fullmatch(kind) is None:
        raise ValueError(f"a record cannot be of the kind {kind!r}")


def decimal(id: str) -> str:
    """Return the document id that TinyDB shows for an id."""
    return str(int(id, 16))


def hexadecimal(document_id: str) -> str:
    """Return the id for TinyDB's document id. Raises ValueError if it is none."""
    return f"{int(document_id):024x}"


def record_text(record: Put | Record) -> bytes:
    """Return the document of a record, as it is or as it is to be written."""
    head: dict[str, Any] = {"_id": record.id, "_version": record.version}
    if record.keys:
        head["_keys"] = record.keys
    if record.labels:
        head["_labels"] = record.labels
    return to_text(head | _escaped(record.body))


def record_from(kind: str, text: bytes) -> Record:
    """Return the record that a document holds."""
    document = from_text(text)
    id, version = document.pop("_id"), document.pop("_version")
    keys = tuple(document.pop("_keys", ()))
    labels = tuple([Label(name, order) for name, order in document.pop("_labels", ())])
    return Record(kind, id, version, _unescaped(document), keys, labels)


def event_text(event: NewEvent | StoredEvent, number: int) -> bytes:
    """Return the document of an event; *number* is its place in the order of commits."""
    head: dict[str, Any] = {"_id": event.id, "_number": number}
    if event.user is not None:
        head["_user"] = event.user
    if event.version is not None:
        head["_version"] = event.version
    if isinstance(event, StoredEvent) and event.sequence is not None:
        head["_sequence"] = event.sequence
    if event.detail is not None:
        head["_detail"] = event.detail
    return to_text(head | _escaped(event.body))


def event_from(text: bytes) -> tuple[StoredEvent, int]:
    """Return the event that a document holds, and its number.

    Raises StoreDamaged if it holds none: events are read when they are asked for, long after the
    sums of the file were compared.
    """
    try:
        document = from_text(text)
        id, number = document.pop("_id"), document.pop("_number")
    except (ValueError, KeyError) as problem:
        raise StoreDamaged("An event cannot be read any more.", REPAIR) from problem
    user, version = document.pop("_user", None), document.pop("_version", None)
    sequence, detail = document.pop("_sequence", None), document.pop("_detail", None)
    return StoredEvent(id, _unescaped(document), user, version, detail, sequence), number


def _escaped(body: Body) -> dict[str, Any]:
    for name in body:
        if name.startswith("_"):
            return {f"_{n}" if n.startswith("_") else n: value for n, value in body.items()}
    return dict(body)


def _unescaped(document: dict[str, Any]) -> dict[str, Any]:
    for name in document:
        if name.startswith("_"):
            return {n.removeprefix("_"): value for n, value in document.items()}
    return document
