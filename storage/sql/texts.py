"""How ids, texts and records stand in columns, and how they are read back."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

import attrs

from admit.errors import InvalidInput, StoreDamaged
from admit.stores import Body, Cursor, Label, Record, StoredEvent

from ..documents import check_id

_LONGEST_BYTES: Final = 1024
"""A longer key, label or order is cut: PostgreSQL has no place for it in an index page."""

_to_json: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_from_json: Final = json.JSONDecoder().decode


@attrs.frozen
class Marks:
    """The keys and labels of a record, and the text that says them."""

    text: str
    keys: tuple[str, ...]
    labels: tuple[Label, ...]


NO_MARKS: Final = Marks("[[],[]]", (), ())


def marks_of(keys: tuple[str, ...], labels: tuple[Label, ...]) -> Marks:
    """Return the marks of a record with these keys and labels."""
    return Marks(_to_json([keys, labels]), keys, labels) if keys or labels else NO_MARKS


def marks_from(text: str) -> Marks:
    """Return the marks that *text* says. Raises StoreDamaged."""
    if text == NO_MARKS.text:
        return NO_MARKS
    try:
        keys, labels = _from_json(text)
        return Marks(text, tuple(keys), tuple([Label(name, order) for name, order in labels]))
    except (ValueError, TypeError):
        raise _damaged("the keys and labels of a record") from None


def body_text(body: Body) -> str:
    """Return *body* as JSON of ASCII alone, so that no database finds a character to refuse.

    Raises ValueError or TypeError if it is not JSON.
    """
    return _to_json(body)


def body_from(text: str, what: str) -> Any:
    """Return the body that *text* says. Raises StoreDamaged, naming *what* it belongs to."""
    try:
        return _from_json(text)
    except ValueError:
        raise _damaged(what) from None


def record_from(kind: str, id: str, version: int, marks: Marks, body: str) -> Record:
    """Return a record as it was written. Raises StoreDamaged."""
    return Record(kind, id, version, body_from(body, f"{kind} {id}"), marks.keys, marks.labels)


def event_from(row: tuple[Any, ...]) -> StoredEvent:
    """Return an event from its id, user, version, sequence, body and detail. Raises
    StoreDamaged."""
    raw_id, user, version, sequence, body, detail = row
    id = raw_id.hex()
    what = f"event {id}"
    return StoredEvent(
        id,
        body_from(body, what),
        None if user is None else user.hex(),
        version or None,
        None if detail is None else body_from(detail, what),
        sequence,
    )


def id_bytes(id: str) -> bytes:
    """Return *id* as it stands in a column. Raises ValueError if no record could have it."""
    check_id(id)
    return bytes.fromhex(id)


def asked_id(id: str) -> bytes | None:
    """Return *id* as it may stand in a column, or None if nothing could have it."""
    try:
        return id_bytes(id)
    except ValueError:
        return None


def name_bytes(text: str) -> bytes:
    """Return a key or the name of a label: one that is too long is told by its digest."""
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > _LONGEST_BYTES:
        raw = raw[: _LONGEST_BYTES - 32] + hashlib.sha256(raw).digest()
    return raw


def place_bytes(order: str) -> bytes:
    """Return an order: among those that agree so far, the ids decide."""
    return order.encode("utf-8", "surrogatepass")[:_LONGEST_BYTES]


def cursor_place(after: Cursor) -> tuple[bytes, bytes]:
    """Return where a cursor stands. Raises InvalidInput if it is none that a page gave out."""
    try:
        return place_bytes(after.order), bytes.fromhex(after.id)
    except ValueError:
        raise InvalidInput("after", "is no cursor that a page gave out.") from None


def _damaged(what: str) -> StoreDamaged:
    return StoreDamaged(
        f"The database holds something that is no record of ours, as {what}.",
        "Restore it from a backup.",
    )
