"""The connections that a store keeps between commits, handed to one thread at a time.

The one given back last is taken first. When one is lost, all that are idle are let go: what ended
it, a restart or a failover, has ended them too. (docs/dependencies.md compares this with a pool.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from admit.errors import StoreClosed, StoreUnreachable

from .database import Link

_PATIENCE_SECONDS: Final = 30.0


class Connections:
    """At most so many connections; a thread that finds none waits for one."""

    def __init__(
        self, connect: Callable[[], Link], most: int, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._connect = connect
        self._most = most
        self._patience_seconds = patience_seconds
        self._free = threading.Semaphore(most)
        self._idle: list[Link] = []
        self._closed = False

    def take(self) -> Link:
        """Return a connection; `give` it back, or `drop` it.

        Raises:
            StoreClosed: `close` was called.
            StoreUnreachable: there was none in all the time, or the database could not be reached.
        """
        if not self._free.acquire(timeout=self._patience_seconds):
            raise StoreUnreachable(
                f"All {self._most} connections of the store stayed in use for"
                f" {self._patience_seconds:g} seconds.",
                "Allow more (`?connections=` in the store's URL), or ask less at once.",
            )
        try:
            if self._closed:
                raise StoreClosed("The store was closed.", "Open it again.")
            try:
                link = self._idle.pop()
            except IndexError:
                link = self._connect()
            return link
        except BaseException:
            self._free.release()
            raise

    def give(self, link: Link) -> None:
        """Give a connection back as it was taken: in no transaction."""
        self._idle.append(link)
        if self._closed:  # meanwhile
            self._close_idle()
        self._free.release()

    def drop(self, link: Link) -> None:
        """Give back a connection that is of no more use."""
        with suppress(Exception):
            link.close()
        self._free.release()

    def lost(self) -> None:
        """Let go of those that nobody uses: the server that one of them lost, all have lost."""
        self._close_idle()

    def close(self) -> None:
        """Close all: those in use, when they are given back."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        while True:
            try:
                link = self._idle.pop()
            except IndexError:
                return
            with suppress(Exception):
                link.close()
