"""The mark that copying a store leaves in the copy: whose it is, and whether it is whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from .errors import StoreIncomplete
from .stores import Body, Record, Store

MARK_KEY: Final = "job:store-copy"


@attrs.frozen
class KindTally:
    """How many there are of one kind, and a digest of them all that knows no order."""

    count: int
    digest: str


Tallies = Mapping[str, KindTally]
"""Kind → its tally; events stand under `event`."""


@attrs.frozen(kw_only=True)
class CopyMark:
    """What a copy says of itself."""

    source: str
    """The id of the record that names the engine key: a store keeps it for life, and copies do."""
    key_id: str
    """The id of the engine key that the copy opens with."""
    tallies: Tallies | None
    """What it held when it was whole; None: it is not yet."""

    def body(self) -> Body:
        """Return it as a JSON object."""
        tallies = (
            None
            if self.tallies is None
            else {k: [t.count, t.digest] for k, t in self.tallies.items()}
        )
        return {"source": self.source, "key_id": self.key_id, "tallies": tallies}


def is_mark(record: Record) -> bool:
    """Whether this record is the mark: no part of what is copied."""
    return MARK_KEY in record.keys


def mark_of(record: Record | None) -> CopyMark | None:
    """Return what the record says that a store keeps under `MARK_KEY`, if it keeps one."""
    if record is None:
        return None
    body = record.body
    kept = body["tallies"]
    return CopyMark(
        source=body["source"],
        key_id=body["key_id"],
        tallies=None if kept is None else {k: KindTally(*tally) for k, tally in kept.items()},
    )


def refuse_incomplete(store: Store) -> None:
    """Raise StoreIncomplete when *store* is a copy that is not whole."""
    mark = mark_of(store.find(MARK_KEY))
    if mark is not None and mark.tallies is None:
        raise StoreIncomplete(
            "This store is a copy that was not finished.",
            "Copy again, from the same store: it goes on where it was. admit store copy FROM TO",
        )
