"""The frame around each line of the change log: it tells a torn line from a damaged one.

    00000018 0f2e7c01 5a0e93d7 {"payload": "of 24 b"}⏎
    length   crc32 of crc32 of
             payload  the head so far

The head has a checksum of its own, so that a flipped bit in the length of the last line cannot make
it look like one that was cut off: what is whole and wrong is damage, what is not whole was never
acknowledged.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from zlib import crc32

from admit.errors import StoreDamaged

HEAD_BYTES: Final = 27

_NEVER_FILLED: Final = bytes(8)
"""No flipped bit makes eight zero bytes: this is space that the file was given before a power
failure and that was never filled. A payload is JSON text and holds no zero byte."""


class Frame(NamedTuple):
    """One whole line of the log."""

    payload: bytes
    at: int
    """The offset of the payload in the data read."""

    @property
    def end(self) -> int:
        """The offset after the line."""
        return self.at + len(self.payload) + 1


def framed(payload: bytes) -> bytes:
    """Return the line that holds *payload*."""
    head = b"%08x %08x " % (len(payload), crc32(payload))
    return b"%b%08x %b\n" % (head, crc32(head), payload)


def read_frame(data: bytes, at: int, where: str, offset: int) -> Frame | None:
    """Return the line that begins at *at*, or None if *data* ends before the line does.

    *where* and *offset*, the name of the file and the place of *data* in it, are for the error.

    Raises:
        StoreDamaged: the line is whole but wrong.
    """
    head = data[at : at + HEAD_BYTES]
    if len(head) < HEAD_BYTES:
        return None
    if b"%08x " % crc32(head[:18]) == head[18:]:
        start = at + HEAD_BYTES
        end = start + int(head[:8], 16)
        payload = data[start:end]
        if len(data) <= end:
            return None
        if b"%08x" % crc32(payload) == head[9:17] and data[end] == ord("\n"):
            return Frame(payload, start)
        torn = _NEVER_FILLED in payload and not data[end:].strip(b"\0\n")
    else:
        rest = data[at:]
        torn = rest.endswith(_NEVER_FILLED) and len(rest.rstrip(b"\0")) < HEAD_BYTES
    if torn:
        return None
    raise StoreDamaged(
        f"{where} is damaged at byte {offset + at}.",
        "Restore it from a backup; nothing was changed.",
    )
