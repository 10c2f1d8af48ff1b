"""The one source of time."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
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
        instant = datetime.now(UTC)
        return instant.replace(microsecond=instant.microsecond // 1000 * 1000)

    def sleep(self, duration: timedelta) -> None:
        """Block the calling thread for *duration*."""
        time.sleep(duration.total_seconds())


def to_text(instant: datetime) -> str:
    """Write an aware UTC instant as RFC 3339 with milliseconds; its text sorts as its time does."""
    return instant.isoformat(timespec="milliseconds")[:23] + "Z"


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote.

    Raises:
        ValueError: it is not an RFC 3339 instant.
    """
    return datetime.fromisoformat(text)
