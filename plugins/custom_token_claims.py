"""What the claims of a custom token become: an identity's id and data, by paths that settings name.

A path names a claim, or one inside it: `user_data.name`. A dot that belongs to a name is written
`\\.`: `https://example\\.com/roles`. A word of the setting `custom-token.metadata` is a path and,
behind `=`, what the field is called; without it, the field is called like the path.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from admit.errors import InvalidInput, InvalidSetting

LONGEST_ID: Final = 255
LONGEST_VALUE: Final = 4096
"""Characters of one field (wire-contract.md §3)."""
LONGEST_FIELD: Final = 63
"""Characters of a field's name (there, too)."""
_MISSING: Final = object()


def path_parts(path: str) -> tuple[str, ...]:
    """Return the names along a path, their escaped dots as dots."""
    parts, part, escaped = [], "", False
    for sign in path:
        if escaped:
            part += sign
            escaped = False
        elif sign == "\\":
            escaped = True
        elif sign == ".":
            parts.append(part)
            part = ""
        else:
            part += sign
    return (*parts, part)


def at(claims: Mapping[str, Any], path: str) -> object:
    """Return what stands at *path*, or None. A claim whose own name is the path as it is written
    comes first: many issuers use names with dots in them."""
    if path in claims:
        return claims[path]
    found: object = claims
    for part in path_parts(path):
        found = found.get(part, _MISSING) if isinstance(found, Mapping) else _MISSING
    return None if found is _MISSING else found


def read_metadata(words: Sequence[str]) -> Mapping[str, str]:
    """Return field → path, as the setting `custom-token.metadata` says.

    Raises:
        InvalidSetting: a word has no path, or its field's name is empty, too long or used twice.
    """
    fields: dict[str, str] = {}
    for word in words:
        path, equals, named = word.rpartition("=")
        if not equals:
            path, named = word, ".".join(path_parts(word))
        if not path or not 0 < len(named) <= LONGEST_FIELD or named in fields:
            raise InvalidSetting(
                "custom-token.metadata",
                f"has a word that is no claim=field with a field of its own: {word!r:.80}.",
            )
        fields[named] = path
    return fields


def id_of(claims: Mapping[str, Any], path: str) -> str:
    """Return the id of whom a token is about. Raises InvalidInput: it names nobody."""
    value = at(claims, path)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_ID or not text.isprintable():
        raise InvalidInput("token", f"has no {path} of at most {LONGEST_ID} characters.")
    return text


def data_of(
    claims: Mapping[str, Any], fields: Mapping[str, str], required: Sequence[str]
) -> dict[str, object]:
    """Return field → value of the fields that the token has.

    Raises:
        InvalidInput: it lacks a *required* one, or has a value that is too long to be kept.
    """
    found: dict[str, object] = {}
    for field, path in fields.items():
        value = at(claims, path)
        if value is None:
            continue
        if not _is_short(value):
            raise InvalidInput("token", f"has a {field} of more than {LONGEST_VALUE} characters.")
        found[field] = value
    lacking = [field for field in required if found.get(field) in (None, "")]
    if lacking:
        raise InvalidInput("token", f"lacks what is required: {', '.join(lacking)}.")
    return found


def _is_short(value: object) -> bool:
    text = value if isinstance(value, str) else json.dumps(value)
    return len(text) <= LONGEST_VALUE
