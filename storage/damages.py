"""What in a file cannot be read, and whose records and events stood there.

Names are looked for only where they are written: a body may hold, as its data, what looks like one,
but no tab, line feed or zero.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from admit.stores import Ref

_IN_LOG: Final = re.compile(
    rb"(?:\t|(?:\A|[\n\0]).{0,18}[0-9a-f]{8}[ +])(?:put|remove) ([A-Za-z0-9][A-Za-z0-9._/-]*) "
    rb'(?:\{"_id":")?([0-9a-f]{24})'
)
_EVENT_IN_LOG: Final = re.compile(rb'event \{"_id":"([0-9a-f]{24})"')
_IN_SNAPSHOT: Final = re.compile(
    rb'(?:\A|[\n\0])[^\n\0]{0,33}?\{"_id":"([0-9a-f]{24})".{3}(version|number)'
)


@attrs.frozen(kw_only=True)
class Damage:
    """A stretch of a file that cannot be read, or a file that is not what it was."""

    file: str
    at: int
    """The offset of its first byte."""
    length_bytes: int
    """Zero, if the file is not there, or if nobody can tell where it is wrong."""
    sentence: str
    records: tuple[Ref, ...] = ()
    """Those that are named in what is left of it; the kind is `?` if that cannot be told."""
    events: tuple[str, ...] = ()
    """The ids of events that are named in what is left of it."""


def of_log(file: str, at: int, data: bytes) -> Damage:
    """Return the damage of a stretch of a log that holds *data*."""
    records = [Ref(k.decode("ascii"), id.decode("ascii")) for k, id in _IN_LOG.findall(data)]
    events = [id.decode("ascii") for id in _EVENT_IN_LOG.findall(data)]
    return Damage(
        file=file,
        at=at,
        length_bytes=len(data),
        sentence="These commits cannot be read; what they changed is as it was before.",
        records=tuple(dict.fromkeys(records)),
        events=tuple(dict.fromkeys(events)),
    )


def of_snapshot(file: str, at: int, data: bytes, kind: str) -> Damage:
    """Return the damage of a stretch of a snapshot, found in the table *kind*."""
    found = [(id.decode("ascii"), word) for id, word in _IN_SNAPSHOT.findall(data)]
    return Damage(
        file=file,
        at=at,
        length_bytes=len(data),
        sentence="This cannot be read.",
        records=tuple(dict.fromkeys(Ref(kind, id) for id, word in found if word == b"version")),
        events=tuple(dict.fromkeys(id for id, word in found if word == b"number")),
    )


def of_file(file: str, sentence: str) -> Damage:
    """Return the damage of a file as a whole."""
    return Damage(file=file, at=0, length_bytes=0, sentence=sentence)


def of_frame(file: str, at: int, length_bytes: int) -> Damage:
    """Return the damage of what stands around a line of a log."""
    return Damage(
        file=file,
        at=at,
        length_bytes=length_bytes,
        sentence="What frames this line is damaged; the commit is whole, so nothing is lost by it.",
    )
