"""Letting a connection do something, and again where that is safe."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from admit.errors import FateUnknown, StoreClosed, StoreReadOnly

from .connections import Connections
from .database import Database, Link, Trouble
from .settling import Unsettled

T = TypeVar("T")


class Attempts:
    """The connections of an open store, and what is done when one of them fails."""

    def __init__(self, database: Database) -> None:
        self.unsettled: Final = Unsettled()
        self.closed = False
        self._database = database
        self._connections = Connections(database.connect, database.connections)
        self._process = os.getpid()
        self._connections.give(self._connections.take())  # what is wrong on the way is said now

    @property
    def is_forked(self) -> bool:
        """Whether this is a child of the process that opened the store."""
        return self._process != os.getpid()

    def check_open(self) -> None:
        """Raise StoreClosed unless the store is open, in this process."""
        if self.closed:
            raise StoreClosed("The store was closed.", "Open it again.")
        if self.is_forked:
            raise StoreClosed("The store was opened before a fork.", "Open it in the child.")

    def check_writable(self) -> None:
        """Raise StoreClosed or StoreReadOnly unless the store may be written."""
        self.check_open()
        if self._database.read_only:
            raise StoreReadOnly("The store was opened for reading only.", "Open it for writing.")

    def run(self, act: Callable[[Link], T]) -> T:
        """Let a connection do something, and once more, or several times, if that is safe.

        Raises:
            FateUnknown: the connection was lost while it committed.
            StoreError: and its children, as `Database.refusal` says; nothing was written.
        """
        self.check_open()
        may_lose = True
        give_up_at = time.monotonic() + self._database.patience_seconds
        while True:
            link = self._connections.take()
            try:
                answer = act(link)
            except Exception as error:
                trouble = link.trouble(error)
                if trouble is Trouble.LOST:
                    self._lost(link, error, may_lose)
                    may_lose = False
                    continue
                self._connections.give(link)
                if trouble is Trouble.OURS:
                    raise
                if trouble is Trouble.REFUSED or time.monotonic() > give_up_at:
                    raise self._database.refusal(error, doing="do this") from None
                time.sleep(random.uniform(0.001, 0.02))  # noqa: S311  # so that rivals part
            except BaseException:
                self._connections.drop(link)
                raise
            else:
                self._connections.give(link)
                return answer

    def close(self) -> None:
        """Let go of all connections."""
        self.closed = True
        self._connections.close()

    def _lost(self, link: Link, error: Exception, may_lose: bool) -> None:
        """Let go of a connection that is gone; raise unless what it did may be done again."""
        was_committing = link.committing
        self._connections.drop(link)
        self._connections.lost()
        self.unsettled.doubt()
        if was_committing:
            raise FateUnknown("The connection was lost while the database committed.") from error
        if not may_lose:
            raise self._database.refusal(error, doing="stay connected") from error
