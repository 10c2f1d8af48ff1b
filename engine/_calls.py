"""Calling what may hang: under a time limit, in daemon threads of our own."""

from __future__ import annotations

import contextvars
import queue
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import attrs

from .errors import PluginOverloaded, PluginTimedOut

HANGING_AT_MOST: Final = 8
"""Abandoned calls of one plugin that may hang before it is called no more: each keeps a thread."""
_IDLE_SECONDS: Final = 10.0


@attrs.define
class _Job:
    plugin: str
    call: Callable[[], Any]
    context: contextvars.Context
    answer: queue.SimpleQueue[tuple[Any, BaseException | None]]
    abandoned: bool = False
    finished: bool = False


class Calls:
    """Runs calls of plugins under a limit; one that hangs is abandoned and counted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[queue.SimpleQueue[_Job]] = []
        self._hanging: Counter[str] = Counter()

    def hanging(self) -> dict[str, int]:
        """Return how many abandoned calls of each plugin still hang."""
        with self._lock:
            return dict(+self._hanging)

    def run(self, plugin: str, hook: str, call: Callable[[], Any], limit_seconds: float) -> Any:
        """Return what *call* returns (awaited, if it is awaitable), or raise what it raises.

        Raises:
            PluginTimedOut: it took longer than *limit_seconds*; it goes on, unheeded, unless it had
                not begun: then it never does.
            PluginOverloaded: too many of this plugin's calls hang; it was not called.
        """
        with self._lock:
            if self._hanging[plugin] >= HANGING_AT_MOST:
                raise PluginOverloaded(plugin, self._hanging[plugin])
        job = self._begin(plugin, call)
        try:
            value, error = job.answer.get(timeout=limit_seconds)
        except queue.Empty:
            with self._lock:
                if not job.finished:
                    job.abandoned = True
                    self._hanging[plugin] += 1
                    raise PluginTimedOut(plugin, hook, limit_seconds) from None
            value, error = job.answer.get()
        except BaseException:  # Ctrl-C while we wait: it is the caller's, and the call goes on
            with self._lock:
                if not job.finished:
                    job.abandoned = True
                    self._hanging[plugin] += 1
            raise
        if error is not None:
            raise error
        return value

    def run_each(
        self, calls: Sequence[Callable[[], Any]], *, at_once: int
    ) -> list[tuple[Any, BaseException | None]]:
        """Return what each of *calls* returned or raised, in order; they run side by side, at most
        *at_once*, each to its end."""
        answers: list[tuple[Any, BaseException | None]] = [(None, None)] * len(calls)
        places = iter(range(len(calls)))

        def work_off() -> None:
            while True:
                with self._lock:
                    place = next(places, None)
                if place is None:
                    return
                try:
                    answers[place] = (calls[place](), None)
                except BaseException as problem:
                    answers[place] = (None, problem)

        jobs = [self._begin("", work_off) for _ in range(min(at_once, len(calls)))]
        for job in jobs:
            job.answer.get()
        return answers

    def _begin(self, plugin: str, call: Callable[[], Any]) -> _Job:
        job = _Job(plugin, call, contextvars.copy_context(), queue.SimpleQueue())
        with self._lock:
            inbox = self._idle.pop() if self._idle else None
        if inbox is not None:
            inbox.put(job)
            return job
        inbox = queue.SimpleQueue()
        inbox.put(job)
        threading.Thread(
            target=self._work, args=(inbox,), name="admit-plugin-call", daemon=True
        ).start()
        return job

    def _work(self, inbox: queue.SimpleQueue[_Job]) -> None:
        while True:
            try:
                job = inbox.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if inbox in self._idle:
                        self._idle.remove(inbox)
                        return
                continue  # a job is on its way: whoever sends one took the inbox off the list
            value, error = None, None
            try:
                with self._lock:
                    given_up = job.abandoned
                if not given_up:  # else it would act for nobody: its time was up before it began
                    value = job.context.run(_finish, job.call)
            except Exception as problem:
                error = problem
            except BaseException as problem:  # SystemExit: a plugin must not end our thread
                error = RuntimeError(f"{type(problem).__name__} in a plugin")
            with self._lock:
                job.finished = True
                if job.abandoned:
                    self._hanging[job.plugin] -= 1
                self._idle.append(inbox)
            job.answer.put((value, error))
            del job, value, error


def run_to_end(value: Awaitable[Any]) -> Any:
    """Return what an awaitable gives, in an event loop of its own. For threads without a loop."""
    import asyncio  # 12 ms that only asynchronous plugins need

    return asyncio.run(_awaited(value))


def _finish(call: Callable[[], Any]) -> Any:
    value = call()
    return run_to_end(value) if hasattr(value, "__await__") else value


async def _awaited(value: Awaitable[Any]) -> Any:
    return await value
