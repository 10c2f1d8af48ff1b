"""What caring for a store asks of it besides `admit.stores.Store`: to walk it, move it, measure it.

A store without these serves an engine all the same; it just cannot be copied, checked, compacted
or backed up by admit. `admit.testing.contracts.UpkeepContract` is this page as a test suite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import attrs

from .stores import Record, Store, StoredEvent

DISORDERS: Final[Mapping[str, str]] = {
    "key-lost": "A key of a record leads to no record, or to another one.",
    "key-astray": "A key leads to a record that is not there, or does not have it.",
    "label-lost": "A record is missing at a place where it carries a label.",
    "label-astray": "A record that is not there, or does not carry a label so, is listed at it.",
    "damaged": "What is kept is not what was written.",
}
"""Codes of the faults that any store may have, unless the way it keeps things rules them out."""


@attrs.frozen(kw_only=True)
class StoreStats:
    """How much a store holds."""

    records: Mapping[str, int]
    """Kind → how many records."""
    events: int
    unsealed_events: int
    bytes: Mapping[str, int]
    """What takes room → bytes on the disk, in the store's own words (`log`, a table)."""
    schema: int


@attrs.frozen(kw_only=True)
class Fault:
    """Something in a store that does not fit together. Shows no personal data."""

    code: str
    """Stable: one of `DISORDERS`, or the store's own."""
    where: str
    """Which record, event, file or table, by kind and id."""
    sentence: str


class View(Protocol):
    """All that a store holds, seen at one moment while others go on writing.

    Several walks may be under way at once, and one may be left before its end. A walk holds a few
    records at a time, not all of them.
    """

    def kinds(self) -> Sequence[str]:
        """Return the kinds of records that there are, in order."""
        ...

    def records(self, kind: str) -> Iterator[Record]:
        """Walk over every record of *kind*, by id."""
        ...

    def events(self) -> Iterator[StoredEvent]:
        """Walk over every event, in the order of their commits."""
        ...

    def events_by_user(self) -> Iterator[StoredEvent]:
        """Walk over every event that names a user, by (user, version, order of commit), as text
        and number sort: beside a walk over users, which is by id, each meets its own."""
        ...


@runtime_checkable
class Upkeep(Store, Protocol):
    """A store that can be walked, moved and measured. Raises what `Store`'s methods raise."""

    def view(self) -> AbstractContextManager[View]:
        """Return a view of this moment; leave it soon, for it may keep room from being freed."""
        ...

    def restore(self, records: Sequence[Record], events: Sequence[StoredEvent]) -> None:
        """Write records and events just as they are: with their versions, keys and labels, details
        and sequences. All of it or nothing, durable.

        Each takes the place of the one with its id, whatever its version; an event that is new
        comes after all others, in the order given.

        Raises:
            KeyTaken: a key belongs to a record that is not among them, or to two that are.
            FateUnknown: it may or may not have been written; it may be repeated.
            StoreFull, StoreReadOnly: nothing was written, as after KeyTaken.
        """
        ...

    def compact(self) -> None:
        """Give back the room of what was replaced; what was erased is gone from the files then.
        Others may go on. Raises StoreReadOnly."""
        ...

    def stats(self) -> StoreStats:
        """Measure what there is."""
        ...

    def backup(self, target: Path) -> None:
        """Write a copy of this moment to *target*, which must not exist, while others go on; it
        opens as a store. Half a copy is never left there. A store that was opened for reading only
        can do it too.

        Raises:
            InvalidInput: something is there, or this store cannot write a copy to a file.
        """
        ...

    def faults(self) -> Iterator[Fault]:
        """Walk over what in the store itself does not fit together; nothing is changed. Others may
        go on: what they do is no fault."""
        ...
