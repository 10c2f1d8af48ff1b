"""What is printed: escaped, aligned, coloured on a terminal only – or JSON for programs."""

from __future__ import annotations

import json
import math
import os
import re
import textwrap
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any, Final

import attrs
import click

from admit.plain import plain as plain

from .fitting import broken, column_widths, terminal_width
from .fitting import width_of as width_of

STYLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "good": {"fg": "green"},
    "bad": {"fg": "red"},
    "waiting": {"fg": "yellow"},
    "accent": {"fg": "cyan"},
    "strong": {"bold": True},
    "faint": {"dim": True},
    "banner": {"fg": "black", "bg": "yellow", "bold": True},
}
STATE_STYLES: Final[Mapping[str, str]] = {
    "pending": "waiting",
    "confirmed": "good",
    "deleted": "faint",
    "disabled": "bad",
}
_GAP: Final = "  "


def visible(value: object) -> str:
    """Return *value* as text that does only what it shows.

    Names and addresses come from strangers: what would move the cursor, hide or turn the text –
    control characters, bidirectional overrides, line ends – is written as its escape (security.md
    A2).
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in str(value)
    )


def shown(location: str) -> str:
    """Return the path or URL of a store, visible, without the password that a URL may have."""
    return visible(re.sub(r"(?<=://)([^:/@]*):[^@]*@", r"\1:***@", location))


@attrs.frozen
class Cell:
    """A piece of text with a style of `STYLES`."""

    text: str = attrs.field(converter=visible)
    style: str | None = None
    whole: bool = False
    """It is not broken at its blanks."""


def styled(value: object, style: str | None) -> str:
    """Return *value*, visible, in a style. The colour is taken out again where there is none."""
    text = visible(value)
    return text if style is None or not text else click.style(text, **STYLES[style])


def colour_is_welcome() -> bool:
    """Whether a terminal may be coloured: not with NO_COLOR (no-color.org) or a dumb one."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    optional: Sequence[str] = (),
    width: int | None = None,
) -> str:
    """Return an aligned table, of *width* columns at most (None: as wide as the terminal).

    A column in which nothing stands is left out. Where the rest is too wide, the *optional* columns
    are left out as well, then text is broken at blanks; else each row becomes a block of names and
    values.
    """
    width = terminal_width() if width is None else width
    cells = [[_cell(value) for value in row] for row in rows]
    drawn = [
        place for place in range(len(headers)) if not cells or any(row[place].text for row in cells)
    ]
    needed = [place for place in drawn if headers[place] not in optional]
    for chosen, breaks in ((drawn, False), (needed, True)):
        head = [Cell(headers[place], "faint") for place in chosen]
        lines = [head, *[[row[place] for place in chosen] for row in cells]]
        columns = list(zip(*lines, strict=True))
        widths = [max(width_of(cell.text) for cell in column) for column in columns]
        least = [max(map(_least_width, column)) for column in columns] if breaks else widths
        room = sum(widths) if width is None else width - len(_GAP) * (len(chosen) - 1)
        fitting = column_widths(widths, least, room)
        if fitting is not None:
            return "\n".join([_lines(line, fitting) for line in lines])
    blocks = [{headers[at]: row[at] for at in drawn if row[at].text} for row in cells]
    return "\n\n".join([pairs(block, width=width) for block in blocks])


def pairs(values: Mapping[str, object], *, width: int | None = None) -> str:
    """Return names and values, one pair a line, the values below each other; a long one goes on in
    the next line (*width* as of a `table`)."""
    width = terminal_width() if width is None else width
    rows = [[Cell(name, "faint"), _cell(value)] for name, value in values.items()]
    names = max(width_of(row[0].text) for row in rows)
    widest = max(width_of(row[1].text) for row in rows)
    room = widest if width is None else max(1, width - names - len(_GAP))
    return "\n".join([_lines(row, [names, room]) for row in rows])


def wrapped(
    text: str, *, width: int | None = None, indent: str = "", first: str | None = None
) -> str:
    """Return *text*, visible, broken into lines of at most *width* columns (None: those of the
    terminal, 80 at most)."""
    return textwrap.fill(
        visible(text),
        width=min(80, terminal_width() or 80) if width is None else width,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def moment(instant: datetime | None) -> str:
    """Return an instant for people, to the second, in UTC."""
    return "–" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S}"


def instant(at: datetime | None) -> str:
    """Return an instant for people where no column says that it is in UTC."""
    return "–" if at is None else f"{moment(at)} UTC"


def counted(number: int, noun: str) -> str:
    """Return *number* and its noun: `1 user`, `2 users`."""
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def size(length_bytes: int) -> str:
    """Return a number of bytes as people read it: `824 B`, `1.3 MB`."""
    if length_bytes < 1000:
        return f"{length_bytes} B"
    units = ("kB", "MB", "GB", "TB")
    power = min(len(units), int(math.log(length_bytes, 1000)))
    return f"{length_bytes / 1000**power:.1f} {units[power - 1]}"


def numbers(header: str, values: Sequence[int]) -> list[str]:
    """Return numbers as a column of a table has them: ending below each other and the header."""
    texts = [f"{value:,}" if value else "–" for value in values]
    widest = max(map(len, [header, *texts]))
    return [text.rjust(widest) for text in texts]


def say(text: str = "") -> None:
    """Print a line of what was asked for. Its parts went through `visible`."""
    click.echo(text)


def say_json(value: object, *, indent: int | None = 2) -> None:
    """Print *value* as JSON: ASCII, so that a terminal does nothing else with it either."""
    click.echo(json.dumps(plain(value), indent=indent))


def note(text: str) -> None:
    """Print a line beside what was asked for: to stderr, so that it is in nobody's pipe."""
    click.echo(text, err=True)


def _cell(value: object) -> Cell:
    return value if isinstance(value, Cell) else Cell(value)


def _least_width(cell: Cell) -> int:
    words = [cell.text] if cell.whole else cell.text.split(" ")
    return max(map(width_of, words))


def _lines(row: Sequence[Cell], widths: Sequence[int]) -> str:
    """Return a row in as many lines as its longest cell needs."""
    texts = [
        [cell.text] if cell.whole else broken(cell.text, width)
        for cell, width in zip(row, widths, strict=True)
    ]
    return "\n".join(
        _line([Cell(text, cell.style) for text, cell in zip(line, row, strict=True)], widths)
        for line in zip_longest(*texts, fillvalue="")
    )


def _line(row: Sequence[Cell], widths: Sequence[int]) -> str:
    padded = [
        styled(cell.text, cell.style) + " " * (width - width_of(cell.text))
        for cell, width in zip(row, widths, strict=True)
    ]
    # The last column is not padded: a line has no blanks at its end.
    return _GAP.join([*padded[:-1], styled(row[-1].text, row[-1].style)]).rstrip()
