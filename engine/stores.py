"""The seam between the engine and whatever keeps its records.

A store keeps **records** of open kinds and **events**. Records say their own keys and labels; a
store knows nothing of what they mean. `admit.testing.contracts.StoreContract` is this page as a
test suite: a new store subclasses it and overrides one fixture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

import attrs

SCHEMA: Final = 1
"""The form of what is stored. A store opens this one and upgrades older ones."""

Body = Mapping[str, Any]
"""A JSON object. Who hands one over, or gets one, treats it as read-only from then on."""

T = TypeVar("T")


class Label(NamedTuple):
    """Where a record can be found by paging: a name, and its place in the order (compared as text
    by code point, then by id)."""

    name: str
    order: str


class Cursor(NamedTuple):
    """A place in a page: the (order, id) of the last item seen.

    `Cursor("ada", "")` stands before every item whose order is "ada" or more, so it begins a
    search by prefix.
    """

    order: str
    id: str


class Ref(NamedTuple):
    """The name of one record."""

    kind: str
    id: str


class Record(NamedTuple):
    """One record as a store gives it back."""

    kind: str
    id: str
    version: int
    body: Body
    keys: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()


class Put(NamedTuple):
    """Write one record, if its version is still *expects* (None: it must not exist).

    It then has the version `(expects or 0) + 1`, exactly these keys and exactly these labels.
    """

    kind: str
    id: str
    body: Body
    expects: int | None = None
    keys: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()

    @property
    def version(self) -> int:
        """The version this write gives the record."""
        return (self.expects or 0) + 1


class Remove(NamedTuple):
    """Remove one record, with its keys and labels, if its version is still *expects*.

    `expects=None` removes whatever version is there, and is content with nothing.
    """

    kind: str
    id: str
    expects: int | None = None


class NewEvent(NamedTuple):
    """An event to append: its body (with `id` and perhaps `user` and `version`) and its detail."""

    id: str
    body: Body
    user: str | None = None
    version: int | None = None
    detail: Body | None = None


@attrs.frozen
class StoredEvent:
    """An event as a store gives it back."""

    id: str
    body: Body
    user: str | None
    version: int | None
    detail: Body | None
    sequence: int | None


class Change(NamedTuple):
    """What one commit does, all of it or nothing."""

    put: tuple[Put, ...] = ()
    remove: tuple[Remove, ...] = ()
    events: tuple[NewEvent, ...] = ()
    sequence: Mapping[str, int] = MappingProxyType({})
    """Event id → its sequence number, for events being sealed."""
    erase: tuple[str, ...] = ()
    """Ids of events whose detail is erased; unknown ones and ones without detail are let pass."""
    forget: tuple[str, ...] = ()
    """Ids of events past their retention; removed whole."""


class Page(NamedTuple, Generic[T]):
    """Some items in order, and the cursor that continues after them (None: there are no more)."""

    items: tuple[T, ...]
    next: Cursor | None = None


class KeyTaken(Exception):
    """A commit was refused: a key in it belongs to another record. Nothing was written."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class VersionMoved(Exception):
    """A commit was refused: a record's version is not the expected one. Nothing was written."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(kind, id)
        self.kind, self.id = kind, id


class Store(Protocol):
    """What the engine asks of a store. Every method may be called from any thread.

    Besides what each method names, any of them raises `StoreClosed` after `close()` or in a
    child that was forked while the store was open, and `StoreDamaged` when what is stored cannot
    be read.
    """

    path: Path | None
    """The local file, beside which the engine's key file and `admit.toml` live; else None."""
    read_only: bool

    def get(self, kind: str, id: str) -> Record | None:
        """Return the record, or None. Kind `event` finds an event by its id (its body, version 1):
        how the fate of a commit is looked up."""
        ...

    def get_many(self, refs: Sequence[Ref]) -> list[Record | None]:
        """Return each record or None, in the order asked, seen at one moment."""
        ...

    def find(self, key: str) -> Record | None:
        """Return the record that holds *key*, or None. Keys are unique over all kinds."""
        ...

    def page(
        self,
        kind: str,
        label: str,
        after: Cursor | None = None,
        limit: int = 50,
        reverse: bool = False,
    ) -> Page[Record]:
        """Return up to *limit* records of *kind* carrying *label*, by (order, id), after a cursor.

        `reverse` walks from the end. A record that stays where it is while others come and go is
        seen exactly once.
        """
        ...

    def count(self, kind: str, label: str) -> int:
        """Return at how many places records of *kind* carry *label*: one that carries it with two
        orders stands at two."""
        ...

    def events(
        self,
        *,
        user: str | None = None,
        sequence_after: int | None = None,
        unsealed: bool = False,
        after: Cursor | None = None,
        limit: int = 50,
    ) -> Page[StoredEvent]:
        """Return events; exactly one of the three ways is asked for.

        `user`: that user's, by (version, order of commit). `sequence_after`: the sealed ones
        whose sequence is greater, by sequence. `unsealed`: those without a sequence, in the order
        of their commits.
        """
        ...

    def commit(self, change: Change, *, settle: bool = True) -> None:
        """Write all of *change* or nothing.

        `settle=True` returns when it is durable. `settle=False` means atomic and visible at once,
        durable with the next settled commit or `settle()`; a store may always settle.

        Raises:
            VersionMoved: a record is not at the version expected, or the id of an event is there
                already (so that a blind repetition does no harm); nothing was written.
            KeyTaken: a key belongs to another record; nothing was written. Versions are compared
                first, and a key freed in the same change may be taken in it.
            FateUnknown: the change may or may not have been written.
            StoreFull, StoreReadOnly, StoreUnreachable: nothing was written.
        """
        ...

    def settle(self) -> None:
        """Return when everything committed before is durable. Raises FateUnknown."""
        ...

    def close(self) -> None:
        """Settle and let go of files and connections. Closing twice is let pass."""
        ...


class StoreFactory(Protocol):
    """What an entry point of the group `admit.stores`, named by its URL scheme, leads to."""

    def __call__(self, location: str, *, read_only: bool) -> Store:
        """Open the store at *location*: what follows `scheme://`, or a bare path."""
        ...
