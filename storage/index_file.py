"""The index beside a snapshot: what opening it would else have to look for in its text.

    {"admit_index":1,"byteorder":"little","generation":3,"snapshot":"1c291ca3","crc32":"90ab12cd"}
    {"kind":"user","keys":["…"],"orders":["…"],"labels":["all"],"counts":[1024,1024,1024,1024]}
    {"events":1024}
    {"rows":1024,"order":0,"width":2}

Each line but the first is followed by columns of numbers, as arrays keep them. Nothing stands here
that the snapshot does not say: if the index is missing, torn, old, or of a machine of another kind,
the store opens without it, only more slowly. So nobody waits until it is on the disk; it is synced
a little at a time all the same, for else a commit might have to wait for all of it.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Iterator
from io import FileIO
from itertools import islice
from typing import Any, BinaryIO, Final, NamedTuple
from zlib import crc32

from admit.event_columns import EventColumns, FrozenEvents
from admit.indexes import Labelled
from admit.sorted_rows import Columns

from .contents import Contents, Frozen
from .documents import to_text
from .files import Files, read_at
from .heads import record_head
from .places import NumberedFiles, Place
from .snapshot import SYNC_EVERY_BYTES, Pause, Spans

_FORM: Final = 1
_PIECE_BYTES: Final = 1 << 20
_ROWS_AT_ONCE: Final = 1024
_ROWS_BETWEEN_PAUSES: Final = 50
"""Some 200 microseconds of work."""

_FIRST_LINE_AT_MOST: Final = 4096

_from_json: Final = json.JSONDecoder().decode


class IndexedSnapshot(NamedTuple):
    """Which snapshot an index is about: what the first line of that says."""

    generation: int
    crc32: int


def write_index(
    files: Files, file: FileIO, frozen: Frozen, spans: Spans, of: IndexedSnapshot, pause: Pause
) -> None:
    """Write the index of the snapshot of what is *frozen* to an empty file. *spans* says where in
    the snapshot each document stands. Raises OSError."""
    at, checksum, pending, synced = len(_first_line(of, 0)), 0, bytearray(), 0
    for piece in _pieces(frozen, spans, pause):
        pending += piece
        if len(pending) >= _PIECE_BYTES:
            files.write(file, bytes(pending), at)
            checksum, at, pending = crc32(pending, checksum), at + len(pending), bytearray()
            if at - synced >= SYNC_EVERY_BYTES:
                files.sync(file)
                synced = at
        pause()
    files.write(file, bytes(pending), at)
    files.write(file, _first_line(of, crc32(pending, checksum)), 0)


def read_index(index: BinaryIO, snapshot: FileIO, of: IndexedSnapshot) -> Contents | None:
    """Return what a snapshot holds, read with the help of its index; None if it is of another one,
    or is not what was written. The snapshot's own checksum is not looked at."""
    first = index.readline(_FIRST_LINE_AT_MOST)
    checksum = 0
    while piece := index.read(_PIECE_BYTES):
        checksum = crc32(piece, checksum)
    if first != _first_line(of, checksum):
        return None
    index.seek(len(first))
    return _read(index, snapshot)


def _first_line(of: IndexedSnapshot, checksum: int) -> bytes:
    fields = {
        "admit_index": _FORM,
        "byteorder": sys.byteorder,
        "generation": of.generation,
        "snapshot": f"{of.crc32:08x}",
        "crc32": f"{checksum:08x}",
    }
    return to_text(fields) + b"\n"


def _pieces(frozen: Frozen, spans: Spans, pause: Pause) -> Iterator[bytes]:
    for kind in frozen.kinds:
        texts = (frozen.text(kind, id) for id in frozen.ids(kind))
        there = (text for text in texts if text is not None)
        start = 0
        while some := list(islice(there, _ROWS_AT_ONCE)):
            stop = start + len(some)
            ats, lengths = spans.ats[kind][start:stop], spans.lengths[kind][start:stop]
            yield _records_piece(kind, some, [ats, lengths], pause)
            start = stop
    start = 0
    for block in frozen.events.blocks:
        stop = start + len(block.numbers)
        yield to_text({"events": len(block.numbers), "others": list(block.others.items())}) + b"\n"
        yield b"".join([block.numbers, block.ids, block.users, block.versions, block.sequences])
        yield spans.ats["event"][start:stop].tobytes()
        yield spans.lengths["event"][start:stop].tobytes()
        start = stop
    for order, pieces in enumerate(frozen.events.orders):
        for piece in pieces:
            line = to_text({"rows": len(piece[0]), "order": order, "width": len(piece)})
            yield line + b"\n" + b"".join(piece)


