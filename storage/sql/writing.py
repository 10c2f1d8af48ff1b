"""A change as the statements that make it so: only the rows that differ are written."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import attrs

from admit.stores import Body, Change, KeyTaken, Put, Ref, Remove, VersionMoved

from ..documents import check_kind
from .database import Step
from .remembered import Seen
from .statements import Statement, Statements
from .texts import NO_MARKS, Marks, body_text, id_bytes, marks_of, name_bytes, place_bytes

Row = dict[str, Any]


class Overtaken(Exception):
    """The row of a record is not what it was when the statements were made."""


@attrs.frozen
class Written:
    """What a commit does, and what is known of its records once it is done."""

    steps: tuple[Step, ...]
    seen: Mapping[Ref, Seen | None]
    """None: it is removed."""


def refs_to_read(change: Change) -> list[Ref]:
    """Return the records whose rows must be known to write *change*.

    Raises ValueError if it writes one record twice.
    """
    if len(change.put) + len(change.remove) > 1:
        names = [Ref(put.kind, put.id) for put in change.put]
        names += [Ref(remove.kind, remove.id) for remove in change.remove]
        if len(set(names)) != len(names):
            raise ValueError("a change writes each record at most once")
    refs = [Ref(put.kind, put.id) for put in change.put if put.expects is not None]
    return refs + [Ref(remove.kind, remove.id) for remove in change.remove]


def written(
    change: Change, known: Callable[[Ref], Seen | None], *, app: str, statements: Statements
) -> Written:
    """Return the steps of *change*, given what is *known* of the records that it replaces.

    Records come before keys, as versions are compared before keys; each kind of row in one order,
    so that two commits never wait for each other in a circle.

    Raises:
        VersionMoved: a record is known not to be at the version expected.
        ValueError, TypeError: an id, a kind or a body cannot be written.
    """
    if not change.put and not change.remove:
        return Written(tuple(_events(change, app, statements)), {})
    writing = Writing(app, statements)
    for put in change.put:
        writing.put(put, known)
    for remove in change.remove:
        writing.remove(remove, known)
    return Written((*writing.steps(), *_events(change, app, statements)), writing.seen)


class Writing:
    """The rows to write, gathered record by record."""

    def __init__(self, app: str, statements: Statements) -> None:
        self._app = app
        self._statements = statements
        self._records: list[tuple[Ref, Step]] = []
        self._free: list[Row] = []
        self._take: list[tuple[str, Row]] = []
        self._unlabel: list[Row] = []
        self._label: list[Row] = []
        self.seen: dict[Ref, Seen | None] = {}

    def put(self, put: Put, known: Callable[[Ref], Seen | None]) -> None:
        ref = Ref(put.kind, put.id)
        old = None
        refusal: Exception = VersionMoved(*ref)
        if put.expects is not None:
            old, refusal = known(ref), Overtaken()
            if old is None or old.version != put.expects:
                raise VersionMoved(*ref)
        marks = marks_of(put.keys, put.labels)
        self.replace(ref, old, Seen(put.version, marks), put.body, refusal)

    def replace(
        self, ref: Ref, old: Seen | None, new: Seen, body: Body, refusal: Exception
    ) -> None:
        id = id_bytes(ref.id)
        content = {"version": new.version, "marks": new.marks.text, "body": body_text(body)}
        if old is None:
            check_kind(ref.kind)
            row = {"app": self._app, "kind": ref.kind, "id": id, **content}
            statement = self._statements.insert_record
        else:
            row = self._old_row(ref.kind, id, old) | content
            statement = self._statements.update_record
        self._records.append((ref, Step(statement, (row,), refusal)))
        self._mark(ref.kind, id, NO_MARKS if old is None else old.marks, new.marks)
        self.seen[ref] = new

    def remove(self, remove: Remove, known: Callable[[Ref], Seen | None]) -> None:
        ref = Ref(remove.kind, remove.id)
        old = known(ref)
        if remove.expects is not None and (old is None or old.version != remove.expects):
            raise VersionMoved(*ref)
        if old is not None:
            id = id_bytes(remove.id)
            row = self._old_row(remove.kind, id, old)
            self._records.append((ref, Step(self._statements.delete_record, (row,), Overtaken())))
            self._mark(remove.kind, id, old.marks, NO_MARKS)
            self.seen[ref] = None

    def steps(self) -> Iterable[Step]:
        if len(self._records) > 1:
            self._records.sort(key=_first)
        for _, step in self._records:
            yield step
        statements = self._statements
        yield from _if_any(statements.delete_key, self._free)
        if len(self._take) > 1:
            self._take.sort(key=_first)
        for key, row in self._take:
            yield Step(statements.insert_key, (row,), KeyTaken(key))
        yield from _if_any(statements.delete_label, self._unlabel)
        yield from _if_any(statements.insert_label, self._label)

    def bulk_steps(self, key_refusal: Exception) -> Iterable[Step]:
        """Return the steps, as few as there can be, with one refusal for all that may be taken."""
        statements = self._statements
        steps = [step for _, step in sorted(self._records, key=_first)]
        for statement in (statements.insert_record, statements.update_record):
            rows = tuple([step.rows[0] for step in steps if step.statement is statement])
            if rows:
                yield Step(statement, rows, Overtaken())
        yield from _if_any(statements.delete_key, self._free)
        taken = [row for _, row in sorted(self._take, key=_first)]
        yield from _if_any(statements.insert_key, taken, key_refusal)
        yield from _if_any(statements.delete_label, self._unlabel)
        yield from _if_any(statements.insert_label, self._label)

    def _old_row(self, kind: str, id: bytes, old: Seen) -> Row:
        return {
            "of_app": self._app,
            "of_kind": kind,
            "of_id": id,
            "old_version": old.version,
            "old_marks": old.marks.text,
        }

    def _mark(self, kind: str, id: bytes, old: Marks, new: Marks) -> None:
        if old.keys != new.keys:
            had, has = dict.fromkeys(old.keys), dict.fromkeys(new.keys)
            self._free += [self._key(key, kind, id) for key in had if key not in has]
            self._take += [(key, self._key(key, kind, id)) for key in has if key not in had]
        if old.labels != new.labels:
            before, now = set(old.labels), set(new.labels)
            self._unlabel += [self._label_row(label, kind, id) for label in before - now]
            self._label += [self._label_row(label, kind, id) for label in now - before]

    def _key(self, key: str, kind: str, id: bytes) -> Row:
        return {"app": self._app, "key": name_bytes(key), "kind": kind, "id": id}

    def _label_row(self, label: tuple[str, str], kind: str, id: bytes) -> Row:
        name, place = name_bytes(label[0]), place_bytes(label[1])
        return {"app": self._app, "kind": kind, "name": name, "place": place, "id": id}


def _events(change: Change, app: str, statements: Statements) -> Iterable[Step]:
    now_us = time.time_ns() // 1000
    for place, event in enumerate(change.events):
        row = {
            "app": app,
            "id": id_bytes(event.id),
            "user_id": None if event.user is None else id_bytes(event.user),
            "version": event.version or 0,
            "sequence": None,
            "body": body_text(event.body),
            "detail": None if event.detail is None else body_text(event.detail),
            "now_us": now_us,
            "place": place,
        }
        yield Step(statements.insert_event, (row,), VersionMoved("event", event.id))
    sequence = sorted(change.sequence.items())
    sealed = [_event(app, id) | {"sequence": number} for id, number in sequence]
    yield from _if_any(statements.seal_event, sealed)
    yield from _if_any(statements.erase_event, [_event(app, id) for id in sorted(change.erase)])
    yield from _if_any(statements.forget_event, [_event(app, id) for id in sorted(change.forget)])


def _event(app: str, id: str) -> Row:
    return {"of_app": app, "of_id": id_bytes(id)}


def _if_any(
    statement: Statement, rows: Sequence[Row], refusal: Exception | None = None
) -> Iterable[Step]:
    if rows:
        yield Step(statement, tuple(rows), refusal)


def _first(pair: tuple[Any, Any]) -> Any:
    return pair[0]
