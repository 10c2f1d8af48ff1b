"""The files of one store: a snapshot, the logs that follow it, and the contents they add up to.

`users.json` names a generation; `users.json.log.3` is the log of generation 3. A log that is over
ends with a line naming the next one, so contents = snapshot + its log + the logs that follow. A
compaction begins the next log, and only then replaces the snapshot: whoever reads on in a log that
is over finds the way, and a crash between any two steps leaves a chain that adds up to the same.

Nothing here locks. Who writes holds the lock between processes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple

from admit.errors import StoreDamaged, StoreReadOnly
from admit.stores import SCHEMA

from .collecting import collect, without_collecting
from .contents import Contents, Frozen
from .documents import REPAIR
from .files import Files, read_at, size_of
from .frames import HEAD_BYTES, framed, read_frame
from .indexed_snapshots import INDEX_AT_BYTES, IndexedSnapshots, NewSnapshot, path_of_index
from .lines import log_line, next_line
from .lockfile import Position
from .places import Place
from .snapshot import Pause, read_head
from .turns import sole_compaction, stays_open

_OPEN_FILES_AT_MOST: Final = 16
"""A process that only follows others keeps one more log open with each of their compactions, for
the events that stand there; from here on it begins anew."""

_COLLECT_AT_RECORDS: Final = 10_000


class Ended(NamedTuple):
    """What stood before a log began: all that a new snapshot will hold."""

    generation: int
    """That of the log which began."""
    files: tuple[FileIO, ...]
    log_bytes: int


class Journal:
    """The files and contents of a store, as far as they were read."""

    def __init__(
        self,
        files: Files,
        path: Path,
        *,
        read_only: bool,
        index_at_bytes: int = INDEX_AT_BYTES,
    ) -> None:
        """Open the files of the store at *path*, or begin a new store. The lock is held.

        Raises:
            StoreDamaged, StoreTooNew: as `admit.errors` says; nothing was changed.
            StoreReadOnly: there is no store, and none may be begun.
        """
        self._files = files
        self._path = path
        self._read_only = read_only
        self._index_at_bytes = index_at_bytes
        self._opened: list[FileIO] = []
        self._keepers = 0
        self._closed = False
        self._has_old_index = False
        self.contents = Contents()
        self.generation = 0
        self.length_bytes = 0
        self.log: FileIO
        self.snapshot_bytes = 0
        self.sync_failed = False
        """What the log holds is doubtful, until there is a new snapshot."""
        self.log_bytes_before = 0
        """The length of the logs between the snapshot and the present one."""
        try:
            with without_collecting():
                self._load()
            if sum(map(len, self.contents.tables.values())) >= _COLLECT_AT_RECORDS:
                collect()
        except BaseException:
            self.close()
            raise

    @property
    def position(self) -> Position:
        """How far the log was read."""
        return Position(self.generation, self.length_bytes)

    @property
    def log_bytes(self) -> int:
        """The length of all logs since the snapshot."""
        return self.log_bytes_before + self.length_bytes

    @property
    def opened(self) -> tuple[FileIO, ...]:
        """The files that events stand in."""
        return tuple(self._opened)

    def measure(self) -> None:
        """Look how long the files are: another process may have compacted them."""
        with contextlib.closing(self._files.open(self._path, os.O_RDONLY)) as file:
            first = read_head(file, self._path).generation
            self.snapshot_bytes = size_of(file)
        self.log_bytes_before = sum(
            log.stat().st_size
            for generation, log in logs_of(self._path).items()
            if first <= generation < self.generation
        )

    def follow(self, target: Position) -> bool:
        """Read on up to *target*, which others have committed; needs no lock.

        Returns False if a log on the way is gone, or too many are open: open a new journal.
        """
        while self.generation < target.generation:
            if len(self._opened) >= _OPEN_FILES_AT_MOST:
                return False
            over = self.generation
            try:
                self._read_on()
            except FileNotFoundError:
                return False
            if self.generation == over:
                raise self._damaged("ends without naming its successor")
        if self.position < target:
            self._read_on(target.length_bytes)
            if self.position < target:
                raise self._damaged("ends too early")
        return True

    def is_at_end(self) -> bool:
        """Return whether the file holds no more than was read. The lock is held.

        Raises StoreDamaged if it is not the file that is opened next time: what is written to one
        that was removed, replaced or cut off is lost.
        """
        now = os.fstat(self.log.fileno())
        try:
            is_in_place = os.path.samestat(now, self._log_file.stat())
        except FileNotFoundError:
            is_in_place = False
        if not is_in_place or now.st_size < self.length_bytes:
            how = "cut off" if is_in_place else "removed or replaced"
            raise StoreDamaged(
                f"{self._log_name} was {how} while the store was open.",
                "Put it back, or restart every process that uses this store.",
            )
        return now.st_size == self.length_bytes

    def take_over_tail(self) -> None:
        """Read what a writer left behind that died, or was interrupted, before it told anybody: a
        whole line counts, a torn one is cut off. The lock is held."""
        if self._read_on() and not self._read_only:
            self._files.cut(self.log, self.length_bytes)

    def append(self, payload: bytes, *, on_durable: bool) -> int:
        """Write a line, not yet durable; return the offset of its payload. The lock is held.
        *on_durable*: all that was written before is on the disk.

        Raises OSError if it could not be written; nothing of it is left then.
        """
        line = framed(payload, on_durable=on_durable)
        try:
            self._files.write(self.log, line, self.length_bytes)
        except BaseException:
            # If this fails too, whoever comes next finds a torn line and cuts it off.
            with contextlib.suppress(OSError):
                self._files.cut(self.log, self.length_bytes)
            raise
        at = self.length_bytes + HEAD_BYTES
        self.length_bytes += len(line)
        return at

    def sync(self) -> None:
        """Return when the log is on the disk. Raises OSError, and `sync_failed` is set."""
        try:
            self._files.sync(self.log)
        except OSError:
            self.sync_failed = True
            raise

    def _cut_to(self, length_bytes: int) -> bool:
        """Take back what was written behind this length and told nobody; False: it stands."""
        try:
            self._files.cut(self.log, length_bytes)
        except OSError:
            return False
        self.length_bytes = length_bytes
        return True

    def create_next_log(self) -> FileIO:
        """Make the file that the log may go on in. Only one process does this at a time."""
        return self._create_log(self.generation + 1)

    def begin_next_log(self, new: FileIO) -> Ended:
        """Let the log go on in a new file; what was written is durable then. The lock is held.

        Returns what stood before. Raises OSError; contents and position are true all the same, in
        the old log or the new one.
        """
        successor, before, goes_on = self.generation + 1, self.length_bytes, True
        try:
            self.sync()
            self.append(next_line(successor), on_durable=not self.sync_failed)
        except BaseException:
            new.close()
            raise
        try:
            self.sync()
        except OSError:
            # Not in the new log, if it can be helped: no later sync brings the line to the disk,
            # and without it a log that goes on behind it looks like damage.
            goes_on = not self._cut_to(before)
            raise
        finally:  # else the line stands there for all to see, on the disk or not
            if goes_on:
                self._go_on_in(new, successor)
                self._read_on()
            else:
                new.close()
        old = tuple([file for file in self._opened if file is not new])
        return Ended(successor, old, self.log_bytes_before)

    def write_snapshot(self, frozen: Frozen, generation: int, pause: Pause) -> NewSnapshot:
        """Write what was frozen when the log of *generation* began to a new snapshot, beside the
        present one. Needs no lock but `kept_open`. Raises OSError; nothing is changed then.
        """
        indexed = IndexedSnapshots(self._files, self._path, self._index_at_bytes)
        return indexed.write(frozen, generation, pause, to=self._temporary)

    def put_in_place(self) -> None:
        """Let the new snapshot be the snapshot. The lock is held: who opens the store meanwhile
        would miss the logs that go now. Raises OSError; the old one then stands, with its logs.
        """
        try:
            self._files.replace(self._temporary, self._path)
        except BaseException:
            self._files.remove(self._temporary)
            raise

    def drop_old_logs(self, generation: int) -> None:
        """Remove the logs that the snapshot of *generation* holds. Raises OSError if it is not
        sure that it stays in its place; they stay then."""
        self._files.sync_directory(self._path.parent)
        for log in self._old_logs(generation):
            self._files.remove(log)

    def open_too(self, file: FileIO) -> None:
        """Take over another file, to be closed with the others."""
        self._opened.append(file)

    def move_events(self, some: slice, new: NewSnapshot, ended: Ended) -> None:
        """Read some of the events that stand in the new snapshot from there from now on."""
        ats, lengths = new.spans.ats["event"][some], new.spans.lengths["event"][some]
        for number, at, length in zip(new.numbers[some], ats, lengths, strict=True):
            place = Place(new.file, at, length)
            self.contents.move_event(number, place, out_of=ended.files)

    def adopt(self, new: NewSnapshot, ended: Ended) -> None:
        """Count on the new snapshot, to which all events were moved that stand in it. Nobody needs
        the files that ended any more."""
        self._opened = [file for file in self._opened if file not in ended.files]
        self.snapshot_bytes = new.length_bytes
        self.log_bytes_before -= ended.log_bytes

    @contextlib.contextmanager
    def kept_open(self) -> Iterator[None]:
        """Keep the files open, also if the journal is closed meanwhile, until this is over."""
        self._keepers += 1
        try:
            yield
        finally:
            self._keepers -= 1
            if self._closed:
                self.close()

    def close(self) -> None:
        """Let go of all files, unless they are kept open; then as soon as they are not."""
        self._closed = True
        if not self._keepers:
            self.close_at_once()

    def close_at_once(self) -> None:
        """Let go of all files, kept open or not: after a fork the keeper is the other process."""
        for file in self._opened:
            file.close()
        self._opened = []

    def _load(self) -> None:
        self._first = self.generation = self._load_snapshot()
        try:
            self._open_log(self.generation)
            torn = self._read_on()
        except FileNotFoundError as error:
            raise StoreDamaged(
                f"{Path(error.filename).name} is missing.",
                f"Put it back. {REPAIR}",
            ) from None
        if (later := self._filled_log(after=self.generation)) is not None:
            raise self._damaged(f"ends without naming its successor, though {later.name} is there")
        if not self._read_only:
            # Who made the snapshot may have died, or failed, before its name was on the disk.
            self._files.sync_directory(self._path.parent)
            if torn:
                # Not synced: the next commit does it, and if this failed nobody would know.
                self._files.cut(self.log, self.length_bytes)
            self._remove_remains()

    def _load_snapshot(self) -> int:
        try:
            file = self._files.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return self._begin_store()
        self._opened.append(file)
        self.snapshot_bytes = size_of(file)
        if self.snapshot_bytes == 0:  # stock TinyDB makes such a file by opening it
            return self._begin_store()
        indexed = IndexedSnapshots(self._files, self._path, self._index_at_bytes)
        generation, self.contents, self._has_old_index = indexed.read(file)
        return generation

    def _begin_store(self) -> int:
        """Make the first log, then an empty snapshot: in this order a crash leaves no store."""
        if (log := self._filled_log(after=0)) is not None:
            raise StoreDamaged(
                f"{self._path.name} is missing, though {log.name} is there.",
                f"Put it back. {REPAIR}",
            )
        if self._read_only:
            raise StoreReadOnly(
                f"There is no store at {self._path.name}, and it was opened for reading only.",
                "Open it for writing once, or correct the path.",
            )
        self._create_log(1).close()
        new = self.write_snapshot(Frozen(self.contents), 1, lambda: None)
        self._opened.append(new.file)
        self.snapshot_bytes = new.length_bytes
        self._files.replace(self._temporary, self._path)
        self._files.sync_directory(self._path.parent)
        return 1

    def _remove_remains(self) -> None:
        """Remove what a compaction left that died; while one is under way, it is let alone."""
        with sole_compaction(self._files, self._path, wait=False) as ours:
            if not ours:
                return
            if self._has_old_index:  # what was erased may stand in it
                self._files.remove(path_of_index(self._path))
            if self._temporary.exists() or self._old_logs(self._first):
                self._files.remove(self._temporary)
                self.drop_old_logs(self._first)

    def _create_log(self, generation: int) -> FileIO:
        file = self._files.open(self._log_path(generation), os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        try:
            self._files.write(file, framed(log_line(SCHEMA, generation)), 0)
            self._files.sync(file)
            self._files.sync_directory(self._path.parent)
        except BaseException:
            file.close()
            raise
        return file

    def _open_log(self, generation: int) -> None:
        flags = os.O_RDONLY if self._read_only else os.O_RDWR
        self._go_on_in(self._files.open(self._log_path(generation), flags), generation)

    def _go_on_in(self, log: FileIO, generation: int) -> None:
        stays_open(log)
        self._log_file = self._log_path(generation)
        self._opened.append(log)
        self.log_bytes_before += self.length_bytes
        self.log, self.generation, self.length_bytes = log, generation, 0

    def _read_on(self, upto: int | None = None) -> bool:
        """Take over the whole lines up to a length (None: all there are, in logs to come too).

        Returns whether bytes are left over that are no whole line.
        """
        while True:
            base = self.length_bytes
            data = read_at(self.log, base, (size_of(self.log) if upto is None else upto) - base)
            at, successor, name = 0, None, self._log_name
            while (frame := read_frame(data, at, name, base)) is not None:
                successor = self.contents.apply_line(frame.payload, self.log, base + frame.at)
                at = frame.end
                self.length_bytes = base + at
                if successor is not None:
                    break
            if successor is None:
                return at < len(data)
            self._open_log(successor)

    @property
    def _temporary(self) -> Path:
        return self._path.with_name(self._path.name + ".tmp")

    def _old_logs(self, generation: int) -> list[Path]:
        return [log for its, log in logs_of(self._path).items() if its < generation]

    def _filled_log(self, *, after: int) -> Path | None:
        """Return a log behind the generation *after* that holds a commit: a compaction makes the
        next log ahead, but nobody commits to it before the one before it names it durably."""
        for generation, log in logs_of(self._path).items():
            if generation > after and is_filled(log, generation):
                return log
        return None

    def _log_path(self, generation: int) -> Path:
        return self._path.with_name(f"{self._path.name}.log.{generation}")

    @property
    def _log_name(self) -> str:
        return self._log_path(self.generation).name

    def _damaged(self, how: str) -> StoreDamaged:
        return StoreDamaged(
            f"{self._log_name} {how}, at byte {self.length_bytes}.",
            REPAIR,
        )


def logs_of(path: Path) -> dict[int, Path]:
    """Return the logs of the store at *path* by their generations, in order."""
    begins = f"{path.name}.log."
    found = {
        int(log.name.removeprefix(begins)): log
        for log in path.parent.glob("*.log.*")
        if log.name.startswith(begins) and log.name.removeprefix(begins).isdecimal()
    }
    return dict(sorted(found.items()))


def is_filled(log: Path, generation: int) -> bool:
    """Return whether a log holds more than its first line."""
    return log.stat().st_size > len(framed(log_line(SCHEMA, generation)))
