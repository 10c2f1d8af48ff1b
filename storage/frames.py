"""The frame around each line of the change log: it tells a torn line from a damaged one.

    00000018 0f2e7c01 5a0e93d7 {"payload": "of 24 b"}⏎
    length   crc32 of crc32 of
             payload  the head so far

The head has a checksum of its own, so that a flipped bit in the length of the last line cannot make
it look like one that was cut off: what is whole and wrong is damage, what is not whole was never
acknowledged.

A power failure may also keep a line and lose one before it, as long as neither was synced: there a
hole of zeros stands. So a line says, by a `+` in place of the space after its head, that lines
before it were not on the disk yet when it was written. A hole that only such lines follow was never
acknowledged, nor were they; a hole before any other line is damage.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import Final, NamedTuple
from zlib import crc32

from admit.errors import StoreDamaged

from .documents import REPAIR

HEAD_BYTES: Final = 27

_NEVER_FILLED: Final = bytes(8)
"""No flipped bit makes eight zero bytes: this is space that the file was given before a power
failure and that was never filled. A payload is JSON text and holds no zero byte."""

_HEAD: Final = re.compile(rb"(?<=[\n\0])([0-9a-f]{8} [0-9a-f]{8} )([0-9a-f]{8})([ +])")
"""A payload holds neither line feed nor zero, so this is never found within one."""


class Frame(NamedTuple):
    """One whole line of the log."""

    payload: bytes
    at: int
    """The offset of the payload in the data read."""

    @property
    def line_at(self) -> int:
        """The offset of the line."""
        return self.at - HEAD_BYTES

    @property
    def end(self) -> int:
        """The offset after the line."""
        return self.at + len(self.payload) + 1


def framed(payload: bytes, *, on_durable: bool = True) -> bytes:
    """Return the line that holds *payload*; *on_durable* if all lines before it are on the disk."""
    head = b"%08x %08x " % (len(payload), crc32(payload))
    return b"%b%08x%b%b\n" % (head, crc32(head), b" " if on_durable else b"+", payload)


def read_frame(data: bytes, at: int, where: str, offset: int) -> Frame | None:
    """Return the line that begins at *at*, or None if what is there was never acknowledged, from
    there to the end of *data*.

    *where* and *offset*, the name of the file and the place of *data* in it, are for the error.

    Raises:
        StoreDamaged: what is there was written whole, and is wrong now.
    """
    head = data[at : at + HEAD_BYTES]
    if len(head) < HEAD_BYTES:
        return None
    if b"%08x" % crc32(head[:18]) == head[18:26] and head[26] in b" +":
        start = at + HEAD_BYTES
        end = start + int(head[:8], 16)
        if len(data) <= end:
            return None
        payload = data[start:end]
        if b"%08x" % crc32(payload) == head[9:17] and data[end] == ord("\n"):
            return Frame(payload, start)
    if _is_torn(data, at):
        return None
    raise StoreDamaged(
        f"{where} is damaged at byte {offset + at}.",
        REPAIR,
    )


def read_past_damage(data: bytes, at: int) -> Frame | None:
    """Return the first line at *at* or behind it that is whole, but perhaps for its line feed.

    What begins behind *at* begins a line: within one, somebody may have let a body hold what looks
    like another.
    """
    for start in chain([at], (head.start() for head in _HEAD.finditer(data, at + 1))):
        head = data[start : start + HEAD_BYTES]
        if len(head) == HEAD_BYTES and b"%08x" % crc32(head[:18]) == head[18:26]:
            begin = start + HEAD_BYTES
            frame = Frame(data[begin : begin + int(head[:8], 16)], begin)
            if b"%08x" % crc32(frame.payload) == head[9:17]:
                return frame
    return None


def _is_torn(data: bytes, at: int) -> bool:
    """Return whether there is a hole at *at*, and no line behind it that was written later than a
    sync."""
    hole_ends = len(data)
    for head in _HEAD.finditer(data, at + 1):
        if b"%08x" % crc32(head[1]) != head[2]:
            continue
        if head[3] == b" ":
            return False
        hole_ends = min(hole_ends, head.start())
    hole = data[at:hole_ends]
    # A hole at the very beginning or the very end may be shorter. No flipped bit makes a zero of
    # the digit or the line feed that belongs there.
    return hole.startswith(b"\0") or _NEVER_FILLED in hole or data.endswith(b"\0")
