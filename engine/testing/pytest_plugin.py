"""pytest fixtures, there wherever admit is installed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # a test run that needs none of this imports none of it
    from ..engine import Engine
    from . import Inbox, MemoryStore, SettableClock


@pytest.fixture
def admit_clock() -> SettableClock:
    """A clock that stands still until the test moves it."""
    from . import SettableClock

    return SettableClock()


@pytest.fixture
def admit_inbox() -> Inbox:
    """Where the mail of `admit_engine` lands."""
    from . import Inbox

    return Inbox()


@pytest.fixture
def admit_store() -> MemoryStore:
    """The store of `admit_engine`."""
    from . import MemoryStore

    return MemoryStore()


@pytest.fixture
def admit_engine(
    admit_store: MemoryStore, admit_clock: SettableClock, admit_inbox: Inbox
) -> Iterator[Engine]:
    """An engine on a memory store, with a settable clock, an inbox and cheap hashing."""
    from . import open as open_engine

    with open_engine(admit_store, clock=admit_clock, inbox=admit_inbox) as engine:
        yield engine
