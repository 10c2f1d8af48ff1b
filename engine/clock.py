"""The one source of time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """What the engine asks for the time; `admit.testing.SettableClock` is the other one."""

    def now(self) -> datetime:
        """Return the present instant: aware, UTC, whole milliseconds (what a store keeps)."""
        ...

    def sleep(self, duration: timedelta) -> None:
        """Wait for *duration*; the pacing of long work goes through here."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, UTC, cut to milliseconds."""
        return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)

    def sleep(self, duration: timedelta) -> None:
        """Block the calling thread for *duration*."""
        time.sleep(duration.total_seconds())


def to_text(instant: datetime) -> str:
    """Write an aware UTC instant as RFC 3339 with milliseconds; its text sorts as its time does."""
    return _text_of(instant)


@lru_cache(256)  # a change writes the same few instants many times, into bodies and labels
def _text_of(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")[:23] + "Z"


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote.

    Raises:
        ValueError: it is not an RFC 3339 instant.
    """
    return datetime.fromisoformat(text)
