"""What is stored, as it stands in memory: documents as text, their order, places of events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from io import FileIO
from typing import Any, Final

import attrs

from admit.event_columns import EventColumns
from admit.event_index import EventEntry, EventIndex
from admit.indexes import Marked, RecordIndex, Step, plan
from admit.stores import (
    Body,
    Change,
    Cursor,
    NewEvent,
    Page,
    Put,
    Record,
    Remove,
    StoredEvent,
    VersionMoved,
)

from .documents import event_from, event_text, from_text, record_from
from .files import read_at
from .heads import event_head, record_head
from .lines import Written, parts_of
from .places import NumberedFiles, Place

_RECENT_AT_MOST: Final = 1024
"""Decoded records kept of a kind: what is read is most often written, or read again, after it."""

_RECENT_BYTES: Final = 4096
"""A longer document is decoded each time, so that what is kept stays below some 16 MB."""


_UNREAD: Final[Body] = {}
"""The body of a record of which only keys and labels are looked at."""


class Frozen:
    """The records of one moment, and the events that there were, while commits go on.

    Whoever changes a record leaves here how it was, before he changes it. Reading needs no lock.
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._before: dict[tuple[str, str], bytes | None] = {}
        self._ids: dict[str, list[str]] = {}
        self.kinds = [kind for kind, rows in contents.tables.items() if rows]
        """Those that had a record."""
        self.events = contents.events.freeze()
        self.next_event = contents.events.next_number

    def ids(self, kind: str) -> list[str]:
        """Return the ids of the records that there were, perhaps of later ones too, which have no
        text.

        They are listed when first asked for: of a million that takes 10 ms, and whoever freezes
        lets every process wait.
        """
        if kind not in self._ids:
            # Each of these two is one step for other threads, and who removes a record has left it
            # in the second before.
            ids = list(self._contents.tables[kind])
            changed = list(self._before)
            left = {id for of, id in changed if of == kind and self._before[of, id] is not None}
            if left:  # a loop of ours, which lets others have the interpreter
                left -= {id for id in ids if id in left}
                ids += left
            self._ids[kind] = ids
        return self._ids[kind]

    def text(self, kind: str, id: str) -> bytes | None:
        """Return the document that a record was then."""
        now = self._contents.tables[kind].get(id)
        # Looked for after the present one: a writer puts the old one here first.
        return self._before.get((kind, id), now)

    def changes(self, kind: str, id: str, text: bytes | None) -> None:
        """Keep *text*, the document of a record that changes now, None if there is none."""
        self._before.setdefault((kind, id), text)


