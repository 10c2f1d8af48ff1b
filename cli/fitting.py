"""How text fits into the columns that a terminal has: broken at blanks, or not at all.

An address or an id is never cut: who copies it needs all of it.
"""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Sequence
from typing import Final

_NARROWEST: Final = 40


def terminal_width() -> int | None:
    """Return how many columns there are; None where it goes to no terminal: for a program, no line
    is broken."""
    return max(_NARROWEST, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None


def width_of(text: str) -> int:
    """Return how many columns *text* takes on a terminal."""
    return sum(
        0
        if unicodedata.combining(character)
        else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )


def broken(text: str, width: int) -> list[str]:
    """Return *text* in lines of at most *width* columns, but for words that are longer."""
    if width_of(text) <= width:
        return [text]
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and width_of(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def column_widths(wished: Sequence[int], least: Sequence[int], room: int) -> list[int] | None:
    """Return how wide columns are that need no more than *room* in all, the widest made narrower
    first; None if even the *least* widths are too much."""
    widths = list(wished)
    while sum(widths) > room:
        can_give = [place for place in range(len(widths)) if widths[place] > least[place]]
        if not can_give:
            return None
        widths[max(can_give, key=lambda place: widths[place])] -= 1
    return widths
