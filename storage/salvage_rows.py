"""The documents that can still be read in a damaged snapshot.

The checksum covers the file, not a document, so each is looked at for itself: it is taken if it is
JSON, stands under its own id, and keeps the rules. A document begins a line, or follows a whole one
whose line feed was hit; it is never looked for in the middle of what cannot be read, for a body may
hold, as its data, what looks like a document. Neither is it believed blindly to which table it
belongs when the line that names the table may be what was hit: then it must be what an engine
writes of that kind, keys and labels included.
"""

from __future__ import annotations

import json
import os
import re
from io import FileIO
from typing import Any, Final, NamedTuple

from admit.care.bodies import kind_that_fits, knows_kind

from .damages import Damage, of_snapshot
from .documents import record_from
from .places import Place
from .rules import EVENTS, broken_rule

Row = tuple[str, bytes, Place | None]
"""Table, text, and of an event its place: what `Contents.fill` takes."""

_PIECE_BYTES: Final = 1 << 20
_UNKNOWN: Final = "?"

_TABLE: Final = re.compile(rb'"([A-Za-z0-9][A-Za-z0-9._/-]*)":\{\n')
_NAME: Final = re.compile(r'"([0-9]{1,29})":(?=\{)')
_BETWEEN: Final = re.compile(r".{0,2}?(?=\"[0-9]{1,29}\":\{)|.{0,2}\Z", re.DOTALL)
"""What stands between two documents: a comma and a line feed, or what became of them."""

_raw_decode: Final = json.JSONDecoder().raw_decode


class _Found(NamedTuple):
    """A document that was read, and where it stands."""

    name: str
    document: dict[str, Any]
    text: bytes
    at: int


class RowSalvage:
    """What one walk over a damaged snapshot found: `rows`, and in `damages` what it could not
    read."""

    def __init__(self, file: FileIO, name: str, next_event: int | None) -> None:
        """Read *file* whole. *next_event*: no event has this number or more, if that is known."""
        self.rows: list[Row] = []
        self.damages: list[Damage] = []
        self._file = file
        self._name = name
        self._kind: str | None = None
        self._is_certain = False
        self._seen: set[tuple[str, str]] = set()
        self._events: list[tuple[int, _Found]] = []
        self._lost_at = 0
        self._lost: list[bytes] = []
        self._read()
        self._place_events(next_event)

    def _read(self) -> None:
        at = 0
        with os.fdopen(os.dup(self._file.fileno()), "rb", buffering=_PIECE_BYTES) as lines:
            lines.seek(0)
            for line in lines:
                self._read_line(line, at)
                at += len(line)
        self._end_of_lost()

    def _read_line(self, line: bytes, at: int) -> None:
        table = _TABLE.fullmatch(line)
        if table is not None:
            self._end_of_lost()
            self._kind, self._is_certain = table[1].decode("ascii"), True
        elif line in (b"}\n", b"},\n"):
            self._end_of_lost()
            self._kind = None
        elif not (at == 0 and line.startswith(b'{"_admit":')):
            self._read_documents(line, at)

    def _read_documents(self, line: bytes, at: int) -> None:
        text, start = line.decode("latin-1"), 0  # one character a byte
        while start < len(text):
            read = _document_at(text, start)
            between = None if read is None else _BETWEEN.match(text, read.end)
            if read is None or between is None or not self._take(_found(read, line, at)):
                self._lose(line[start:], at + start)
                return
            start = between.end()

    def _take(self, found: _Found) -> bool:
        """Take a document over; return False if it cannot be believed."""
        is_event = "_number" in found.document
        if broken_rule(EVENTS if is_event else _UNKNOWN, found.name, found.document) is not None:
            return False
        kind = EVENTS if is_event else self._kind_of(found.text)
        id: str = found.document["_id"]
        if kind is None or (kind, id) in self._seen:
            return False
        self._end_of_lost()
        self._seen.add((kind, id))
        if is_event:
            self._events.append((found.document["_number"], found))
        else:
            self.rows.append((kind, found.text, None))
        return True

    def _kind_of(self, text: bytes) -> str | None:
        named = self._kind
        if named is not None and named != EVENTS and self._is_certain and knows_kind(named):
            return named
        fitting = kind_that_fits(record_from(named or _UNKNOWN, text))
        if fitting is not None:
            return fitting
        # A kind of somebody else's: nothing is known of it, so its own table is all there is.
        return None if named is None or named == EVENTS or knows_kind(named) else named

    def _lose(self, piece: bytes, at: int) -> None:
        if not self._lost:
            self._lost_at = at
        self._lost.append(piece)
        self._is_certain = False

    def _end_of_lost(self) -> None:
        if self._lost:
            lost, self._lost = b"".join(self._lost), []
            kind = self._kind if self._kind not in (None, EVENTS) else _UNKNOWN
            self.damages.append(of_snapshot(self._name, self._lost_at, lost, kind or _UNKNOWN))

    def _place_events(self, next_event: int | None) -> None:
        """Take the events whose numbers are in the order in which they stand; they always are."""
        last = 0
        followings = [*[number for number, _ in self._events], next_event][1:]
        for (number, found), following in zip(self._events, followings, strict=True):
            too_late = following is not None and last < following <= number
            if number <= last or too_late:
                damage = of_snapshot(self._name, found.at, found.text, EVENTS)
                self.damages.append(damage)
                continue
            last = number
            place = Place(self._file, found.at, len(found.text))
            self.rows.append((EVENTS, found.text, place))


class _Read(NamedTuple):
    """A document in a line, and where its text begins and ends."""

    name: str
    document: dict[str, Any]
    start: int
    end: int


def _document_at(text: str, at: int) -> _Read | None:
    """Return the document that begins with its name at *at*, or None."""
    name = _NAME.match(text, at)
    if name is None:
        return None
    try:
        document, end = _raw_decode(text, name.end())
    except (ValueError, RecursionError):
        return None
    if not text[name.end() : end].isascii():  # all that is written is
        return None
    return _Read(name[1], document, name.end(), end)


def _found(read: _Read, line: bytes, at: int) -> _Found:
    return _Found(read.name, read.document, line[read.start : read.end], at + read.start)
