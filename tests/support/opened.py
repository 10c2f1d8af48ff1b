"""Engines on one store, opened as a test needs them, and closed behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

from ada import ADDRESS, log_in, made

from admit import Engine, LogIn
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine

OpenWith = Callable[..., Engine]
"""Opens an engine with settings."""


def engines(store: MemoryStore, clock: SettableClock) -> Iterator[OpenWith]:
    """Give what opens engines on a store; for a fixture."""
    with ExitStack() as closing:

        def opens(**settings: object) -> Engine:
            return closing.enter_context(open_engine(store, clock=clock, settings=settings))

        yield opens


def entered(engine: Engine) -> LogIn:
    """Return a log-in of the one user, who is made when she is not there."""
    if engine.users.count() == 0:
        made(engine, ADDRESS)
    return log_in(engine)
