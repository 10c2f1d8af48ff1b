"""What in a TinyStore does not fit together: sums on the disk, indexes in memory."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from admit.errors import StoreDamaged
from admit.stores import Label, Ref
from admit.upkeep import Fault

from .contents import Contents
from .documents import record_from
from .files import read_at
from .frames import read_frame
from .moment import Moment, Part
from .snapshot import check_sum


class Indexed(NamedTuple):
    """The indexes of a moment, and the documents that they were made of."""

    tables: Mapping[str, Mapping[str, bytes]]
    holders: Mapping[str, Ref]
    places: Mapping[tuple[str, str], Sequence[tuple[str, str]]]

    @classmethod
    def of(cls, contents: Contents) -> Indexed:
        """Copy them, under the lock of the memory."""
        tables = {kind: rows.copy() for kind, rows in contents.tables.items()}
        places: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for kind, label, id in contents.index.places():
            places.setdefault((kind, label.name), []).append((label.order, id))
        return cls(tables, dict(contents.index.holders()), places)


def index_faults(indexed: Indexed) -> Iterator[Fault]:
    """Walk over keys and labels that do not lead to their records, or lead where they should
    not."""
    holders = dict(indexed.holders)
    carried: Counter[tuple[str, str]] = Counter()
    for kind, rows in indexed.tables.items():
        for id, text in rows.items():
            record = record_from(kind, text)
            for key in record.keys:
                if holders.get(key) == (kind, id):
                    del holders[key]
                else:
                    yield _fault("key-lost", kind, id, "A key of this record does not lead to it.")
            for label in set(record.labels):
                if _stands_in(indexed.places.get((kind, label.name), ()), (label.order, id)):
                    carried[kind, label.name] += 1
                else:
                    sentence = f"The label {label.name!r} misses this record."
                    yield _fault("label-lost", kind, id, sentence)
    for kind, id in holders.values():
        sentence = "A key leads to this record that the record does not have."
        yield _fault("key-astray", kind, id, sentence)
    for (kind, name), row in indexed.places.items():
        if carried[kind, name] != len(row):
            sentence = f"The label {name!r} lists this record, which does not carry it there."
            for id in _astray(indexed.tables.get(kind, {}), kind, name, row):
                yield _fault("label-astray", kind, id, sentence)


def _stands_in(row: Sequence[tuple[str, str]], place: tuple[str, str]) -> bool:
    at = bisect_left(row, place)
    return at < len(row) and row[at] == place


def _astray(
    rows: Mapping[str, bytes], kind: str, name: str, row: Sequence[tuple[str, str]]
) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for order, id in row:
        text = rows.get(id)
        labels = () if text is None else record_from(kind, text).labels
        if (order, id) in seen or Label(name, order) not in labels:
            yield id
        seen.add((order, id))


def _fault(code: str, kind: str, id: str, sentence: str) -> Fault:
    return Fault(code=code, where=f"{kind} {id}", sentence=sentence)


def file_faults(moment: Moment, path: Path) -> Iterator[Fault]:
    """Walk over the files whose sums are wrong; each is read anew from the disk."""
    try:
        check_sum(moment.snapshot.file, path)
    except StoreDamaged as damage:
        yield Fault(code="damaged", where=path.name, sentence=damage.sentence)
    for log in moment.logs:
        try:
            _check_log(log)
        except StoreDamaged as damage:
            yield Fault(code="damaged", where=log.name, sentence=damage.sentence)


def _check_log(log: Part) -> None:
    data, at = read_at(log.file, 0, log.length_bytes), 0
    while at < len(data):
        frame = read_frame(data, at, log.name, 0)
        if frame is None:
            raise StoreDamaged(f"{log.name} ends within a line, at byte {at}.")
        at = frame.end
