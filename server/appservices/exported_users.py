"""User objects of App Services' Admin API as rows for the engine, and rows as such objects.

The objects are those of wire-contract.md §4, a line of JSON each: users, and pending users, which
are known by the address they registered with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import attrs

from admit import UserRow
from admit.addresses import canonical
from admit.clock import to_text
from admit.errors import InvalidAddress, InvalidInput

from .findings import kind_of

PASSWORDS: Final = "local-userpass"
LONGEST_LINE_BYTES: Final = 1_048_576
_HEX_ID: Final = re.compile(r"[0-9a-f]{24}")
_KEYS: Final = "api-key"
_ANONYMOUS: Final = "anon-user"
_WITHOUT_DATA: Final = frozenset({PASSWORDS, _KEYS, _ANONYMOUS})
"""Providers whose identities have no data but what the engine gives them."""
_CORRECT: Final = "Correct the line, or take it out."


@attrs.frozen(kw_only=True)
class ReadUser:
    """A line of the file, read."""

    id: str
    """Of a pending user, that of its registration."""
    pending: bool
    login: str | None
    """The address that it logs in with by a password, as it was typed."""
    row: Mapping[str, Any] = attrs.field(repr=False)
    """As the engine takes it in; a pending user's has no id yet."""
    has_hash: bool
    left: str | None = None
    """Why it is not taken in though nothing is wrong with it."""

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody can log in as this user ever again."""
        return {one["provider"] for one in self.row["identities"]} <= {_ANONYMOUS}


def read_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield each line with its number, from 1; of one that is too long, its beginning. Empty ones
    are passed over. Raises InvalidInput: the file cannot be read."""
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(LONGEST_LINE_BYTES + 1):
                number += 1
                ended = line
                while not ended.endswith(b"\n") and len(ended) > LONGEST_LINE_BYTES:
                    ended = file.readline(LONGEST_LINE_BYTES + 1)
                if line.strip():
                    yield number, line
    except OSError as problem:
        raise InvalidInput("users", f"{path.name} cannot be read: {problem.strerror}.") from None


def read_user(line: bytes) -> ReadUser:
    """Return the user of a line.

    Raises:
        InvalidInput: it is no user object; the field is named, and no value is quoted.
    """
    given = _object(line)
    id_ = _id(given.get("_id"), "_id")
    if "login_ids" in given:
        return _pending(given, id_)
    data = _mapping(given, "data")
    identities = [
        _identity(given, item, f"identities[{at}]")
        for at, item in enumerate(_list(given, "identities"))
    ]
    passwords = [one for one in identities if one["provider"] == PASSWORDS]
    login = passwords[0]["login_key"] if passwords else None
    others = [one for one in identities if one["provider"] not in _WITHOUT_DATA]
    if others and not any(one["data"] for one in others):
        # The object has the data of all identities as one; the address is the password's.
        told = {name: value for name, value in data.items() if name != "email" or login is None}
        others[0]["data"] = told
    kind = given.get("type", "normal")
    left = None if kind == "normal" else f"users of type {kind!s:.20} are the service's own."
    row = {
        "id": id_,
        "state": "confirmed",
        "disabled": _truth(given, "disabled"),
        # A key is nothing without its text, which no export has.
        "identities": [one for one in identities if one["provider"] != _KEYS],
        "created_at": _instant(given.get("creation_date"), "creation_date"),
        "last_seen_at": _instant(given.get("last_authentication_date"), "last_authentication_date"),
        "custom_data": given.get("custom_data"),
    }
    return ReadUser(
        id=id_,
        pending=False,
        login=login,
        row=row,
        has_hash=given.get("password_hash") is not None,
        left=left,
    )


def canonical_login(user: ReadUser) -> str | None:
    """Return the address as it is compared here, which App Services did not; None without one."""
    try:
        return None if user.login is None else canonical(user.login)
    except InvalidAddress:
        return None  # the engine says so when it is to take it in


def pending_id(registration: str) -> str:
    """Return the id of the pending user whose registration has this one: its even neighbour."""
    return f"{int(registration, 16) & ~1:024x}"


