"""What in a TinyStore does not fit together: sums on the disk, indexes in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from admit.errors import StoreDamaged
from admit.index_check import disorders
from admit.stores import Record
from admit.upkeep import Fault

from .contents import Contents
from .documents import record_from
from .files import read_at
from .frames import read_frame
from .moment import Moment, Part
from .snapshot import check_sum


class Indexed:
    """The indexes of a moment, and the documents that they were made of. Made under the lock of the
    memory, looked through without any."""

    def __init__(self, contents: Contents) -> None:
        self._tables = {kind: rows.copy() for kind, rows in contents.tables.items()}
        self._index = contents.index.copy()

    def faults(self) -> Iterator[Fault]:
        """Walk over keys and labels that do not fit their records."""
        records = (
            record_from(kind, text) for kind, rows in self._tables.items() for text in rows.values()
        )
        return disorders(self._index, records, self._record)

    def _record(self, kind: str, id: str) -> Record | None:
        text = self._tables.get(kind, {}).get(id)
        return None if text is None else record_from(kind, text)


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
