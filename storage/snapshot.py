"""The snapshot: all documents as ordinary TinyDB JSON, one a line, under a checksum.

    {"_admit":{"1":{"schema":1,"generation":3,"next_event":92,"crc32":"1c291ca3"}},
    "user":{
    "31099…":{"_id":"64f…","_version":2,…},
    …
    }
    }

The first line up to the schema number never changes its form, so that any version can refuse a
newer one. The checksum covers the whole file with its own digits as zeros.
"""

from __future__ import annotations

import os
import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from admit.errors import StoreDamaged, StoreTooNew
from admit.stores import SCHEMA

from .contents import Contents, Frozen, text_of
from .documents import REPAIR, decimal, from_text, to_text
from .files import Files, read_at
from .places import Place


class Spans:
    """Where the documents of a snapshot stand, by table: offsets and lengths, in their order."""

    def __init__(self) -> None:
        self.ats: defaultdict[str, array[int]] = defaultdict(lambda: array("Q"))
        self.lengths: defaultdict[str, array[int]] = defaultdict(lambda: array("I"))


Pause = Callable[[], None]
"""Called between two pieces of work, so that others have the interpreter too."""

_PIECE_BYTES: Final = 1 << 20
_ROWS_AT_ONCE: Final = 100
"""Some 200 microseconds of work: so long a commit waits for the interpreter at most."""

SYNC_EVERY_BYTES: Final = 4 << 20
"""One sync of the whole file would stall everybody's commits (performance.md §2)."""

_SCHEMA: Final = re.compile(rb'\{"_admit":\{"1":\{"schema":(\d{1,9}),')
_FIRST_LINE: Final = re.compile(
    rb'\{"_admit":\{"1":\{"schema":(\d+),"generation":(\d+),"next_event":(\d+),'
    rb'"crc32":"([0-9a-f]{8})"\}\}(,?)\n'
)


def write_snapshot(
    files: Files, file: FileIO, frozen: Frozen, generation: int, pause: Pause
) -> tuple[Spans, int, int]:
    """Write all that is *frozen* to an empty file, durably.

    *pause* is called between pieces, so that others have the interpreter too. Returns where each
    document stands, the checksum, and the length of the file in bytes.
    """
    spans = Spans()
    kinds = [*frozen.kinds, "event"] if len(frozen.events) else frozen.kinds
    blank = _first_line(generation, frozen.next_event, 0, bool(kinds))
    pending, at, synced, checksum = [blank], 0, 0, 0
    position = len(blank)
    for piece in _pieces(frozen, kinds, spans, len(blank)):
        pending.append(piece)
        position += len(piece)
        if position - at >= _PIECE_BYTES:
            joined, pending = b"".join(pending), []
            files.write(file, joined, at)
            checksum, at = crc32(joined, checksum), position
            if at - synced >= SYNC_EVERY_BYTES:
                files.sync(file)
                synced = at
        pause()
    joined = b"".join(pending)
    files.write(file, joined, at)
    checksum = crc32(joined, checksum)
    first = _first_line(generation, frozen.next_event, checksum, bool(kinds))
    files.write(file, first, 0)
    files.sync(file)
    return spans, checksum, position


def _pieces(frozen: Frozen, kinds: list[str], spans: Spans, at: int) -> Iterator[bytes]:
    """Walk over what follows the first line, some rows at a time; note their *spans*."""
    for kind in kinds:
        head, between = to_text(kind) + b":{\n", b""
        ats, lengths = spans.ats[kind], spans.lengths[kind]
        at += len(head)
        yield head
        for rows in _rows(frozen, kind):
            named = [(f'"{decimal(id)}":'.encode("ascii"), text) for id, text in rows]
            start = at + len(between)
            for name, text in named:
                ats.append(start + len(name))
                start += len(name) + len(text) + len(b",\n")
            lengths.extend([len(text) for _, text in named])
            piece = between + b",\n".join([name + text for name, text in named])
            at, between = at + len(piece), b",\n"
            yield piece
        end = b"\n}\n" if kind == kinds[-1] else b"\n},\n"
        at += len(end)
        yield end
    yield b"}\n"


