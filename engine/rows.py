"""Users as they move from one system to another: a row each, as a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

import attrs

from ._ids import check_id
from ._text import check_line
from .clock import from_text, to_text
from .errors import InvalidInput
from .masked import Secret

LONGEST_LINE: Final = 1_048_576
"""Characters of a row; a user's document is smaller by far."""
MOST_PARTS: Final = 100
"""Identities, or addresses, of one user."""
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.frozen(kw_only=True)
class AddressRow:
    """A mailbox of a user who moves."""

    typed: str
    proved_at: datetime | None = None
    """When control of it was proved there; None: it was not, unless `proved_by` says so."""
    proved_by: str | None = None
    """What proved it: a run's id, a provider, a word of yours."""


@attrs.frozen(kw_only=True)
class IdentityRow:
    """A login of a user who moves."""

    provider: str
    login_key: str
    """By which the provider finds it: the address of `local-userpass`, a subject of OpenID."""
    id: str | None = None
    data: Mapping[str, object] = attrs.field(factory=dict)
    password_hash: Secret | None = attrs.field(default=None, repr=False)
    """As `Engine.create` takes it."""
    password_must_change: bool = False
    """Whether the password opens nothing until it is changed: somebody else chose it."""
    added_at: datetime | None = None


@attrs.frozen(kw_only=True)
class UserRow:
    """A user who moves. What is None is not known: the instants then follow from each other."""

    id: str | None = None
    """24 hex digits; kept. None: one is made."""
    state: Literal["pending", "confirmed"] = "confirmed"
    disabled: bool = False
    identities: tuple[IdentityRow, ...] = ()
    addresses: tuple[AddressRow, ...] = ()
    """The first one is where messages go."""
    created_at: datetime | None = None
    """None: what the id says, for its first eight digits are a second."""
    confirmed_at: datetime | None = None
    delete_at: datetime | None = None
    """The end of her grace, if she is leaving."""
    first_log_in_at: datetime | None = None
    last_seen_at: datetime | None = None
    custom_data: Mapping[str, object] | None = None


AnyRow: TypeAlias = UserRow | Mapping[str, Any] | str | bytes
"""A row: as a record, as a JSON object, or as the line that holds one."""


def to_line(row: UserRow) -> str:
    """Return *row* as a line of JSON, ASCII; what is unknown, empty or false is left out. A
    password hash stands there in clear."""
    return json.dumps(_object(row))


def read_row(row: AnyRow) -> UserRow:
    """Return *row* as a record, its parts checked by themselves.

    Raises:
        InvalidInput: it is no JSON object, a field is unknown, missing or of the wrong type, or an
            instant has no time zone; the place in it is named, no value is quoted.
    """
    value = parsed(row)
    value = _object(value) if isinstance(value, UserRow) else value
    return UserRow(**_fields(value, "", _USER))


def parsed(row: AnyRow) -> Any:
    """Return the JSON that a line holds; a row that is no line is left as it is. Raises
    InvalidInput: it is too long, or no JSON."""
    if not isinstance(row, str | bytes):
        return row
    return _parsed(row)


def _parsed(line: str | bytes) -> Any:
    if len(line) > LONGEST_LINE:
        raise InvalidInput("row", f"is longer than {LONGEST_LINE:,} characters.")
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        raise InvalidInput("row", "is no JSON.", "Write one JSON object a line.") from None


def _object(record: attrs.AttrsInstance) -> dict[str, Any]:
    """Return a row, or a part of one, as a JSON object."""
    told: dict[str, Any] = {}
    for field in attrs.fields(type(record)):
        value = _plain(getattr(record, field.name))
        if field.default is attrs.NOTHING or value not in (None, False, {}, []):
            told[field.name] = value
    return told


def _plain(value: object) -> object:
    match value:
        case datetime():
            return to_text(value.astimezone(UTC)) if value.tzinfo else value.isoformat()
        case Secret():
            return value.reveal()
        case tuple() | list():
            return [_plain(inner) for inner in value]
        case AddressRow() | IdentityRow():
            return _object(value)
    return value


Reader: TypeAlias = Callable[[Any, str], object]


def _fields(value: object, place: str, readers: Mapping[str, Reader]) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidInput(place or "row", f"must be a JSON object, not {type(value).__name__}.")
    unknown = sorted(str(name) for name in value if name not in readers)
    if unknown:
        raise InvalidInput(
            place or "row",
            "has a field that is not known here.",
            f"Known are: {', '.join(readers)}.",
        )
    start = f"{place}." if place else ""
    found = {
        name: read(value[name], f"{start}{name}")
        for name, read in readers.items()
        if value.get(name) is not None
    }
    for name in ("provider", "login_key", "typed"):
        if name in readers and name not in found:
            raise InvalidInput(f"{start}{name}", "is missing.")
    return found


def _flag(value: object, place: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(place, f"must be true or false, not {type(value).__name__}.")
    return value


def _state(value: object, place: str) -> object:
    if value not in ("pending", "confirmed"):
        raise InvalidInput(place, "must be pending or confirmed.")
    return value


def _instant(value: object, place: str) -> datetime:
    try:
        read = datetime.fromisoformat(check_line(value, place, most=64))
        if read.tzinfo is None:
            raise InvalidInput(place, "has no time zone.", "Write it like 2026-01-31T09:30:00Z.")
        instant = read.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(place, "is no instant.", "Write it like 2026-01-31T09:30:00Z.") from None
    if instant < _EARLIEST:
        raise InvalidInput(place, "is before 1970.")
    return from_text(to_text(instant))  # to the millisecond, as a store keeps it


def _data(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise InvalidInput(place, f"must be a JSON object, not {type(value).__name__}.")
    return value  # its size is the engine's to say


def _hash(value: object, place: str) -> Secret:
    return Secret(check_line(value, place))


def _parts(kind: type, readers: Mapping[str, Reader]) -> Reader:
    def read(value: object, place: str) -> object:
        if not isinstance(value, list | tuple):
            raise InvalidInput(place, f"must be a list, not {type(value).__name__}.")
        if len(value) > MOST_PARTS:
            raise InvalidInput(place, f"has more than {MOST_PARTS}.")
        return tuple(
            kind(**_fields(part, f"{place}[{at}]", readers)) for at, part in enumerate(value)
        )

    return read


def _line(value: object, place: str) -> str:
    line = check_line(value, place)
    if not line:
        raise InvalidInput(place, "is empty.")
    return line


_IDENTITY: Final[Mapping[str, Reader]] = {
    "provider": _line,
    "login_key": _line,
    "id": _line,
    "data": _data,
    "password_hash": _hash,
    "password_must_change": _flag,
    "added_at": _instant,
}
_ADDRESS: Final[Mapping[str, Reader]] = {
    "typed": _line,
    "proved_at": _instant,
    "proved_by": _line,
}
_USER: Final[Mapping[str, Reader]] = {
    "id": check_id,
    "state": _state,
    "disabled": _flag,
    "identities": _parts(IdentityRow, _IDENTITY),
    "addresses": _parts(AddressRow, _ADDRESS),
    "created_at": _instant,
    "confirmed_at": _instant,
    "delete_at": _instant,
    "first_log_in_at": _instant,
    "last_seen_at": _instant,
    "custom_data": _data,
}
