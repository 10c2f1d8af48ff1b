"""Comparing an index kept in memory with the records that it is about.

For authors of stores that keep theirs by `admit.indexes`: most of `Upkeep.faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .indexes import RecordIndex
from .stores import Record
from .upkeep import DISORDERS, Fault


def disorders(
    index: RecordIndex,
    records: Iterable[Record],
    current: Callable[[str, str], Record | None],
) -> Iterator[Fault]:
    """Walk over what in *index* does not fit *records*; *current* gives one by kind and id.

    Takes no memory to speak of; nothing may be written meanwhile.
    """
    for record in records:
        where = f"{record.kind} {record.id}"
        for key in record.keys:
            if index.find(key) != (record.kind, record.id):
                yield _fault("key-lost", where)
        for label in set(record.labels):
            if not index.lists(record.kind, label, record.id):
                yield _fault("label-lost", where)
    for key, ref in index.holders():
        holder = current(*ref)
        if holder is None or key not in holder.keys:
            yield _fault("key-astray", f"{ref.kind} {ref.id}")
    for kind, label, id in index.places():
        carrier = current(kind, id)
        if carrier is None or label not in carrier.labels:
            yield _fault("label-astray", f"{kind} {id}")


def _fault(code: str, where: str) -> Fault:
    return Fault(code=code, where=where, sentence=DISORDERS[code])
