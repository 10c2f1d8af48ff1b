"""Text that callers hand in, checked before it is used, kept or compared."""

from __future__ import annotations

import os
import unicodedata
from typing import Final

from .errors import InvalidInput

_CONTROLS: Final = frozenset({"Cc", "Zl", "Zp"})
_BREAKS: Final = "\n\r\t\u2028\u2029"


def check_text(value: object, field: str, *, most: int = 1000) -> str:
    """Return *value* if it is text of at most *most* characters that has a UTF-8 form.

    Raises:
        InvalidInput: it is not; *field* is named, the value never quoted.
    """
    if not isinstance(value, str):
        raise InvalidInput(field, f"must be text, not {type(value).__name__}.")
    if len(value) > most:
        raise InvalidInput(field, f"has more than {most} characters.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(field, "has half of a surrogate pair, which is no character.") from None
    return value


def check_line(value: object, field: str, *, most: int = 1000, breaks: bool = False) -> str:
    """Return *value* if it is such text without control characters; with *breaks* it may have
    several lines, and tabs.

    Raises:
        InvalidInput: it is not; *field* is named, the value never quoted.
    """
    text = check_text(value, field, most=most)
    if text.isprintable():
        return text
    for character in text:
        if unicodedata.category(character) in _CONTROLS and not (breaks and character in _BREAKS):
            raise InvalidInput(field, f"has U+{ord(character):04X} in it, a control character.")
    return text


def check_path(value: object, field: str) -> str:
    """Return *value* as text if it can be a path or a URL. Raises InvalidInput."""
    path = check_text(os.fspath(value) if isinstance(value, os.PathLike) else value, field)
    if "\0" in path:
        raise InvalidInput(field, "has a NUL character in it.")
    return path
