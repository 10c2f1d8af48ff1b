"""Rows of whole numbers, kept sorted, at eight bytes a number.

For authors of stores that keep their indexes in memory. A list of tuples would take twenty times
as much, and the garbage collector would look through it. Nothing here locks.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

_PIECE: Final = 1024
"""Rows in a piece when it is new. It is cut in two when it has twice as many: to make room in one
moves its numbers, which costs a microsecond at this size."""

Row = tuple[int, ...]


class SortedRows:
    """Different rows, all as wide, in order. Every operation on one row is O(log n)."""

    def __init__(self) -> None:
        self._pieces: list[list[array[int]]] = []
        """Each a column for each place in a row; none is empty."""
        self._lasts: list[Row] = []
        """The last row of each piece."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def fill(self, rows: Iterable[Row]) -> None:
        """Take over many rows, in any order, in place of all there are."""
        self.take_over([array("Q", column) for column in zip(*sorted(rows), strict=True)])

    def take_over(self, columns: Sequence[array[int]]) -> None:
        """Take over rows that are in order, in place of all there are: a column for each place."""
        self._count = len(columns[0]) if columns else 0
        starts = range(0, self._count, _PIECE)
        self._pieces = [[column[start : start + _PIECE] for column in columns] for start in starts]
        self._lasts = [tuple([column[-1] for column in piece]) for piece in self._pieces]

    def add(self, row: Row) -> None:
        """Put a row in its place; it is not there yet."""
        self._count += 1
        lasts = self._lasts
        if not lasts:
            self._pieces.append([array("Q", [number]) for number in row])
            lasts.append(row)
            return
        which = bisect_left(lasts, row)
        if which == len(lasts):
            which -= 1
            lasts[which] = row
            piece = self._pieces[which]
            for column, number in zip(piece, row, strict=True):
                column.append(number)
        else:
            piece = self._pieces[which]
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
        for column in piece:
            column.pop(at)
        if not piece[0]:
            del self._pieces[which], self._lasts[which]
        elif at == len(piece[0]):
            self._lasts[which] = tuple([column[-1] for column in piece])

    def behind(self, start: Row) -> Iterator[Row]:
        """Walk over the rows at and behind *start*, which may be shorter than a row."""
        which = bisect_left(self._lasts, start)
        at = _place(self._pieces[which], start) if which < len(self._lasts) else 0
        while which < len(self._pieces):
            piece = self._pieces[which]
            for place in range(at, len(piece[0])):
                yield tuple([column[place] for column in piece])
            which, at = which + 1, 0

    def _cut(self, which: int) -> None:
        piece = self._pieces[which]
        rest = [column[_PIECE:] for column in piece]
        for column in piece:
            del column[_PIECE:]
        self._pieces.insert(which + 1, rest)
        self._lasts.insert(which, tuple([column[-1] for column in piece]))


def _place(piece: Sequence[array[int]], row: Row) -> int:
    """Return where *row* stands in a piece, or would."""
    low, high = 0, len(piece[0])
    for column, number in zip(piece, row, strict=False):
        at = bisect_left(column, number, low, high)
        if at == high or column[at] != number:
            return at
        low, high = at, bisect_right(column, number, at, high)
    return low
