"""Knowing, while requests are under way, that the server is about to end: at the first signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final, cast

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """Whether the server is about to end. Answers without an end of their own wait for it."""

    def __init__(self) -> None:
        self._begun = asyncio.Event()

    @property
    def has_begun(self) -> bool:
        """Whether no more is taken."""
        return self._begun.is_set()

    def begin(self) -> None:
        """Say so to all who wait."""
        self._begun.set()

    async def within(self, seconds: float) -> bool:
        """Wait up to *seconds*; return whether it has begun."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._begun.wait(), seconds)
        return self.has_begun

    @contextlib.contextmanager
    def told_by_signals(self) -> Iterator[None]:
        """Begin at a signal that ends the process, and do what is done at it besides. The server
        tells an application that it ends only when no request is under way any more, which a
        stream always is."""
        if threading.current_thread() is not threading.main_thread():
            yield  # signals come to the main thread alone
            return
        loop = asyncio.get_running_loop()

        def chained(before: Callable[[int, FrameType | None], Any]) -> Callable[..., None]:
            def handler(number: int, frame: FrameType | None) -> None:
                loop.call_soon_threadsafe(self.begin)
                before(number, frame)

            return handler

        kept = {}
        for number in _SIGNALS:
            before = signal.getsignal(number)
            if callable(before):
                kept[number] = before
                signal.signal(number, chained(cast(Any, before)))
        try:
            yield
        finally:
            for number, before in kept.items():
                signal.signal(number, before)
