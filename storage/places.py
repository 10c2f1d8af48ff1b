"""Where the documents of events stand on the disk, at twelve bytes an event."""

from __future__ import annotations

from array import array
from collections.abc import MutableSequence
from io import FileIO
from typing import Any, Final, NamedTuple

_AT_BITS: Final = 44
"""Enough for files of 16 TB; the other bits of a number say which file it is."""


class Place(NamedTuple):
    """Where the document of an event stands on disk."""

    file: FileIO
    at: int
    length_bytes: int
    erased: bool = False
    """Its detail is erased, though it still stands there until the store is compacted."""


class NumberedFiles:
    """The files that places were ever in, each with a number."""

    def __init__(self) -> None:
        self._files: list[FileIO] = []
        self._numbers: dict[FileIO, int] = {}

    def __getitem__(self, number: int) -> FileIO:
        return self._files[number]

    def number(self, file: FileIO) -> int:
        """Return the number of a file; it gets one if it has none."""
        number = self._numbers.get(file)
        if number is None:
            number = self._numbers[file] = len(self._files)
            self._files.append(file)
        return number

    def column(self) -> PlaceColumn:
        """Return an empty column for places in these files."""
        return PlaceColumn(self, array("Q"), array("I"))


class PlaceColumn(MutableSequence[Place]):
    """Places, as two arrays of numbers."""

    __slots__ = ("_ats", "_files", "_lengths")

    def __init__(self, files: NumberedFiles, ats: array[int], lengths: array[int]) -> None:
        self._files = files
        self._ats = ats
        self._lengths = lengths

    def __len__(self) -> int:
        return len(self._ats)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return PlaceColumn(self._files, self._ats[at], self._lengths[at])
        where, length = self._ats[at], self._lengths[at]
        file = self._files[where >> _AT_BITS]
        return Place(file, where & (1 << _AT_BITS) - 1, length >> 1, bool(length & 1))

    def __setitem__(self, at: Any, place: Any) -> None:
        self._ats[at] = self._files.number(place.file) << _AT_BITS | place.at
        self._lengths[at] = place.length_bytes << 1 | place.erased

    def __delitem__(self, at: Any) -> None:
        del self._ats[at], self._lengths[at]

    def insert(self, at: int, place: Place) -> None:
        """Put a place in before the one at *at*."""
        self._ats.insert(at, self._files.number(place.file) << _AT_BITS | place.at)
        self._lengths.insert(at, place.length_bytes << 1 | place.erased)

    def fill(self, file: FileIO, ats: array[int], lengths: array[int]) -> None:
        """Take over places in one file, none of them erased, where none is yet."""
        base = self._files.number(file) << _AT_BITS
        self._ats = array("Q", [base | at for at in ats])
        self._lengths = array("I", [length << 1 for length in lengths])
