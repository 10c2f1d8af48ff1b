"""Files that hold what is kept about people: new ones, for their owner's eyes only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from admit.errors import InvalidInput


@contextmanager
def new_file(path: Path) -> Iterator[IO[str]]:
    """Give a file to write to that only its owner can read, and that was not there before; it is
    on the disk at the end. Raises InvalidInput: it cannot be made."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        raise InvalidInput(
            "file", f"{path} cannot be made: {problem.strerror}.", "Name a file that is not there."
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
