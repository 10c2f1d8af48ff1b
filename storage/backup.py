"""Copying the files of a store while others go on writing to it."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

from admit.errors import InvalidInput

from .files import Files, read_at
from .moment import Moment, Part

_PIECE_BYTES: Final = 1 << 20


def check_free(target: Path) -> None:
    """Raise InvalidInput unless a store can be written to *target* without touching another."""
    if not target.parent.is_dir():
        raise InvalidInput("target", "stands in a folder that is not there.", "Make the folder.")
    if target.exists() or any(_logs_of(target)):
        raise InvalidInput("target", "is there already.", "Choose another name, or remove it.")


def copy_to(files: Files, moment: Moment, target: Path) -> None:
    """Write the files of *moment* to *target*, durably, each under its last name only when all are
    whole: the logs, then the snapshot, without which nothing opens.

    Raises OSError; nothing of the copy is left then.
    """
    mark = f".{secrets.token_hex(4)}.part"
    names = [
        (part, target.with_name(target.name + part.name.removeprefix(moment.snapshot.name)))
        for part in (*moment.logs, moment.snapshot)
    ]
    made: list[Path] = []
    try:
        for part, name in names:
            temporary = name.with_name(name.name + mark)
            made.append(temporary)
            _copy(files, part, temporary)
        for temporary, (_, name) in zip(made.copy(), names, strict=True):
            made.append(name)
            files.replace(temporary, name)
        files.sync_directory(target.parent)
    except BaseException:
        for path in reversed(made):
            files.remove(path)
        raise


def _copy(files: Files, part: Part, target: Path) -> None:
    with files.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL) as file:
        for at in range(0, part.length_bytes, _PIECE_BYTES):
            piece = read_at(part.file, at, min(_PIECE_BYTES, part.length_bytes - at))
            files.write(file, piece, at)
        files.sync(file)


def _logs_of(path: Path) -> list[Path]:
    return [
        other
        for other in path.parent.iterdir()
        if other.name.startswith(f"{path.name}.log.") and not other.name.endswith(".part")
    ]