def user_object(row: UserRow, provider_id: Callable[[str], str], domain_id: str) -> dict[str, Any]:
    """Return *row* as the Admin API shows the user; *provider_id* says the id of a provider. A
    password's hash and the custom data, which it does not show, stand beside."""
    assert row.id is not None, "whoever is here has an id"
    passwords = [one for one in row.identities if one.provider == PASSWORDS]
    beside: dict[str, Any] = {}
    for one in passwords:
        if one.password_hash is not None:
            beside = {"password_hash": one.password_hash.reveal()}
    if row.state == "pending" and passwords:
        return {
            "_id": f"{int(row.id, 16) | 1:024x}",
            "domain_id": domain_id,
            "login_ids": [{"id_type": "email", "id": _typed(row)}],
            "user_id": "",
            **beside,
        }
    if row.custom_data:
        beside["custom_data"] = row.custom_data
    return {
        "_id": row.id,
        "identities": [
            {
                "id": one.id,
                "provider_type": one.provider,
                "provider_id": provider_id(one.provider),
                "provider_data": dict(one.data),
            }
            for one in row.identities
        ],
        "type": "normal",
        "creation_date": _seconds(row.created_at),
        "last_authentication_date": _seconds(row.last_seen_at),
        "disabled": row.disabled,
        "data": {name: value for one in row.identities for name, value in one.data.items()},
        **beside,
    }


def _identity(given: Mapping[str, Any], item: object, where: str) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise _wrong(where, f"must be an object, not {kind_of(item)}.")
    provider = _text(item, "provider_type", f"{where}.provider_type")
    own = _text(item, "id", f"{where}.id")
    told = _mapping(item, "provider_data")
    if provider != PASSWORDS:
        return {"provider": provider, "id": own, "login_key": own, "data": told}
    login = told.get("email", _mapping(given, "data").get("email"))
    if not isinstance(login, str) or not login:
        raise _wrong("data.email", "is missing: this user logs in with an address.")
    return _password(given, login, own)


def _pending(given: Mapping[str, Any], id_: str) -> ReadUser:
    login = None
    for at, item in enumerate(_list(given, "login_ids")):
        if not isinstance(item, Mapping):
            raise _wrong(f"login_ids[{at}]", f"must be an object, not {kind_of(item)}.")
        if item.get("id_type", "email") == "email" and login is None:
            login = _text(item, "id", f"login_ids[{at}].id")
    if login is None:
        raise _wrong("login_ids", "has no address.")
    confirmed = given.get("user_id")
    return ReadUser(
        id=id_,
        pending=True,
        login=login,
        row={
            "state": "pending",
            "identities": [_password(given, login, None)],
            "created_at": _instant(int(id_[:8], 16), "_id"),
        },
        has_hash=given.get("password_hash") is not None,
        left="it is a user already, who logged in." if confirmed else None,
    )


def _password(given: Mapping[str, Any], login: str, own: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"provider": PASSWORDS, "login_key": login, "data": {}}
    if own is not None:
        found["id"] = own
    if given.get("password_hash") is not None:
        found["password_hash"] = given["password_hash"]
    return found


def _typed(row: UserRow) -> str:
    login = next(one for one in row.identities if one.provider == PASSWORDS).login_key
    return next((a.typed for a in row.addresses if canonical(a.typed) == login), login)


def _object(line: bytes) -> Mapping[str, Any]:
    if len(line) > LONGEST_LINE_BYTES:
        raise _wrong("line", f"is longer than {LONGEST_LINE_BYTES:,} bytes.")
    try:
        given = json.loads(line)
    except (ValueError, RecursionError):
        raise _wrong("line", "is no JSON.") from None
    if not isinstance(given, dict):
        raise _wrong("line", f"must be an object, not {kind_of(given)}.")
    return given


def _id(value: object, where: str) -> str:
    if isinstance(value, Mapping):
        value = value.get("$oid")
    if not isinstance(value, str) or not _HEX_ID.fullmatch(value):
        raise _wrong(where, "must be 24 hex digits.")
    return value


def _mapping(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = given.get(name)
    if value is None or isinstance(value, Mapping):
        return value or {}
    raise _wrong(name, f"must be an object, not {kind_of(value)}.")


def _list(given: Mapping[str, Any], name: str) -> list[Any]:
    value = given.get(name)
    if value is None or isinstance(value, list):
        return value or []
    raise _wrong(name, f"must be an array, not {kind_of(value)}.")


def _text(given: Mapping[str, Any], name: str, where: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(where, f"must be text, not {kind_of(value)}.")
    return value


def _truth(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise _wrong(name, f"must be true or false, not {kind_of(value)}.")


def _instant(value: object, where: str) -> str | None:
    """Return seconds since 1970 – plain, or as extended JSON – as an instant; 0 is never."""
    if isinstance(value, Mapping):
        value = value.get("$numberLong", value.get("$numberInt"))
        value = int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,12}", value) else value
    if value is None or value == 0:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(where, f"must be seconds since 1970, not {kind_of(value)}.")
    try:
        return to_text(datetime.fromtimestamp(value, UTC))
    except (OverflowError, ValueError, OSError):
        raise _wrong(where, "must be seconds since 1970.") from None


def _seconds(instant: datetime | None) -> int:
    return 0 if instant is None else int(instant.timestamp())


def _wrong(field: str, rule: str) -> InvalidInput:
    return InvalidInput(field, rule, _CORRECT)
