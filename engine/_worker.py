"""The loop that works: queued runs, retries, sweeping, sealing."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Final

import attrs

from ._core import Core
from ._usecases import seal, sweep, work
from .errors import AdmitError, StoreClosed, StoreUnreachable

_log: Final = logging.getLogger("admit.worker")
MOST_A_PASS: Final = 500
MOST_AWAY_SECONDS: Final = 30.0


@attrs.frozen(kw_only=True)
class Worked:
    """What one pass of the worker did."""

    runs: int
    """Users whose queued runs, leases or chores were taken up."""
    swept: int
    sealed: int

    def __bool__(self) -> bool:
        return bool(self.runs or self.swept or self.sealed)


def work_once(core: Core, stopped: Callable[[], bool] = lambda: False) -> Worked:
    """Do all that is due now, once. What one part raises does not keep the others from theirs.

    Raises StoreClosed, StoreUnreachable: that does.
    """
    core.work_waits.clear()
    return Worked(
        runs=_part(lambda: work.work_due(core, most=MOST_A_PASS, stopped=stopped)),
        swept=_part(lambda: sweep.sweep(core, most=MOST_A_PASS).total),
        sealed=_part(lambda: seal.seal(core)),
    )


def _part(call: Callable[[], int]) -> int:
    try:
        return call()
    except (StoreClosed, StoreUnreachable):
        raise
    except AdmitError as problem:
        _log.warning("the worker will try again: %s", problem)
    except Exception as problem:  # its text may quote what must not be logged (security.md T3)
        _log.error("the worker will try again: %s", type(problem).__name__)
    return 0


def work_until(core: Core, stop: threading.Event, idle_seconds: float) -> None:
    """Work until *stop* is set: at once when something was queued here, else every
    *idle_seconds*. While the store is away, look ever less often, up to `MOST_AWAY_SECONDS`."""
    tries = 0
    while not stop.is_set():
        try:
            did = work_once(core, stop.is_set)
        except StoreClosed:
            return
        except StoreUnreachable as problem:
            tries += 1
            pause_seconds = min(MOST_AWAY_SECONDS, idle_seconds * 2**tries)
            if tries == 1:
                _log.warning("the store is away, next try in %g s: %s", pause_seconds, problem)
            else:
                _log.warning("the store is still away, next try in %g s", pause_seconds)
            _wait_for_store(core, stop, pause_seconds, idle_seconds)
            continue
        if tries:
            _log.warning("the store is back")
            tries = 0
        if not did:
            core.work_waits.wait(idle_seconds)


def _wait_for_store(
    core: Core, stop: threading.Event, pause_seconds: float, idle_seconds: float
) -> None:
    """Wait, unless this shall stop, or something was queued here: then the store is back."""
    ends_at = time.monotonic() + pause_seconds
    while not stop.is_set() and (left := ends_at - time.monotonic()) > 0:
        if core.work_waits.wait(min(left, idle_seconds)):
            return


class Worker:
    """One daemon thread that works, started once."""

    def __init__(self, core: Core, *, when_needed: bool, idle_seconds: float = 1.0) -> None:
        self._core = core
        self._when_needed = when_needed
        self._idle_seconds = idle_seconds
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._process = 0

    def is_needed(self) -> None:
        """Start, unless whoever opened the engine wants no thread of ours."""
        if self._when_needed:
            self.start()

    def start(self) -> None:
        """Start the thread, unless it runs already (in this process)."""
        with self._lock:
            runs = self._thread is not None and self._thread.is_alive()
            if self._stop.is_set() or (runs and self._process == os.getpid()):
                return
            self._process = os.getpid()
            self._thread = threading.Thread(
                target=work_until,
                args=(self._core, self._stop, self._idle_seconds),
                name="admit-worker",
                daemon=True,
            )
            self._thread.start()

    def stop(self, wait_seconds: float) -> None:
        """Take no more work; wait up to *wait_seconds* for what is under way. The rest stays
        leased, and is taken up by whoever comes next."""
        self._stop.set()
        self._core.work_waits.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(wait_seconds)
