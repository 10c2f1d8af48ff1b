"""Records and events as the statements that write them just as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from admit.stores import KeyTaken, Record, Ref, StoredEvent

from .care_statements import CareStatements
from .database import Link, Step
from .remembered import Seen
from .statements import Statements
from .texts import body_text, id_bytes, marks_of, name_bytes
from .writing import Overtaken, Writing


class KeyInTheWay(Exception):
    """One of several keys belongs to a record that is not among those restored."""


def restored(
    records: Sequence[Record],
    events: Sequence[StoredEvent],
    known: Mapping[Ref, Seen | None],
    *,
    app: str,
    statements: Statements,
    care: CareStatements,
    first_number: int,
) -> tuple[Step, ...]:
    """Return the steps that write all of them, given what is *known* of the records there are.

    New events are numbered from *first_number* on, a microsecond each: less than it takes to write
    one, so that what is committed afterwards comes after them.

    Raises ValueError or TypeError if something cannot be written.
    """
    writing = Writing(app, statements)
    for record in records:
        ref = Ref(record.kind, record.id)
        new = Seen(record.version, marks_of(record.keys, record.labels))
        writing.replace(ref, known[ref], new, record.body, Overtaken())
    rows = [
        {
            "app": app,
            "id": id_bytes(event.id),
            "number": number,
            "user_id": None if event.user is None else id_bytes(event.user),
            "version": event.version or 0,
            "sequence": event.sequence,
            "body": body_text(event.body),
            "detail": None if event.detail is None else body_text(event.detail),
        }
        for number, event in enumerate(events, first_number)
    ]
    steps = tuple(writing.bulk_steps(KeyInTheWay()))
    return (*steps, Step(care.restore_event, tuple(rows))) if rows else steps


def refs_of(records: Iterable[Record]) -> list[Ref]:
    """Return the names of the records.

    Raises:
        KeyTaken: a key belongs to two of them.
        ValueError: one is there twice.
    """
    refs = [Ref(record.kind, record.id) for record in records]
    if len(set(refs)) != len(refs):
        raise ValueError("each record is restored at most once")
    holders: dict[str, Ref] = {}
    for ref, record in zip(refs, records, strict=True):
        for key in record.keys:
            if holders.setdefault(key, ref) != ref:
                raise KeyTaken(key)
    return refs


def check_free(link: Link, records: Sequence[Record], app: str, care: CareStatements) -> None:
    """Raise KeyTaken if a key belongs to a record that is not among these."""
    own = {(record.kind, record.id) for record in records}
    for record in records:
        for key in record.keys:
            for kind, id in link.fetch(care.holder, of_app=app, of_key=name_bytes(key)):
                if (kind, id.hex()) not in own:
                    raise KeyTaken(key)
