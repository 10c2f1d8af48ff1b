"""Numbers and durations that callers hand in, checked before they are used."""

from __future__ import annotations

from datetime import timedelta

from .errors import InvalidInput


def check_number(value: object, field: str, least: int, most: int) -> int:
    """Return *value* if it is a whole number from *least* to *most*. Raises InvalidInput."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidInput(field, f"must be a whole number from {least} to {most}.")
    return value


def check_duration(value: object, field: str, least: timedelta, most: timedelta) -> timedelta:
    """Return *value* if it is a `timedelta` from *least* to *most*. Raises InvalidInput."""
    if not isinstance(value, timedelta):
        raise InvalidInput(field, f"must be a timedelta, not {type(value).__name__}.")
    if not least <= value <= most:
        raise InvalidInput(field, f"must be from {least} to {most}.")
    return value
