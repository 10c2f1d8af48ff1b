"""Rows of whole numbers, kept sorted, at eight bytes a number.

For authors of stores that keep their indexes in memory. A list of tuples would take twenty times
as much, and the garbage collector would look through it. Nothing here locks.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

_PIECE: Final = 1024
"""Rows in a piece when it is new. It is cut in two when it has twice as many: to make room in one
moves its numbers, which costs a microsecond at this size."""

Row = tuple[int, ...]

Columns: TypeAlias = "list[array[int]]"
"""A column for each place in a row."""


class SortedRows:
    """Different rows, all as wide, in order. Every operation on one row is O(log n)."""

    def __init__(self) -> None:
        self._pieces: list[Columns] = []
        """None is empty."""
        self._lasts: list[Row] = []
        """The last row of each piece."""
        self._count = 0
        self._shared: set[int] = set()
        """Pieces, by their `id`, that somebody looks at as they were."""

    def __len__(self) -> int:
        return self._count

    def freeze(self) -> list[Columns]:
        """Return the rows of this moment, in pieces. Only what changes later is copied."""
        self._shared = set(map(id, self._pieces))
        return self._pieces.copy()

    def fill(self, rows: Iterable[Row]) -> None:
        """Take over many rows, in any order, in place of all there are."""
        ordered = sorted(rows)
        starts = range(0, len(ordered), _PIECE)
        self.take_over([_columns(ordered[start : start + _PIECE]) for start in starts])

    def take_over(self, pieces: list[Columns]) -> None:
        """Take over pieces that `freeze` gave, in place of all there are."""
        self._pieces, self._shared = pieces, set()
        self._count = sum(len(piece[0]) for piece in pieces)
        self._lasts = [tuple([column[-1] for column in piece]) for piece in pieces]

    def add(self, row: Row) -> None:
        """Put a row in its place; it is not there yet."""
        self._count += 1
        lasts = self._lasts
        if not lasts:
            self._pieces.append(_columns([row]))
            lasts.append(row)
            return
        which = bisect_left(lasts, row)
        if which == len(lasts):
            which -= 1
            lasts[which] = row
            piece = self._own(which)
            for column, number in zip(piece, row, strict=True):
                column.append(number)
        else:
            piece = self._own(which)
            at = _place(piece, row)
            for column, number in zip(piece, row, strict=True):
                column.insert(at, number)
        if len(piece[0]) >= 2 * _PIECE:
            self._cut(which)

    def remove(self, row: Row) -> None:
        """Take out a row. Raises ValueError if it is not there."""
        which = bisect_left(self._lasts, row)
        piece = self._pieces[which] if which < len(self._lasts) else []
        at = _place(piece, row) if piece else 0
        if not piece or tuple([column[at] for column in piece]) != row:
            raise ValueError(f"{row} is not there")
        self._count -= 1
        piece = self._own(which)
        for column in piece:
            column.pop(at)
        if not piece[0]:
            del self._pieces[which], self._lasts[which]
        elif at == len(piece[0]):
            self._lasts[which] = tuple([column[-1] for column in piece])

    def last_numbers(self, start: Row) -> list[int]:
        """Return the last number of each row that begins with *start*."""
        lasts, found = self._lasts, list[int]()
        which = bisect_left(lasts, start)
        while which < len(lasts):
            piece = self._pieces[which]
            low, high = 0, len(piece[0])
            for column, number in zip(piece, start, strict=False):
                low = bisect_left(column, number, low, high)
                high = bisect_right(column, number, low, high)
            found += piece[-1][low:high]
            if high < len(piece[0]):
                break
            which += 1
        return found

    def behind(self, start: Row) -> Iterator[Row]:
        """Walk over the rows at and behind *start*, which may be shorter than a row."""
        which = bisect_left(self._lasts, start)
        at = _place(self._pieces[which], start) if which < len(self._lasts) else 0
        while which < len(self._pieces):
            piece = self._pieces[which]
            for place in range(at, len(piece[0])):
                yield tuple([column[place] for column in piece])
            which, at = which + 1, 0

    def _own(self, which: int) -> Columns:
        """Return a piece, one that nobody else looks at."""
        piece = self._pieces[which]
        if id(piece) in self._shared:
            piece = self._pieces[which] = [column[:] for column in piece]
        return piece

    def _cut(self, which: int) -> None:
        piece = self._pieces[which]
        rest = [column[_PIECE:] for column in piece]
        for column in piece:
            del column[_PIECE:]
        self._pieces.insert(which + 1, rest)
        self._lasts.insert(which, tuple([column[-1] for column in piece]))


def _columns(rows: list[Row]) -> Columns:
    return [array("Q", column) for column in zip(*rows, strict=True)]


def _place(piece: Columns, row: Row) -> int:
    """Return where *row* stands in a piece, or would."""
    low, high = 0, len(piece[0])
    for column, number in zip(piece, row, strict=False):
        at = bisect_left(column, number, low, high)
        if at == high or column[at] != number:
            return at
        low, high = at, bisect_right(column, number, at, high)
    return low
