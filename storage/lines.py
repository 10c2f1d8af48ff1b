"""What a line of the change log says: parts parted by tabs, each beginning with a word.

    log {"schema":1,"generation":3}     the first line of a log
    put user {…}                        a document; replaces the one with its id
    remove user 64f…
    event {…}
    sequence {"64f…":17}    erase ["64f…"]    forget ["64f…"]
    next {"generation":4}               the last line of a log: it goes on in that one

One line is one commit, so it is kept whole or not at all. JSON text holds no raw tab, so parts are
cut out, and kept, without parsing them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from admit.stores import Change

from .documents import check_id, check_kind, record_text, to_text


class Part(NamedTuple):
    """One part of a line: its word, what follows, and the offset of that in the payload."""

    word: bytes
    rest: bytes
    at: int


def parts_of(payload: bytes) -> Iterator[Part]:
    """Walk over the parts of a line."""
    at = 0
    for piece in payload.split(b"\t"):
        word, _, rest = piece.partition(b" ")
        yield Part(word, rest, at + len(word) + 1)
        at += len(piece) + 1


def log_line(schema: int, generation: int) -> bytes:
    """Return the first line of a log."""
    return b"log " + to_text({"schema": schema, "generation": generation})


def next_line(generation: int) -> bytes:
    """Return the last line of a log, which names its successor."""
    return b"next " + to_text({"generation": generation})


class Written(NamedTuple):
    """A change as text, all but its events: their numbers are known only under the lock."""

    documents: list[bytes]
    """The document of each put, in order."""
    before_events: list[bytes]
    after_events: list[bytes]


def written(change: Change) -> Written:
    """Return *change* as text.

    Raises:
        ValueError, TypeError: a name in it cannot be one, or a body is not JSON. Nothing was
            written.
    """
    documents: list[bytes] = []
    before: list[bytes] = []
    after: list[bytes] = []
    for put in change.put:
        check_kind(put.kind)
        check_id(put.id)
        text = record_text(put)
        documents.append(text)
        before.append(b"put %b %b" % (put.kind.encode("ascii"), text))
    for remove in change.remove:
        check_kind(remove.kind)
        check_id(remove.id)
        before.append(f"remove {remove.kind} {remove.id}".encode("ascii"))
    for event in change.events:
        check_id(event.id)
    if change.sequence:
        after.append(b"sequence " + to_text(dict(change.sequence)))
    if change.erase:
        after.append(b"erase " + to_text(change.erase))
    if change.forget:
        after.append(b"forget " + to_text(change.forget))
    return Written(documents, before, after)
