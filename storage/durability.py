"""Group commit: of the threads that wait for the disk, one syncs for all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from admit.errors import FateUnknown


class Durability:
    """Counts what was written and knows how much of it is on the disk."""

    def __init__(self, sync: Callable[[], None]) -> None:
        """*sync* returns when all that was written before the call is on the disk."""
        self._sync = sync
        self._changed = threading.Condition()
        self._written = 1  # what was found when the store was opened
        self._durable = 0
        self._busy = False
        self.failed = False
        """A sync failed since `all_durable` was last called. What waits, or comes to wait, is told
        that its fate is unknown: it stands in the log behind what may be lost."""

    @property
    def all_is_durable(self) -> bool:
        """Whether everything written so far is on the disk."""
        return self._durable >= self._written

    def wrote(self) -> int:
        """Count one commit, of this process or another, as written; return its number. Calls do
        not overlap."""
        self._written += 1
        return self._written

    def wait(self, number: int | None = None) -> None:
        """Return when this commit (None: every one so far) is on the disk.

        Raises:
            FateUnknown: the sync that should have covered it failed. It is never repeated: the
                system may have dropped the bytes and would then report success.
        """
        if number is None:
            number = self._written
        with self._changed:
            while number > self._durable:
                if self.failed:
                    raise FateUnknown()
                if self._busy:
                    self._changed.wait()
                else:
                    self._lead()

    def _lead(self) -> None:
        self._busy, upto = True, self._written
        self._changed.release()
        succeeded = False
        try:
            self._sync()
            succeeded = True
        except OSError as error:
            raise FateUnknown() from error
        finally:
            self._changed.acquire()
            self._busy = False
            if succeeded:
                self._durable = max(self._durable, upto)
            else:
                self.failed = True
            self._changed.notify_all()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Keep every thread from syncing, so that files can be changed for others."""
        with self._changed:
            while self._busy:
                self._changed.wait()
            self._busy = True
        try:
            yield
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def all_durable(self) -> None:
        """Count everything written so far as being on the disk: it was put there another way."""
        with self._changed:
            self._durable, self.failed = self._written, False
            self._changed.notify_all()
