"""Threads for code of the application that may hang: it keeps nobody else waiting, nor the end."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from .refusals import FunctionOverloaded

T = TypeVar("T")

AT_ONCE: Final = 32
"""Functions of the application that are called at the same time."""
HANGING_AT_MOST: Final = 8
"""Calls of one function that were given up and hang on before it is called no more: each keeps a
thread."""


class Apart:
    """Runs functions in daemon threads: one that hangs does not keep the process from ending, as a
    thread of a pool would. For one event loop."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._hanging: Counter[Hashable] = Counter()

    async def call(self, named: Hashable, function: Callable[[], T]) -> T:
        """Return what *function*, a call of what is *named*, comes to. Cancelled, it goes on
        unheeded and takes no place of others.

        Raises:
            FunctionOverloaded: too many calls of it hang; it was not called.
        """
        if self._hanging[named] >= HANGING_AT_MOST:
            raise FunctionOverloaded
        async with self._slots:
            future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
            self._begin(named, function, future)
            try:
                return await future
            except asyncio.CancelledError:
                if future.cancelled():
                    self._hanging[named] += 1
                raise

    def _begin(self, named: Hashable, function: Callable[[], T], future: asyncio.Future[T]) -> None:
        loop = asyncio.get_running_loop()
        run = contextvars.copy_context().run

        def tell(value: Any, problem: Exception | None) -> None:
            if future.cancelled():
                self._hanging[named] -= 1
            elif problem is not None:
                future.set_exception(problem)
            else:
                future.set_result(value)

        def work() -> None:
            value: T | None = None
            problem: Exception | None = None
            try:
                value = run(function)
            except StopIteration as stopped:  # no future takes it
                problem = RuntimeError(f"StopIteration({stopped.value!r})")
            except Exception as raised:
                problem = raised
            except BaseException as raised:  # SystemExit: it must not end a thread of ours
                problem = RuntimeError(type(raised).__name__)
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(tell, value, problem)

        threading.Thread(target=work, name="admit-function", daemon=True).start()