def _records_piece(kind: str, texts: list[bytes], spans: Columns, pause: Pause) -> bytes:
    ids = bytearray()
    keys: list[str] = []
    orders: list[str] = []
    of_keys, of_orders = array("I"), array("I")
    labels: dict[str, list[tuple[str, str, int]]] = {}
    for row, text in enumerate(texts):
        if row % _ROWS_BETWEEN_PAUSES == 0:
            pause()
        head = record_head(text)
        ids += bytes.fromhex(head.id)
        keys += head.keys
        of_keys.extend([row] * len(head.keys))
        shared: dict[str, int] = {}
        for label, order in dict.fromkeys(head.labels):
            place = shared.setdefault(order, len(orders))
            if place == len(orders):
                orders.append(order)
                of_orders.append(row)
            labels.setdefault(label, []).append((order, head.id, place))
    # Sorted a piece at a time, so that whoever reads it has little left to sort.
    lists = [array("I", [place for _, _, place in sorted(places)]) for places in labels.values()]
    line = {
        "kind": kind,
        "keys": keys,
        "orders": orders,
        "labels": list(labels),
        "counts": [len(texts), *map(len, lists)],
    }
    return b"".join([to_text(line), b"\n", ids, *spans, of_keys, of_orders, *lists])


def _read(index: BinaryIO, snapshot: FileIO) -> Contents:
    contents = Contents()
    labelled = Labelled()
    blocks: list[EventColumns[Place]] = []
    orders: list[list[Columns]] = [[], [], [], []]
    while line := index.readline():
        said = _from_json(line.decode("ascii"))
        if "kind" in said:
            _read_records(index, snapshot, said, contents, labelled)
        elif "events" in said:
            blocks.append(_read_events(index, snapshot, said, contents.files))
        else:
            piece = [_column(index, "Q", said["rows"]) for _ in range(said["width"])]
            orders[said["order"]].append(piece)
    contents.index.list_all(labelled)
    contents.events.take_over(FrozenEvents(blocks, orders))
    return contents


def _read_records(
    index: BinaryIO, snapshot: FileIO, said: dict[str, Any], contents: Contents, labelled: Labelled
) -> None:
    kind, keys, labels = said["kind"], said["keys"], said["labels"]
    count, *listed = said["counts"]
    hexes = index.read(12 * count).hex()
    ids = [hexes[at : at + 24] for at in range(0, 24 * count, 24)]
    ats, lengths = _column(index, "Q", count), _column(index, "I", count)
    first = ats[0]
    text = read_at(snapshot, first, ats[-1] - first + lengths[-1])
    texts = [
        text[at - first : at - first + length] for at, length in zip(ats, lengths, strict=True)
    ]
    contents.tables.setdefault(kind, {}).update(zip(ids, texts, strict=True))
    of_keys = map(ids.__getitem__, _column(index, "I", len(keys)))
    contents.index.hold_all(kind, zip(keys, of_keys, strict=True))
    of_orders = map(ids.__getitem__, _column(index, "I", len(said["orders"])))
    places = list(zip(said["orders"], of_orders, strict=True))
    for label, count in zip(labels, listed, strict=True):
        labelled[kind, label] += map(places.__getitem__, _column(index, "I", count))


def _read_events(
    index: BinaryIO, snapshot: FileIO, said: dict[str, Any], files: NumberedFiles
) -> EventColumns[Place]:
    count = said["events"]
    numbers = _column(index, "Q", count)
    ids, users = bytearray(index.read(12 * count)), bytearray(index.read(12 * count))
    versions, sequences = _column(index, "Q", count), _column(index, "Q", count)
    places = files.column()
    places.fill(snapshot, _column(index, "Q", count), _column(index, "I", count))
    return EventColumns(places, numbers, ids, users, versions, sequences, dict(said["others"]))


def _column(index: BinaryIO, code: str, count: int) -> array[int]:
    column = array(code)
    column.frombytes(index.read(column.itemsize * count))
    return column