class Contents:
    """All records and the index of all events. Nothing here locks."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, bytes]] = {}
        self.index = RecordIndex()
        self.files = NumberedFiles()
        self.events: EventIndex[Place] = EventIndex(self.files.column)
        self._recent: defaultdict[str, dict[str, Record]] = defaultdict(dict)
        self._frozen: Frozen | None = None

    def freeze(self) -> Frozen:
        """Keep this moment, until `thaw`; there is one at a time."""
        self._frozen = Frozen(self)
        return self._frozen

    def thaw(self) -> None:
        """Keep no moment any more. Needs no lock; what still comes for it is let pass."""
        self._frozen = None

    def record(self, kind: str, id: str) -> Record | None:
        """Return the record, or None. Kind `event` finds an event by its id."""
        recent = self._recent[kind]
        found = recent.get(id)
        if found is not None:
            return found
        if kind == "event":
            entry = self.events.get(id)
            return None if entry is None else Record(kind, id, 1, stored_event(entry).body)
        text = self.tables.get(kind, {}).get(id)
        if text is None:
            return None
        found = record_from(kind, text)
        if len(text) <= _RECENT_BYTES:
            if len(recent) >= _RECENT_AT_MOST:
                recent.clear()
            recent[id] = found
        return found

    def page(
        self, kind: str, label: str, after: Cursor | None, limit: int, reverse: bool
    ) -> Page[Record]:
        """Return a page of the records of *kind* that carry *label*."""
        ids, following = self.index.page(kind, label, after, limit, reverse)
        recent = self._recent[kind].get
        found = [recent(id) or self.record(kind, id) for id in ids]
        return Page(tuple([record for record in found if record is not None]), following)

    def document(self, kind: str, id: str) -> dict[str, Any] | None:
        """Return a document as TinyDB shows it, or None. Table `event` holds the events."""
        text = self.tables.get(kind, {}).get(id)
        if kind == "event" and (entry := self.events.get(id)) is not None:
            text = text_of(entry)
        document: dict[str, Any] | None = None if text is None else from_text(text)
        return document

    def ids(self, kind: str) -> list[str]:
        """Return the ids of all documents of a table."""
        if kind == "event":
            return [entry.id for entry in self.events]
        return list(self.tables.get(kind, ()))

    def kinds(self) -> Iterator[str]:
        """Walk over the tables that hold a document."""
        yield from [kind for kind, rows in self.tables.items() if rows]
        if len(self.events):
            yield "event"

    def plan(self, change: Change) -> list[Step]:
        """Return the steps of *change* if it may be written.

        Raises:
            VersionMoved, KeyTaken: it may not.
            ValueError: it writes one record twice.
        """
        steps = plan(change, self.record, self.index.find)
        for event in change.events:
            if event.id in self.events:
                raise VersionMoved("event", event.id)
        return steps

    def line(self, change: Change, text: Written) -> tuple[bytes, list[bytes]]:
        """Return the line that records *change*, and the documents of its events."""
        first = self.events.next_number
        events = [event_text(event, first + n) for n, event in enumerate(change.events)]
        parts = [*text.before_events, *(b"event " + event for event in events), *text.after_events]
        return b"\t".join(parts), events

    def apply_change(self, change: Change, steps: list[Step], documents: list[bytes]) -> None:
        """Take over the puts and removes of a change that `plan` allowed and that was written."""
        self.index.release(steps)
        texts = iter(documents)
        for step in steps:
            self._take(step, next(texts) if isinstance(step.write, Put) else None)

    def apply_line(self, payload: bytes, file: FileIO, at: int) -> int | None:
        """Take over a line that stands in *file* with its payload at the offset *at*.

        Returns the generation of the log that follows, if this line names it.
        """
        steps: list[tuple[Step, bytes | None]] = []
        rest_of_line: list[tuple[bytes, bytes, int]] = []
        for word, rest, offset in parts_of(payload):
            if word == b"put":
                kind, _, text = rest.partition(b" ")
                new, kind_text = record_head(text), kind.decode("ascii")
                put = Put(kind_text, new.id, _UNREAD, None, new.keys, new.labels)
                steps.append((Step(put, self._marks(kind_text, new.id)), text))
            elif word == b"remove":
                kind_text, id = rest.decode("ascii").split(" ")
                steps.append((Step(Remove(kind_text, id), self._marks(kind_text, id)), None))
            else:
                rest_of_line.append((word, rest, offset))
        self.index.release([step for step, _ in steps])
        for step, document in steps:
            self._take(step, document)
        successor: int | None = None
        for word, rest, offset in rest_of_line:
            if word == b"event":
                self.add_event(rest, Place(file, at + offset, len(rest)))
            elif word == b"next":
                successor = from_text(rest)["generation"]
            elif word == b"sequence":
                self.apply_to_events(Change(sequence=from_text(rest)))
            elif word == b"erase":
                self.apply_to_events(Change(erase=tuple(from_text(rest))))
            elif word == b"forget":
                self.apply_to_events(Change(forget=tuple(from_text(rest))))
        return successor

    def apply_to_events(self, change: Change) -> None:
        """Take over what a change does to events that are there."""
        for id, sequence in change.sequence.items():
            self.events.seal(id, sequence)
        for id in change.erase:
            entry = self.events.get(id)
            if entry is not None:
                self.events.move(entry.number, entry.place._replace(erased=True))
        for id in change.forget:
            self.events.forget(id)

    def fill(self, rows: Iterable[tuple[str, bytes, Place | None]]) -> None:
        """Take over the documents of a snapshot: table, text, and of an event its place.

        Nothing was taken over before.
        """
        events: EventColumns[Place] = EventColumns(self.events.new_places())

        def records() -> Iterator[Marked]:
            for kind, text, place in rows:
                if place is not None:
                    id, number, user, version, sequence = event_head(text)
                    events.insert(EventEntry(number, id, user, version, place, sequence))
                    continue
                head = record_head(text)
                self.tables.setdefault(kind, {})[head.id] = text
                yield Marked(kind, *head)

        self.index.fill(records())
        self.events.fill(events)

    def move_event(self, number: int, place: Place, *, out_of: tuple[FileIO, ...]) -> None:
        """Say where the document of an event stands now. One that is not there any more is let
        pass, and one that was written anew since."""
        before = self.events.place(number)
        if before is not None and before.file in out_of:
            self.events.move(number, place._replace(erased=before.erased))

    def add_new_event(self, event: NewEvent, place: Place) -> None:
        """Take over an event that `plan` allowed and that was written."""
        number = self.events.next_number
        self.events.add(EventEntry(number, event.id, event.user, event.version, place))

    def add_event(self, text: bytes, place: Place) -> None:
        """Take over the document of an event, perhaps in the place of the one with its id."""
        id, number, user, version, sequence = event_head(text)
        entry = EventEntry(number, id, user, version, place, sequence)
        self.events.restore(entry, place, number=number)

    def _marks(self, kind: str, id: str) -> Record | None:
        """Return the keys and labels of a record, or None if there is none."""
        text = self.tables.get(kind, {}).get(id)
        if text is None:
            return None
        head = record_head(text)
        return Record(kind, id, 0, _UNREAD, head.keys, head.labels)

    def _take(self, step: Step, text: bytes | None) -> None:
        write, old = step.write, step.old
        self._recent[write.kind].pop(write.id, None)
        frozen = self._frozen  # once: whoever wrote the snapshot thaws without a lock
        if frozen is not None:
            before = self.tables.get(write.kind, {}).get(write.id)
            frozen.changes(write.kind, write.id, before)
        old_labels = () if old is None else old.labels
        if isinstance(write, Put) and text is not None:
            self.index.replace(write.kind, write.id, old_labels, write.keys, write.labels)
            self.tables.setdefault(write.kind, {})[write.id] = text
        elif old is not None:
            self.index.replace(write.kind, write.id, old_labels, (), ())
            del self.tables[write.kind][write.id]


def stored_event(entry: EventEntry[Place]) -> StoredEvent:
    """Read an event from the disk."""
    place = entry.place
    stored, _ = event_from(read_at(place.file, place.at, place.length_bytes))
    detail = None if place.erased else stored.detail
    return attrs.evolve(stored, sequence=entry.sequence, detail=detail)


def text_of(entry: EventEntry[Place]) -> bytes:
    """Return the document of an event as it should stand on the disk."""
    place = entry.place
    if not place.erased:
        text = read_at(place.file, place.at, place.length_bytes)
        if event_head(text).sequence == entry.sequence:
            return text
    return event_text(stored_event(entry), entry.number)
