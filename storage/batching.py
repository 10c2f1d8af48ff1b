"""Durability `batched`: commits return before they are on the disk, and are synced soon after."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Final, Literal, get_args

from admit.errors import InvalidInput, StoreError

Durability = Literal["full", "batched"]
"""`full`: a settled commit is on the disk when it returns. `batched`: it is soon after."""

SYNC_WITHIN_SECONDS: Final = 0.1
"""So long a commit may wait for its sync; what a power failure can take is what came within."""

_AGAIN_WITHIN_SECONDS: Final = 30.0

_log: Final = logging.getLogger(__name__)


def checked_durability(value: str) -> Durability:
    """Return *value* if it is a durability. Raises InvalidInput, naming those there are."""
    for known in get_args(Durability):
        if value == known:
            return known  # type: ignore[no-any-return]  # get_args answers Any
    raise InvalidInput(
        "durability", f"must be {' or '.join(get_args(Durability))}.", "Leave it out for full."
    )


class Batching:
    """Settles a store by itself, some time after something was committed to it."""

    def __init__(self, settle: Callable[[], None], within_seconds: float) -> None:
        """*settle* returns when all that was committed before is durable."""
        self._settle = settle
        self._within_seconds = within_seconds
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._waits = threading.Event()
        self._stop = threading.Event()

    def committed(self) -> None:
        """Let what was committed just now be durable before long."""
        if self._waits.is_set():
            return
        self._waits.set()
        with self._starting:
            if self._thread is None:
                # A daemon: who leaves without closing the store is as one who is killed.
                self._thread = threading.Thread(
                    target=self._work, name="admit-batching", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """Return when no settling is under way; none begins by itself from now on."""
        self._stop.set()
        self._waits.set()
        with self._starting:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        pause_seconds = self._within_seconds
        while self._waits.wait() and not self._stop.wait(pause_seconds):
            self._waits.clear()  # before: what is committed while it settles waits for the next one
            try:
                self._settle()
                pause_seconds = self._within_seconds
            except StoreError as problem:
                # Those who were acknowledged cannot be told any more, which is what they chose.
                _log.error("what was committed lately could not be made durable: %s", problem)
                pause_seconds = min(2 * pause_seconds, _AGAIN_WITHIN_SECONDS)
                self._waits.set()
