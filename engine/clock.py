"""The one source of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol


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

    def __init__(self) -> None:
        self._tick = (0, datetime.fromtimestamp(0, UTC))

    def now(self) -> datetime:
        """Return the present instant, UTC, cut to milliseconds."""
        milliseconds = time.time_ns() // 1_000_000
        # A use case asks several times within one: the same object is cheaper to make and to write.
        last, instant = self._tick
        if milliseconds != last:
            instant = datetime.fromtimestamp(milliseconds / 1000, UTC)
            self._tick = (milliseconds, instant)
        return instant

    def sleep(self, duration: timedelta) -> None:
        """Block the calling thread for *duration*."""
        time.sleep(duration.total_seconds())


def _to_text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")[:23] + "Z"


to_text: Final[Callable[[datetime], str]] = lru_cache(256)(_to_text)
"""Write an aware UTC instant as RFC 3339 with milliseconds; its text sorts as its time does.

The last few are kept: a change writes the same instants many times, into bodies and labels.
"""

from_text: Final[Callable[[str], datetime]] = datetime.fromisoformat
"""Read what `to_text` wrote. Raises ValueError: it is no instant."""
