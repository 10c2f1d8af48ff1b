"""What the store asks of one kind of database: a connection kept between commits, and its troubles.

Only here and in the two modules that fill this in is it known which database there is.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
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

    def write(self, steps: Sequence[Step], *, settle: bool) -> None:
        """Run the steps in one transaction, in their order, and commit it.

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

    name: str
    """For people; shows no password."""
    path: Path | None
    dialect: sa.Dialect
    statements: Statements
    connections: int
    """How many may be open at once."""
    read_only: bool

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
