"""What this process last saw of records: enough to write them again without reading them first."""

from __future__ import annotations

from typing import Final, NamedTuple

from admit.stores import Ref

from .texts import Marks, marks_from

_AT_MOST: Final = 4096


class Seen(NamedTuple):
    """What stood in a record's row besides its body."""

    version: int
    marks: Marks


class Remembered:
    """The records read and written last.

    What is remembered may be stale: a commit is decided by comparing it with the row, in the
    database, and never by itself. Used by many threads without a lock: each method is one step of
    a dict.
    """

    def __init__(self) -> None:
        self._seen: dict[Ref, Seen] = {}

    def get(self, ref: Ref) -> Seen | None:
        """Return what was last seen of a record, or None."""
        return self._seen.get(ref)

    def keep(self, ref: Ref, seen: Seen) -> None:
        """Remember what was seen."""
        if len(self._seen) >= _AT_MOST:
            self._seen.clear()
        self._seen[ref] = seen

    def read(self, ref: Ref, version: int, marks_text: str) -> Marks:
        """Return the marks of a record whose row was read, and remember them: the text is taken
        apart only if it is another than last time. Raises StoreDamaged."""
        last = self._seen.get(ref)
        if last is not None and last.marks.text == marks_text:
            marks = last.marks
        else:
            marks = marks_from(marks_text)
        self.keep(ref, Seen(version, marks))
        return marks

    def forget(self, ref: Ref) -> None:
        """Remember nothing of a record."""
        self._seen.pop(ref, None)