def _rows(frozen: Frozen, kind: str) -> Iterator[list[tuple[str, bytes]]]:
    """Walk over the ids and documents of a table, some at a time."""
    there: Iterator[tuple[str, bytes]]
    if kind == "event":
        there = ((entry.id, text_of(entry)) for entry in frozen.events)
    else:
        found = ((id, frozen.text(kind, id)) for id in frozen.ids(kind))
        there = ((id, text) for id, text in found if text is not None)
    while rows := list(islice(there, _ROWS_AT_ONCE)):
        yield rows


def _first_line(generation: int, next_event: int, checksum: int, followed: bool) -> bytes:
    return (b'{"_admit":{"1":{"schema":%d,"generation":%d,"next_event":%d,"crc32":"%08x"}}%b\n') % (
        SCHEMA,
        generation,
        next_event,
        checksum,
        b"," if followed else b"",
    )


def read_documents(file: FileIO, head: Head) -> Contents:
    """Return what a snapshot holds, read from its documents. Its checksum is not looked at."""
    contents = Contents()
    contents.fill(rows_in(file, head.length_bytes))
    return contents


class Head(NamedTuple):
    """What the first line of a snapshot says."""

    generation: int
    next_event: int
    crc32: int
    crc32_at: int
    """Where in the file the digits of the checksum stand."""
    length_bytes: int


def read_head(file: FileIO, path: Path) -> Head:
    """Return what the first line says; the checksum is not looked at.

    Raises:
        StoreTooNew: a newer version wrote it.
        StoreDamaged: it is not what was written; the error names the offset where known.
    """
    first = read_at(file, 0, 4096).partition(b"\n")[0] + b"\n"
    schema = _SCHEMA.match(first)
    if schema is None:
        raise StoreDamaged(
            f"{path.name} is no store of admit, or it was rewritten by something else (byte 0).",
            f"{REPAIR} Writing goes through the engine only.",
        )
    if int(schema[1]) > SCHEMA:
        raise StoreTooNew(
            f"{path.name} has the schema number {int(schema[1])}; this version knows {SCHEMA}.",
            "Install the version of admit that wrote it, or a newer one.",
        )
    meta = _FIRST_LINE.fullmatch(first)
    if meta is None:
        raise StoreDamaged(f"{path.name} is damaged in its first line.", REPAIR)
    return Head(int(meta[2]), int(meta[3]), int(meta[4], 16), meta.start(4), len(first))


def check_sum(file: FileIO, path: Path) -> None:
    """Return if the snapshot is what was written. Raises as `read_head` does."""
    head = read_head(file, path)
    if head.crc32 != _checksum(file, head.crc32_at):
        raise StoreDamaged(f"The checksum of {path.name} is wrong.", REPAIR)


def _checksum(file: FileIO, digits_at: int) -> int:
    checksum, at = 0, 0
    while piece := read_at(file, at, _PIECE_BYTES):
        if at == 0:
            piece = piece[:digits_at] + b"0" * 8 + piece[digits_at + 8 :]
        checksum = crc32(piece, checksum)
        at += len(piece)
    return checksum


def rows_in(file: FileIO, at: int) -> Iterator[tuple[str, bytes, Place | None]]:
    """Walk over the documents from the offset *at*: table, text, and of an event its place."""
    kind, is_event = "", False
    file.seek(at)
    with os.fdopen(os.dup(file.fileno()), "rb", buffering=_PIECE_BYTES) as lines:
        for line in lines:
            if line.endswith(b":{\n"):
                kind = from_text(line[:-3])
                is_event = kind == "event"
            elif line.startswith(b'"'):
                start = line.index(b":") + 1
                text = line[start : -2 if line.endswith(b",\n") else -1]
                yield kind, text, Place(file, at + start, len(text)) if is_event else None
            at += len(line)
