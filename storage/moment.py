"""The files of a store as they stand at one moment, held open while others go on writing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import FileIO
from pathlib import Path
from typing import Final, NamedTuple

from admit.errors import StoreDamaged

from .documents import REPAIR
from .files import Files, size_of
from .lockfile import Position
from .snapshot import read_head

_TRIES: Final = 5
"""A compaction may replace the snapshot between two openings; so often in a row it does not."""


class Part(NamedTuple):
    """One file, and how much of it counts."""

    name: str
    file: FileIO
    length_bytes: int


class Moment(NamedTuple):
    """A snapshot, and the logs that follow it."""

    snapshot: Part
    logs: tuple[Part, ...]


@contextmanager
def held_open(files: Files, path: Path, position: Position) -> Iterator[Moment]:
    """Hold the files of the store at *path* open, up to *position*.

    They are entered under the lock; afterwards they may be replaced or removed, and what is held
    open stays as it is: bytes that are committed are never written again.

    Raises:
        StoreDamaged: a file is missing, or is none of ours.
        OSError: the system refuses to open one.
    """
    with ExitStack() as opened:
        for _ in range(_TRIES):
            try:
                moment = _open(files, path, position, opened)
                break
            except FileNotFoundError as error:
                missing = Path(error.filename).name
                opened.close()
        else:
            raise StoreDamaged(
                f"{missing} is missing.",
                f"Put it back. {REPAIR}",
            )
        yield moment


def _open(files: Files, path: Path, position: Position, opened: ExitStack) -> Moment:
    def part(name: str, length_bytes: int | None = None) -> Part:
        file = opened.enter_context(files.open(path.with_name(name), os.O_RDONLY))
        return Part(name, file, size_of(file) if length_bytes is None else length_bytes)

    snapshot = part(path.name)
    first = read_head(snapshot.file, path).generation
    logs = [part(f"{path.name}.log.{n}") for n in range(first, position.generation)]
    last = part(f"{path.name}.log.{position.generation}", position.length_bytes)
    return Moment(snapshot, (*logs, last))
