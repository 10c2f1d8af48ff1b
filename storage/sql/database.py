"""What the store asks of one kind of database: a connection kept between commits, and its troubles.

Only here and in the two modules that fill this in is it known which database there is.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import attrs
import sqlalchemy as sa

from admit.errors import StoreError

from .statements import Statement, Statements


class Trouble(enum.Enum):
    """What an error of a driver means for whoever asked."""

    CONFLICT = "another writer was in the way; nothing was written, it may be tried again"
    LOST = "the connection is gone"
    OURS = "it is no error of the driver's"
    REFUSED = "the database will not do it"


Rows = list[tuple[Any, ...]]


@attrs.frozen
class Step:
    """One statement of a commit, for one row or several."""

    statement: Statement
    rows: tuple[dict[str, Any], ...]
    refusal: Exception | None = None
    """Raised, and nothing is kept, if the statement does not touch as many rows."""


class Link(Protocol):
    """One connection, kept between commits; used by one thread at a time."""

    committing: bool
    """COMMIT was sent and not answered: if the connection is lost now, nobody knows."""

    def fetch(self, statement: Statement, **parameters: Any) -> Rows:
        """Run one statement that reads; return its rows."""
        ...

    def walk(self, statement: Statement, **parameters: Any) -> Iterator[tuple[Any, ...]]:
        """Run one statement that reads, inside `snapshot`; fetch its rows some at a time."""
        ...

    def write(self, steps: Iterable[Step], *, settle: bool) -> None:
        """Run the steps in one transaction, in their order, and commit it. They may be made while
        it runs, by what is fetched in it.

        Raises the refusal of the first step that did not touch all its rows, or what the driver
        raises; then nothing is kept, unless `committing` is still true.
        """
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all that is fetched inside be of one moment."""
        ...

    def trouble(self, error: Exception) -> Trouble:
        """Say what *error*, raised by this connection, means."""
        ...

    def close(self) -> None:
        """Let go of the connection, whatever state it is in."""
        ...


class Database(Protocol):
    """One database: how to reach it, and how it speaks."""

    @property
    def name(self) -> str:
        """For people; shows no password."""
        ...

    @property
    def path(self) -> Path | None:
        """The file, if it is one."""
        ...

    dialect: sa.Dialect
    statements: Statements
    connections: int
    """How many may be open at once."""
    read_only: bool

    @property
    def patience_seconds(self) -> float:
        """So long a transaction is tried again that others were in the way of."""
        ...

    def connect(self) -> Link:
        """Open a connection. Raises StoreError and its children."""
        ...

    def refusal(self, error: Exception, *, doing: str) -> StoreError:
        """Return the error that the protocol names for what a driver raised."""
        ...

    def engine(self) -> sa.Engine:
        """Return SQLAlchemy's engine, for what is not done at every commit. It keeps nothing
        open."""
        ...

    def compact(self) -> None:
        """Free the room of what was replaced. Raises what the driver raises."""
        ...

    def bytes_used(self, link: Link) -> Mapping[str, int]:
        """Return what takes room, for all applications together. Raises what the driver raises."""
        ...

    def file_faults(self, link: Link) -> Sequence[str]:
        """Return what is wrong with the file itself, if there is one, in the database's words."""
        ...

    def copy_to(self, target: Path) -> bool:
        """Write a copy of the file to *target*, an empty file; return False if there is none.

        Raises what the driver raises.
        """
        ...
