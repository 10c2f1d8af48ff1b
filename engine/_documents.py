"""JSON objects that callers hand in, checked before they are kept."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from .errors import InvalidInput

DEEPEST: Final = 32
"""Objects and lists inside each other: far below what a JSON parser stumbles over."""
_LARGEST: Final = 2**63 - 1
_PATH_CHARACTERS: Final = 200

_encode: Final = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
).encode


def size_bytes(document: Mapping[str, object]) -> int:
    """Return how many bytes a checked document has as JSON."""
    return len(_encode(document).encode())


def check_document(value: object, field: str, *, most_bytes: int) -> dict[str, Any]:
    """Return a copy of *value* if it is a JSON object of at most *most_bytes*.

    Raises:
        InvalidInput: it is none; the place in it is named, and the rule. No value is quoted.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput(field, f"must be a JSON object, not {type(value).__name__}.")
    # Whatever is not JSON has an end: what is nested in itself is found by its depth.
    copy: dict[str, Any] = _checked(value, field, DEEPEST)
    length = size_bytes(copy)
    if length > most_bytes:
        raise InvalidInput(
            field,
            f"has {length:,} bytes as JSON; at most {most_bytes:,} are kept.",
            "Keep less here, and the rest in a store of your own.",
        )
    return copy


def _checked(value: object, place: str, levels: int) -> Any:
    match value:
        case None | bool():
            return value
        case str():
            return _text(value, place)
        case int():
            if abs(value) > _LARGEST:
                raise InvalidInput(place, "is a whole number of more than 64 bits.")
            return int(value)
        case float():
            if not math.isfinite(value):
                raise InvalidInput(place, "is a number that JSON does not have.")
            return value
    if levels == 0:
        raise InvalidInput(_short(place), f"is nested more than {DEEPEST} levels deep.")
    if isinstance(value, Mapping):
        return {
            _key(name, place): _checked(inner, f"{place}.{_short(str(name))}", levels - 1)
            for name, inner in value.items()
        }
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_checked(inner, f"{place}[{n}]", levels - 1) for n, inner in enumerate(value)]
    raise InvalidInput(_short(place), f"is a {type(value).__name__}, which JSON does not have.")


def _key(name: object, place: str) -> str:
    if not isinstance(name, str):
        raise InvalidInput(_short(place), f"has a name that is a {type(name).__name__}, not text.")
    return _text(name, place)


def _text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(
            _short(place), "has half of a surrogate pair, which is no character."
        ) from None
    return str(value)


def _short(place: str) -> str:
    """Return a place so that it can be printed, whatever somebody named the things in it."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in place)
    return shown if len(shown) <= _PATH_CHARACTERS else f"{shown[:_PATH_CHARACTERS]}…"
