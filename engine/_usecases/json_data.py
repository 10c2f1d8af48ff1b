"""What callers and providers say of a user: a small JSON object, as every store can keep it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from ..errors import InvalidInput

MOST_DATA_BYTES: Final = 16_384
"""It stands in the user's document."""
_to_json: Final = json.JSONEncoder(allow_nan=False).encode


def checked_data(data: Mapping[str, object] | None, *, field: str = "data") -> Mapping[str, object]:
    """Return *data* if it is a small JSON object. Raises InvalidInput, naming *field*."""
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise InvalidInput(field, f"must be a mapping, not {type(data).__name__}.")
    if not data:
        return {}
    try:
        text = _to_json(dict(data))
        small = len(text) <= MOST_DATA_BYTES
        if small and not _is_json(data):
            raise ValueError
    except (TypeError, ValueError, RecursionError):
        raise InvalidInput(field, "must be what JSON can hold, with text for names.") from None
    if not small:
        raise InvalidInput(field, f"is larger than {MOST_DATA_BYTES:,} bytes as JSON.")
    copied: Mapping[str, object] = json.loads(text)
    return copied


def _is_json(value: object) -> bool:
    """What `json` lets pass besides: names that are no text, which it makes some, and text that not
    every store can keep – half a character, NUL."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and _is_json(k) and _is_json(v) for k, v in value.items())
    return not isinstance(value, list | tuple) or all(map(_is_json, value))
