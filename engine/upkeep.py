"""What caring for a store asks of it besides `admit.stores.Store`: to walk it, move it, measure it.

A store without these serves an engine all the same; it just cannot be copied, checked, compacted
or backed up by admit. `admit.testing.contracts.UpkeepContract` is this page as a test suite.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, runtime_checkable

import attrs

from .stores import Record, Store, StoredEvent


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
    """Stable: `key-lost`, `label-lost`, `key-astray`, `label-astray`, …"""
    where: str
    """Which record, event, file or table, by kind and id."""
    sentence: str


class View(Protocol):
    """All that a store holds, seen at one moment while others go on writing."""

    def kinds(self) -> Sequence[str]:
        """Return the kinds of records that there are, in order."""
        ...

    def records(self, kind: str) -> Iterator[Record]:
        """Walk over every record of *kind*, by id."""
        ...

    def events(self) -> Iterator[StoredEvent]:
        """Walk over every event, in the order of their commits."""
        ...


@runtime_checkable
class Upkeep(Store, Protocol):
    """A store that can be walked, moved and measured. Raises what `Store`'s methods raise."""

    def view(self) -> AbstractContextManager[View]:
        """Return a view of this moment; leave it soon, for it may keep room from being freed."""
        ...

    def restore(self, records: Sequence[Record], events: Sequence[StoredEvent]) -> None:
        """Write records and events just as they are: with their versions, keys and labels, in the
        order given, each in the place of the one with its id. All of it or nothing, durable.

        Raises:
            KeyTaken: a key belongs to a record that is not among them; nothing was written.
        """
        ...

    def compact(self) -> None:
        """Give back the room of what was replaced, and of what was erased."""
        ...

    def stats(self) -> StoreStats:
        """Measure what there is."""
        ...

    def backup(self, target: Path) -> None:
        """Write a copy of this moment to *target*, which must not exist, while others go on; it
        opens as a store. Half a copy is never left there.

        Raises:
            InvalidInput: something is there, or this store cannot write a copy to a file.
        """
        ...

    def faults(self) -> Iterator[Fault]:
        """Walk over what in the store itself does not fit together: records that a key of theirs
        does not lead to, labels that miss a record or carry one too many, sums that are wrong."""
        ...
