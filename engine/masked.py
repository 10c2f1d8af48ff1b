"""A piece of text that must not be printed."""

from __future__ import annotations

from typing import Any, final

import attrs


@final
class Secret:
    """Text that hides itself: `repr`, `str` and f-strings show a mask; `reveal()` gives the text.

    Two secrets with the same text are equal, so that tests can compare them. Code that decides
    something compares with `hmac.compare_digest` instead.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself. Every call of this is a place where a secret may leak."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('…')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    def __bool__(self) -> bool:
        return bool(self._text)


def must_be_secret(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Validate an attrs field as a `Secret` without ever printing what stood there.

    attrs' own validators quote the refused value, `repr=False` or not.

    Raises:
        TypeError: it is no `Secret`; the message names the field alone.
    """
    if not isinstance(value, Secret):
        raise TypeError(f"{type(instance).__name__}.{attribute.name} must be a Secret")
