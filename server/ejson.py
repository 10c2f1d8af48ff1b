"""MongoDB's Extended JSON, as existing clients write it: numbers, dates and ids in wrappers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from admit.errors import InvalidInput

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
DEEPEST: Final = 100
"""Levels of nesting, as MongoDB's documents have at most."""


def decoded(value: object, field: str, depth: int = 0) -> Any:
    """Return *value* with its wrappers taken off; plain JSON is left as it is.

    Numbers become `int` and `float`, dates aware `datetime`s, ids their 24 hex digits.

    Raises:
        InvalidInput: a wrapper holds what it must not, or it is nested too deep.
    """
    if depth > DEEPEST:
        raise InvalidInput(field, f"is nested more than {DEEPEST} levels deep.")
    match value:
        case list():
            return [decoded(inner, field, depth + 1) for inner in value]
        case dict():
            if len(value) == 1:
                ((name, inner),) = value.items()
                unwrap = _WRAPPERS.get(name)
                if unwrap is not None:
                    try:
                        return unwrap(inner)
                    except (KeyError, TypeError, ValueError, OverflowError):
                        raise InvalidInput(field, f"has a {name} that is none.") from None
            return {name: decoded(inner, field, depth + 1) for name, inner in value.items()}
        case _:
            return value


def _integer(value: object) -> int:
    if not isinstance(value, str) or len(value) > 20:  # digits of a 64-bit integer, and a sign
        raise ValueError
    return int(value)


def _double(value: object) -> float:
    if not isinstance(value, str):
        raise TypeError
    return {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}.get(value) or float(
        value
    )


def _id(value: object) -> str:
    if not (isinstance(value, str) and len(value) == 24):
        raise ValueError
    bytes.fromhex(value)
    return value.lower()


def _date(value: object) -> datetime:
    """Return an instant: in ISO 8601, or in milliseconds since 1970, in a wrapper or not."""
    if isinstance(value, str):
        found = datetime.fromisoformat(value)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    milliseconds = _integer(value["$numberLong"]) if isinstance(value, dict) else value
    if not isinstance(milliseconds, int):
        raise TypeError
    return _EPOCH + timedelta(milliseconds=milliseconds)


_WRAPPERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$numberInt": _integer,
    "$numberLong": _integer,
    "$numberDouble": _double,
    "$oid": _id,
    "$date": _date,
}
