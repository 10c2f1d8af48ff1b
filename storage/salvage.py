"""What can still be read of a damaged store: its snapshot, then each log that is there.

It adds up as at opening (`journal`), only that damage is noted and passed instead of refused. A
commit is whole or not there at all, so what follows a damaged one may build on what is missing: a
key that was given up there may have a new holder, and then its old one goes without.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import Final

from admit.care import OnProgress, Progress
from admit.errors import StoreDamaged
from admit.stores import Ref

from .contents import Contents
from .damages import Damage, of_file, of_frame, of_log
from .documents import record_from, record_text
from .files import Files, read_at, size_of
from .frames import read_frame, read_past_damage
from .heads import record_head
from .journal import is_filled, logs_of
from .salvage_rows import RowSalvage
from .snapshot import Head, check_sum, read_head, rows_in

_FIRST_GENERATION: Final = 1
"""Of the log with which a store begins: nothing stands before it."""


class Salvage:
    """What could be read, and what could not."""

    def __init__(
        self, files: Files, path: Path, opened: ExitStack, progress: OnProgress = lambda _: None
    ) -> None:
        """Read the store at *path*; its files stay open in *opened*, for events are read later.
        *progress* is told of each.

        Raises:
            StoreDamaged: there is nothing in it that could be saved.
            StoreTooNew: a newer version wrote it.
            OSError: the system refuses to read a file.
        """
        self.contents = Contents()
        self.damages: list[Damage] = []
        self.without_key: list[Ref] = []
        """Records that lost a key to one that was given it later."""
        self._files = files
        self._path = path
        self._opened = opened
        self._progress = progress
        self._logs = logs_of(path)
        there = [file for file in (path, *self._logs.values()) if file.exists()]
        self._total_bytes = sum(file.stat().st_size for file in there)
        self._read_bytes = 0
        first = self._read_snapshot()
        self._read_logs(first)
        nothing = not self.contents.tables and not len(self.contents.events)
        if first is None and nothing and not self._logs:
            raise StoreDamaged(f"{path.name} holds nothing that admit wrote.", "Correct the path.")
        self._part_keys()
        self.next_generation = max([*self._logs, first or 0]) + 1

    def _open(self, path: Path) -> FileIO:
        file = self._opened.enter_context(self._files.open(path, os.O_RDONLY))
        total = max(self._total_bytes, self._read_bytes)
        told = Progress(stage=f"reading {path.name}", done=self._read_bytes, total=total)
        self._progress(told)
        self._read_bytes += size_of(file)
        return file

    def _read_snapshot(self) -> int | None:
        """Take over what the snapshot holds; return its generation, if that can be told."""
        name = self._path.name
        try:
            file = self._open(self._path)
        except FileNotFoundError:
            self._miss_snapshot("It is missing")
            return None
        if size_of(file) == 0:
            self._miss_snapshot("It is empty")
            return None
        head: Head | None = None
        try:
            head = read_head(file, self._path)
            check_sum(file, self._path)
        except StoreDamaged:
            self._read_damaged_snapshot(file, head)
        else:
            self.contents.fill(rows_in(file, head.length_bytes))
        if head is None:
            self.damages.insert(0, of_file(name, "Its first line cannot be read."))
            return None
        numbers = self.contents.events
        numbers.next_number = max(numbers.next_number, head.next_event)
        return head.generation

    def _miss_snapshot(self, how: str) -> None:
        begins = _FIRST_GENERATION in self._logs
        what = "so nothing is lost by it" if begins else "and what stood only in it is lost"
        then = "the log goes back to the beginning, " if begins else ""
        self.damages.append(of_file(self._path.name, f"{how}; {then}{what}."))

    def _read_damaged_snapshot(self, file: FileIO, head: Head | None) -> None:
        found = RowSalvage(file, self._path.name, None if head is None else head.next_event)
        self.contents.fill(found.rows)
        self.damages += [
            of_file(
                self._path.name,
                "Its checksum is wrong: whether what can be read is what was written, nobody can"
                " tell.",
            ),
            *found.damages,
        ]

    def _read_logs(self, first: int | None) -> None:
        if first is not None and first not in self._logs and self.damages:
            first = None  # what the first line of a damaged snapshot says may be the damage
        there = [generation for generation in self._logs if first is None or generation >= first]
        filled = [
            generation for generation in there if is_filled(self._logs[generation], generation)
        ]
        expected = first
        for generation in there:
            if expected is not None and generation > expected:
                self._miss_logs(expected, generation)
            last = generation >= max(filled, default=0)
            expected = self._read_log(generation, is_last=last)
            if expected is None and last:
                return
        if expected is not None:
            self._miss_logs(expected, expected + 1)

    def _miss_logs(self, first: int, end: int) -> None:
        for generation in range(first, end):
            name = f"{self._path.name}.log.{generation}"
            self.damages.append(of_file(name, "It is missing; what was committed in it is lost."))

    def _read_log(self, generation: int, *, is_last: bool) -> int | None:
        """Take over the whole lines of a log; return which follows, if it says so."""
        name, file = self._logs[generation].name, self._open(self._logs[generation])
        data, at, successor = read_at(file, 0, size_of(file)), 0, None
        while at < len(data) and successor is None:
            try:
                frame = read_frame(data, at, name, 0)
                if frame is None and is_last:
                    return None  # cut off by a crash: it was never acknowledged
            except StoreDamaged:
                frame = None
            if frame is None:
                frame = read_past_damage(data, at)
                end = len(data) if frame is None else frame.line_at
                if frame is not None and at == end:
                    self.damages.append(of_frame(name, at, frame.end - at))
                else:
                    self.damages.append(of_log(name, at, data[at:end]))
                if frame is None:
                    return None
            successor = self.contents.apply_line(frame.payload, file, frame.at)
            at = frame.end
        return successor

    def _part_keys(self) -> None:
        """Let each key belong to one record: to the one that was given it last."""
        contents = self.contents
        holders: dict[str, Ref] = {}
        for key, ref in contents.index.holders():
            text = contents.tables.get(ref.kind, {}).get(ref.id)
            if text is not None and key in record_head(text).keys:
                holders[key] = ref
        for kind, rows in contents.tables.items():
            for id, text in rows.items():
                ref = Ref(kind, id)
                keys = record_head(text).keys
                own = tuple([key for key in keys if holders.setdefault(key, ref) == ref])
                if own != keys:
                    self.without_key.append(ref)
                    rows[id] = record_text(record_from(kind, text)._replace(keys=own))
