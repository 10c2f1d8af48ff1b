"""A clock that stands still until it is told otherwise."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class SettableClock:
    """Stands at *now* until it is set or moved; `sleep` moves it at once."""

    def __init__(self, now: datetime = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)) -> None:
        self._lock = threading.Lock()
        self._now = now

    def now(self) -> datetime:
        """Return where the clock stands."""
        with self._lock:
            return self._now

    def set(self, now: datetime) -> None:
        """Put the clock to *now*, aware; also backwards."""
        with self._lock:
            self._now = now

    def advance(self, duration: timedelta) -> None:
        """Move the clock on by *duration*; a negative one moves it back."""
        with self._lock:
            self._now += duration

    def sleep(self, duration: timedelta) -> None:
        """Move the clock on, without waiting."""
        self.advance(duration)
