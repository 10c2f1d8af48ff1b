"""Where engine calls run: in threads beside the event loop, and commits many at a time on one."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import admit

from .apart import Apart
from .ending import Ending

T = TypeVar("T")

AT_ONCE: Final = 96
"""Calls under way: more than the engine lets wait for a hash (the setting `hashes_waiting`), so
that those who need none are not behind them."""
MOST_IN_A_BATCH: Final = 64


class Threads:
    """The threads of one server process."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="admit-call")
        self._apart = Apart()
        self._batches: dict[int, Batching] = {}
        self.ending: Final = Ending()

    async def call(self, function: Callable[[], T]) -> T:
        """Return what *function* comes to, in a thread, with the context of the caller."""
        run = contextvars.copy_context().run
        return await asyncio.get_running_loop().run_in_executor(self._pool, run, function)

    async def apart(self, named: Hashable, function: Callable[[], T]) -> T:
        """Return what *function*, a call of what is *named* and may hang, comes to: apart from the
        other threads. Raises FunctionOverloaded."""
        return await self._apart.call(named, function)

    async def batched(self, engine: admit.Engine, prepared: admit.Prepared[T]) -> T:
        """Return what *prepared* comes to, settled together with others of this moment: one sync
        for many (performance.md §7). For use cases that enter no flow which does I/O."""
        batching = self._batches.get(id(engine))
        if batching is None:
            batching = self._batches[id(engine)] = Batching(engine)
        return await batching.answer(prepared)

    def close(self) -> None:
        """Wait for what is under way, and take no more."""
        for batching in self._batches.values():
            batching.close()
        self._pool.shutdown(wait=True)


class Batching:
    """One thread that decides prepared use cases of one engine and settles them together."""

    def __init__(self, engine: admit.Engine) -> None:
        self._engine = engine
        self._waiting: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="admit-batch", daemon=True)
        self._thread.start()

    async def answer(self, prepared: admit.Prepared[T]) -> T:
        """Return what *prepared* comes to."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.put(_Asked(prepared, future, loop))
        return await future

    def close(self) -> None:
        """Finish what was asked, and end."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        going_on = True
        while going_on:
            batch = [self._waiting.get()]
            while len(batch) < MOST_IN_A_BATCH and batch[-1] is not None:
                try:
                    batch.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            going_on = batch[-1] is not None
            self._answer([asked for asked in batch if asked is not None])

    def _answer(self, batch: list[_Asked]) -> None:
        if not batch:
            return
        try:
            answers = self._engine.batch([asked.prepared for asked in batch])
        except Exception as problem:  # whoever waits is told, whatever it is
            answers = [problem] * len(batch)
        # Each loop is woken once, not once for each that waits on it: there is one, but for tests.
        told: dict[asyncio.AbstractEventLoop, list[tuple[_Asked, object]]] = {}
        for asked, answer in zip(batch, answers, strict=True):
            told.setdefault(asked.loop, []).append((asked, answer))
        for loop, ready in told.items():
            loop.call_soon_threadsafe(_tell, ready)


def _tell(ready: list[tuple[_Asked, object]]) -> None:
    for asked, answer in ready:
        asked.tell(answer)


class _Asked:
    """One use case, and who waits for it."""

    def __init__(
        self,
        prepared: admit.Prepared[Any],
        future: asyncio.Future[Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.prepared = prepared
        self.loop = loop
        self._future = future

    def tell(self, answer: object) -> None:
        """Hand over *answer*, on the loop."""
        if self._future.done():  # the client went away
            return
        if isinstance(answer, Exception):
            self._future.set_exception(answer)
        else:
            self._future.set_result(answer)
