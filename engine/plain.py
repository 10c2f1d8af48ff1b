"""Records as JSON can hold them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from .clock import to_text
from .masked import Secret
from .settings import to_text as duration_text

_MASK: Final = "…"


def plain(value: object) -> Any:
    """Return *value* as JSON can hold it. What a record hides from its `repr` is left out."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Secret():
            return _MASK
        case datetime():
            return to_text(value)
        case timedelta():
            return duration_text(value)
        case Mapping():
            return {str(name): plain(inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(inner) for inner in value]
    kind = type(value)
    if attrs.has(kind):
        fields = [field for field in attrs.fields(kind) if field.repr]
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    return str(value)
