"""The few things a store does to files: the seam at which tests let them fail."""

from __future__ import annotations

import contextlib
import os
import sys
from io import FileIO
from pathlib import Path

if sys.platform == "darwin":
    import fcntl

MODE = 0o600
"""Only the owner reads what the store keeps."""


class Files:
    """Files on a local disk. Every method raises OSError when it fails."""

    def open(self, path: Path, flags: int) -> FileIO:
        """Open without a buffer; *flags* are those of `os.open`. A new file has the mode 0600."""
        mode = "rb" if flags & os.O_ACCMODE == os.O_RDONLY else "rb+"
        return FileIO(path, mode, opener=lambda name, _: os.open(name, flags | os.O_CLOEXEC, MODE))

    def write(self, file: FileIO, data: bytes, at: int) -> None:
        """Write all of *data* at the offset *at*. When it fails, part of it may stand there."""
        written = os.pwrite(file.fileno(), data, at)
        while written < len(data):
            written += os.pwrite(file.fileno(), data[written:], at + written)

    def cut(self, file: FileIO, length_bytes: int) -> None:
        """Let the file end after *length_bytes*."""
        os.ftruncate(file.fileno(), length_bytes)

    def sync(self, file: FileIO) -> None:
        """Return when what was written is on the disk."""
        if sys.platform == "darwin":
            fcntl.fcntl(file.fileno(), fcntl.F_FULLFSYNC)  # fsync alone stops at the drive's cache
        else:
            os.fdatasync(file.fileno())

    def sync_directory(self, path: Path) -> None:
        """Return when the names in the directory are on the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Give *source* the name of *target*, in one step."""
        source.replace(target)

    def link(self, source: Path, target: Path) -> None:
        """Give *source* a second name, which must be free."""
        target.hardlink_to(source)

    def remove(self, path: Path) -> None:
        """Remove a file that nobody needs; one that cannot be removed is let be."""
        with contextlib.suppress(OSError):
            path.unlink()


def read_at(file: FileIO, at: int, length_bytes: int) -> bytes:
    """Return up to *length_bytes* from the offset *at*; fewer only where the file ends."""
    data = os.pread(file.fileno(), length_bytes, at)
    if len(data) == length_bytes:
        return data
    pieces = [data]
    while data and (missing := length_bytes - sum(map(len, pieces))):
        data = os.pread(file.fileno(), missing, at + length_bytes - missing)
        pieces.append(data)
    return b"".join(pieces)


def size_of(file: FileIO) -> int:
    """Return the length of the file, in bytes."""
    return os.fstat(file.fileno()).st_size
