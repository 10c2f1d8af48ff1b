"""Making a clean store of what can still be read in a damaged one.

The damaged files get second names in a folder beside the store; then the new snapshot takes its
place, as in a compaction: a crash between any two steps leaves the damaged store, or the new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import attrs

from admit.care import KEY_RECORD, OnProgress, Progress
from admit.errors import InvalidInput, StoreDamaged
from admit.stores import SCHEMA, Ref

from .contents import Contents, Frozen
from .damages import Damage
from .files import Files
from .frames import framed
from .journal import Journal, logs_of
from .lines import log_line
from .lockfile import LockFile, Position
from .salvage import Salvage
from .snapshot import write_snapshot
from .system_errors import said_as_ours
from .turns import check_unused, sole_compaction


@attrs.frozen(kw_only=True)
class RepairReport:
    """What is in the repaired store, and what is not."""

    damages: tuple[Damage, ...]
    """What could not be read, in the order of the files; empty, if nothing was wrong."""
    without_key: tuple[Ref, ...]
    """Records that are kept without a key, for that was given to another one later."""
    records: Mapping[str, int]
    """Kind → how many records there are."""
    events: int
    lacks_key: bool
    """The record that names the engine key is lost: see `admit.care.name_key`."""
    kept: Path | None
    """The folder that the damaged files are in; None, if nothing was changed."""


def repair(
    path: str | Path,
    *,
    dry_run: bool = False,
    progress: OnProgress = lambda _: None,
    files: Files | None = None,
) -> RepairReport:
    """Make a clean store of what can be read of the damaged one at *path*; say what cannot.

    The damaged files are kept in a folder beside it. A commit that cannot be read is undone: who
    was deleted, disabled or logged out in it is as before. *dry_run* changes nothing, and neither
    does this when the store opens as it is. *progress* is told now and then, in this thread.

    Raises:
        InvalidInput: there is no store.
        StoreInUse: somebody has it open; nothing was changed. (One whose log is gone from the
            folder cannot be seen: it gets StoreDamaged, and is to open the store again.)
        StoreDamaged: there is nothing in it that could be saved; nothing was changed.
        StoreTooNew: a newer version wrote it; nothing was changed.
        StoreFull, StoreReadOnly, StoreError: the file system refused; the damaged store stands.
    """
    path, files = Path(path).resolve(), Files() if files is None else files
    if not path.exists() and not logs_of(path):
        raise InvalidInput("path", f"there is no store {path.name}.", "Correct the path.")
    with said_as_ours(f"repair {path.name}"), ExitStack() as opened:
        lock = opened.enter_context(_alone(files, path, read_only=dry_run))
        sound = _sound_contents(files, path)
        if sound is not None:
            return _report(sound, None)
        if not dry_run:
            check_unused(files, path, list(logs_of(path).values()), opened)
        salvage = Salvage(files, path, opened, progress)
        if dry_run or lock is None:
            return _report(salvage.contents, salvage)
        progress(Progress(stage=f"writing a new {path.name}", done=0, total=0))
        kept = _replace(files, path, salvage, lock)
        return attrs.evolve(_report(salvage.contents, salvage), kept=kept)


@contextmanager
def _alone(files: Files, path: Path, *, read_only: bool) -> Iterator[LockFile | None]:
    """Hold the right to compact, and the lock between processes; to read, the lock, if it is."""
    with ExitStack() as held:
        if not read_only and path.exists():
            held.enter_context(sole_compaction(files, path, wait=True))
        try:
            lock = LockFile(files, path.with_name(path.name + ".lock"), read_only=read_only)
        except (FileNotFoundError, ValueError):
            if not read_only:
                raise
            yield None
            return
        held.callback(lock.close)
        held.enter_context(lock)
        yield lock


def _sound_contents(files: Files, path: Path) -> Contents | None:
    """Return what the store holds if it opens, else None."""
    try:
        with closing(Journal(files, path, read_only=True)) as journal:
            return journal.contents
    except StoreDamaged:
        return None


def _report(contents: Contents, salvage: Salvage | None) -> RepairReport:
    return RepairReport(
        damages=() if salvage is None else tuple(salvage.damages),
        without_key=() if salvage is None else tuple(salvage.without_key),
        records={kind: len(rows) for kind, rows in sorted(contents.tables.items()) if rows},
        events=len(contents.events),
        lacks_key=bool(contents.tables.get("user")) and contents.index.find(KEY_RECORD) is None,
        kept=None,
    )


def _replace(files: Files, path: Path, salvage: Salvage, lock: LockFile) -> Path:
    """Put a new store in the place of the damaged one; return where that is kept."""
    generation, logs = salvage.next_generation, logs_of(path)
    first_line = framed(log_line(SCHEMA, generation))
    new_log = path.with_name(f"{path.name}.log.{generation}")
    temporary = path.with_name(path.name + ".tmp")
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
    with closing(files.open(new_log, flags)) as log, closing(files.open(temporary, flags)) as file:
        files.write(log, first_line, 0)
        files.sync(log)
        write_snapshot(files, file, Frozen(salvage.contents), generation, lambda: None)
    kept = _keep(files, path, [file for file in (path, *logs.values()) if file.exists()])
    files.replace(temporary, path)
    files.sync_directory(path.parent)
    lock.tell(Position(generation, len(first_line)))
    lock.doubt_no_more()
    for damaged in logs.values():
        files.remove(damaged)
    return kept


def _keep(files: Files, path: Path, damaged: list[Path]) -> Path:
    """Give the damaged files second names in a new folder beside the store; return it."""
    number = 1
    while (folder := path.with_name(f"{path.name}.damaged.{number}")).exists():
        number += 1
    folder.mkdir(mode=0o700)
    for file in damaged:
        files.link(file, folder / file.name)
    files.sync_directory(folder)
    files.sync_directory(path.parent)
    return folder
