"""Compacting a store while commits go on: a new snapshot in place of the old one and its logs.

The next log begins under the lock, which is a moment; the snapshot of what stood before it is then
written without any, while commits go on in that log; it takes its place under the lock, a moment
again; the old logs go. A crash between any two steps leaves a snapshot and logs that add up to the
same: the snapshot holds everything as it was at the first moment.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import AbstractContextManager
from typing import Final

from admit.errors import StoreError

from .contents import Frozen
from .indexed_snapshots import NewSnapshot
from .journal import Ended, Journal
from .shared import SharedJournal
from .snapshot import Pause
from .system_errors import said_as_ours
from .turns import sole_compaction

_log = logging.getLogger(__name__)

_IDLE_A_BUSY_SECOND: Final = 1.0
"""So long a compaction sleeps for each second that it works: beside it commits have the interpreter
at least half of the time, and it still takes but seconds."""

_EVENTS_AT_ONCE: Final = 500


class Compactor:
    """The compactions of one open store, one after the other."""

    def __init__(self, shared: SharedJournal, compact_at_bytes: int) -> None:
        """Compact when the logs have *compact_at_bytes* and are no shorter than the snapshot."""
        self._shared = shared
        self._at_bytes = compact_at_bytes
        self._not_before_bytes = 0
        self._turn = threading.Lock()
        self._hurry = threading.Event()

    def start_if_due(self) -> None:
        """Compact in a thread of its own if it is time, and nothing is under way."""
        if not self._is_due() or self._hurry.is_set() or not self._turn.acquire(blocking=False):
            return
        try:
            # A daemon: who leaves without closing the store is as one who is killed.
            threading.Thread(
                target=self._compact_if_due, name="admit-compaction", daemon=True
            ).start()
        except BaseException:
            self._turn.release()
            raise

    def compact(self) -> None:
        """Compact now, after what is under way; all that was erased before is gone then.

        Raises StoreError and its kin if the file system refuses; nothing is lost.
        """
        with self._turn:
            self._compact(wait=True)

    def recover(self) -> None:
        """After a failed sync, put all that can be read on the disk in another place.

        A log whose sync failed may report success from now on whatever it keeps. A new snapshot and
        a new log are made of what is there, and are synced as new files. Commits wait meanwhile.

        Raises StoreError if that does not succeed either.
        """
        shared = self._shared
        with self._turn, said_as_ours("compact"), self._sole(wait=True), shared.alone():
            if shared.is_doubtful():  # no other thread was quicker
                self._rewrite_alone()

    def finish(self) -> None:
        """Return when nothing is under way any more; nothing begins by itself from now on."""
        self._hurry.set()
        with self._turn:
            pass

    def _is_due(self) -> bool:
        journal = self._shared.journal
        return journal.log_bytes >= max(
            self._at_bytes, journal.snapshot_bytes, self._not_before_bytes
        )

    def _compact_if_due(self) -> None:
        try:
            self._compact(wait=False)
        except StoreError as error:
            # No commit is the worse for it: this is only about the room that the files take.
            self._not_before_bytes = self._shared.journal.log_bytes + self._at_bytes
            _log.warning("could not compact %s: %s", self._shared.path.name, error)
        finally:
            self._turn.release()

    def _compact(self, *, wait: bool) -> None:
        """Compact. Without *wait* it is let be if another process is at it, or has just been."""
        shared = self._shared
        with said_as_ours("compact"), self._sole(wait=wait) as ours:
            if not ours:
                self._not_before_bytes = shared.journal.log_bytes + self._at_bytes // 8
                return
            with shared.alone():
                shared.catch_up()
                if shared.is_doubtful():
                    self._rewrite_alone()
                    return
            shared.journal.measure()
            self._not_before_bytes = 0
            if not wait and not self._is_due():
                return
            next_log = shared.journal.create_next_log()
            with shared.alone():
                shared.catch_up()
                journal, ended, frozen = shared.begin_next_log(next_log)
            pause = _Pauses(self._hurry)
            new = _write_snapshot(journal, frozen, ended.generation, pause)
            with shared.alone():
                _put_in_place(journal, new)
            self._adopt(journal, new, ended, pause)
            journal.drop_old_logs(ended.generation)

    def _sole(self, *, wait: bool) -> AbstractContextManager[bool]:
        return sole_compaction(self._shared.files, self._shared.path, wait=wait)

    def _rewrite_alone(self) -> None:
        """Write a new snapshot and begin a new log while nobody commits."""
        shared = self._shared
        shared.reload()
        next_log = shared.journal.create_next_log()
        journal, ended, frozen = shared.begin_next_log(next_log)
        new = _write_snapshot(journal, frozen, ended.generation, _no_pause)
        _put_in_place(journal, new)
        self._adopt(journal, new, ended, _no_pause)
        shared.doubt_no_more()
        journal.drop_old_logs(ended.generation)

    def _adopt(self, journal: Journal, new: NewSnapshot, ended: Ended, pause: Pause) -> None:
        """Read events from the new snapshot from now on, and let go of the old files."""
        memory = self._shared.memory
        with memory:
            if self._shared.journal is not journal:  # read anew meanwhile, from the old files
                new.file.close()
                return
            journal.open_too(new.file)
        for start in range(0, len(new.numbers), _EVENTS_AT_ONCE):
            with memory:
                journal.move_events(slice(start, start + _EVENTS_AT_ONCE), new, ended)
            pause()
        with memory:
            journal.adopt(new, ended)
        for file in ended.files:  # outside: to close a large one that was removed takes a while
            file.close()


def _write_snapshot(journal: Journal, frozen: Frozen, generation: int, pause: Pause) -> NewSnapshot:
    try:
        with journal.kept_open():
            return journal.write_snapshot(frozen, generation, pause)
    finally:
        journal.contents.thaw()


def _put_in_place(journal: Journal, new: NewSnapshot) -> None:
    try:
        journal.put_in_place()
    except BaseException:
        new.file.close()
        raise


class _Pauses:
    """Sleeps, each time it is called, in proportion to the work done since."""

    def __init__(self, hurry: threading.Event) -> None:
        self._hurry = hurry
        self._since = time.thread_time()

    def __call__(self) -> None:
        if not self._hurry.is_set():
            time.sleep((time.thread_time() - self._since) * _IDLE_A_BUSY_SECOND)
        self._since = time.thread_time()


def _no_pause() -> None:
    pass
