"""How far long work has come, on one line of the terminal that is drawn again and again."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from admit.care import Progress

from .output import colour_is_welcome, visible

_NOT_OFTENER_SECONDS: Final = 0.1
_CLEAR_LINE: Final = "\r\x1b[K"


class ProgressLine:
    """Draws progress to stderr; where that is no terminal, or a dumb one, nothing is drawn."""

    def __init__(self) -> None:
        self._draws = sys.stderr.isatty() and colour_is_welcome()
        self._drawn = False
        self._drawn_at = float("-inf")

    def tell(self, progress: Progress) -> None:
        """Draw it, unless something was drawn just now."""
        now = time.monotonic()
        if not self._draws or now - self._drawn_at < _NOT_OFTENER_SECONDS:
            return
        self._drawn_at, self._drawn = now, True
        click.echo(f"{_CLEAR_LINE}{line_of(progress)}", err=True, nl=False)

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._drawn:
            click.echo(_CLEAR_LINE, err=True, nl=False)
            self._drawn = False


@contextmanager
def progress_line() -> Iterator[ProgressLine]:
    """Give a line for progress, which is taken away at the end."""
    line = ProgressLine()
    try:
        yield line
    finally:
        line.clear()


def line_of(progress: Progress) -> str:
    """Return progress as text: `copying user  1,500 of 3,000  50 %`."""
    stage = visible(progress.stage)
    if not progress.total:
        return f"{stage} …"
    percent = 100 * progress.done // progress.total
    return f"{stage}  {progress.done:,} of {progress.total:,}  {percent} %"
