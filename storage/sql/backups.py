"""Writing all that a SQL store holds to a new SQLite file, while others go on."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from admit.errors import AdmitError, InvalidInput
from admit.upkeep import Upkeep, View

from ..files import Files
from ..system_errors import as_ours
from .database import Database

T = TypeVar("T")

_AT_ONCE: Final = 2000
"""So many records or events are held in memory."""


def write_backup(database: Database, target: Path, fill: Callable[[Path], None]) -> None:
    """Write a copy to *target*, under its name only when it is whole and on the disk; *fill* makes
    it in an empty file if the database has none of its own to copy.

    Raises:
        InvalidInput: something is there, or its folder is not.
        StoreError: and its children; nothing is left there.
    """
    if not target.parent.is_dir():
        raise InvalidInput("target", "stands in a folder that is not there.", "Make the folder.")
    if target.exists():
        raise _taken()
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    files = Files()
    try:
        with files.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL) as file:
            if not database.copy_to(part):
                fill(part)
            files.sync(file)
        os.link(part, target)  # unlike a renaming, it overwrites nothing
        files.sync_directory(target.parent)
    except FileExistsError:
        raise _taken() from None
    except OSError as error:
        raise as_ours(error, f"write {target.name}") from error
    except AdmitError:
        raise
    except Exception as error:
        raise database.refusal(error, doing=f"write {target.name} from") from error
    finally:
        for end in ("", "-wal", "-shm", "-journal"):
            files.remove(part.with_name(f"{part.name}{end}"))


def fill(copy: Upkeep, view: View) -> None:
    """Restore all that a view shows. Raises what `Upkeep.restore` raises."""
    for kind in view.kinds():
        for records in _some_of(view.records(kind)):
            copy.restore(records, [])
    for events in _some_of(view.events()):
        copy.restore([], events)


def _some_of(items: Iterable[T]) -> Iterator[list[T]]:
    walk = iter(items)
    while some := list(islice(walk, _AT_ONCE)):
        yield some


def _taken() -> InvalidInput:
    return InvalidInput("target", "is there already.", "Choose another name, or remove it.")
