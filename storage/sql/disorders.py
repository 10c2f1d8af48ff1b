"""What in a SQL store does not fit together, found in two walks that hold little in memory."""

from __future__ import annotations

from collections.abc import Iterator

from admit.errors import StoreDamaged
from admit.upkeep import DISORDERS, Fault

from .texts import NO_MARKS, Marks, body_from, event_from, marks_from, name_bytes, place_bytes
from .viewing import SqlView


def disorders(view: SqlView) -> Iterator[Fault]:
    """Walk over records and events that cannot be read, keys and labels that lead astray, and
    records that are missing where they should be found."""
    marks_due = 0
    for kind in view.kinds():
        for id, _, text, body in view.walk(view.statements.records, of_kind=kind):
            marks = _readable(text)
            if marks is None or not _is_json(body):
                yield _fault("damaged", kind, id)
            if marks is not None:
                marks_due += len(_keys_of(marks)) + len(_places_of(marks))
    for row in view.walk(view.statements.events):
        try:
            event_from(row)
        except StoreDamaged:
            yield _fault("damaged", "event", row[0])

    # What is listed for a record that cannot be read may be right: that one was told already.
    marks_kept = 0
    for key, kind, id, text in view.walk(view.statements.keys):
        marks = NO_MARKS if text is None else _readable(text)
        if marks is not None and key in _keys_of(marks):
            marks_kept += 1
        elif marks is not None:
            yield _fault("key-astray", kind, id)
    for name, place, kind, id, text in view.walk(view.statements.labels):
        marks = NO_MARKS if text is None else _readable(text)
        if marks is not None and (name, place) in _places_of(marks):
            marks_kept += 1
        elif marks is not None:
            yield _fault("label-astray", kind, id)

    # Each row that was kept is one mark of one record: only if there are fewer is one lost.
    if marks_kept < marks_due:
        yield from _lost(view)


def _lost(view: SqlView) -> Iterator[Fault]:
    statements = view.statements
    for kind in view.kinds():
        for id, _, text, _ in view.walk(statements.records, of_kind=kind):
            marks = _readable(text) or NO_MARKS
            for key in sorted(_keys_of(marks)):
                if view.fetch(statements.holder, of_key=key) != [(kind, id)]:
                    yield _fault("key-lost", kind, id)
            for name, place in sorted(_places_of(marks)):
                where = {"of_kind": kind, "of_name": name, "of_place": place, "of_id": id}
                if not view.fetch(statements.place, **where):
                    yield _fault("label-lost", kind, id)


def _readable(text: str) -> Marks | None:
    try:
        return marks_from(text)
    except StoreDamaged:
        return None


def _is_json(text: str) -> bool:
    try:
        body_from(text, "")
    except StoreDamaged:
        return False
    return True


def _keys_of(marks: Marks) -> set[bytes]:
    return {name_bytes(key) for key in marks.keys}


def _places_of(marks: Marks) -> set[tuple[bytes, bytes]]:
    return {(name_bytes(name), place_bytes(order)) for name, order in marks.labels}


def _fault(code: str, kind: str, id: bytes) -> Fault:
    return Fault(code=code, where=f"{kind} {id.hex()}", sentence=DISORDERS[code])
