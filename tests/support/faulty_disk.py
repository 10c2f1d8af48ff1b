"""A disk that fails at one chosen operation, or loses its power there.

It knows nothing of what the store writes: every method of `admit.storage.files.Files` is counted
and may fail, also one that is added later.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from io import FileIO
from pathlib import Path
from typing import Any, Final

import attrs

from admit.storage.files import Files

_BLOCK_BYTES: Final = 64
"""What is torn is torn between blocks; they are small here, as the files of the tests are."""


class PowerFailure(BaseException):
    """The machine is gone; nothing that comes later reaches the disk."""


@attrs.frozen
class Fault:
    """One thing that goes wrong."""

    at: int
    """Before which operation, counted from zero."""
    how: str
    """`before` it: an error, nothing done. `after` it: an error, all done. `half`: an error, and of
    the bytes to be written half are. `crash`, `crash-half`: the power fails, before it or halfway.
    """
    lasts: bool = False
    """From then on every operation of this name fails, until the disk is mended."""


class FaultyDisk(Files):
    """Files as they are, but for one fault."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = {fault.at: fault for fault in faults}
        self.fired = False
        self.operations: list[str] = []
        self._calm = 0
        self._dies_writing = False
        self._lasting: Fault | None = None
        self._lasting_for = ""
        self._dead = False
        self._folders: dict[Path, _Folder] = {}

    @contextmanager
    def calm(self) -> Iterator[None]:
        """Let nothing inside the block count or fail: a test looks, it does not act."""
        self._calm += 1
        try:
            yield
        finally:
            self._calm -= 1

    def mend(self) -> None:
        """Let the cause of the failures be gone."""
        self._lasting = None

    def check_power(self) -> None:
        """Raise PowerFailure if it failed, perhaps in another thread."""
        if self._dead:
            raise PowerFailure

    def die_writing(self) -> None:
        """Let the power fail in the middle of the next write."""
        self._dies_writing = True

    def close(self) -> None:
        """Forget what was on the disk."""
        for folder in self._folders.values():
            folder.close()

    def after_power_failure(self, folder: Path, target: Path, how: str, seed: int = 0) -> None:
        """Write to *target* what is left of *folder*: what was not synced is `kept`, `lost` or
        `torn`, that is, some of it lost by chance."""
        self._folder(folder).restore(target, how, random.Random(seed))  # noqa: S311

    def act(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """Do one operation, or fail at it."""
        if self._calm:
            return self._noted(name, call, *arguments)
        if self._dead:
            raise PowerFailure
        number = len(self.operations)
        self.operations.append(name)
        fault = self.faults.get(number)
        if self._dies_writing and name == "write":
            fault = Fault(number, "crash-half")
        if fault is not None:
            self.fired = True
            if fault.lasts:
                self._lasting, self._lasting_for = fault, name
        elif self._lasting is not None and name == self._lasting_for:
            fault = self._lasting
        else:
            return self._noted(name, call, *arguments)
        if fault.how in {"half", "crash-half"} and name == "write":
            file, data, at = arguments
            self._noted(name, call, file, data[: len(data) // 2], at)
        if fault.how.startswith("crash"):
            self._dead = True
            raise PowerFailure
        if fault.how == "after":
            done = self._noted(name, call, *arguments)
            if isinstance(done, FileIO):
                done.close()
        if name == "sync":
            self._of(arguments[0]).failed(arguments[0])
        if name == "remove":  # it is let be, says its contract
            return None
        raise OSError(errno.EIO if "sync" in name else errno.ENOSPC, "injected")

    def _noted(self, name: str, call: Callable[..., Any], *arguments: Any) -> Any:
        # What is on the disk is known here without it; a thousand real syncs would take minutes.
        done = None if name.startswith("sync") else call(self, *arguments)
        if name == "sync":
            self._synced(arguments[0])
        elif name == "write":
            file, data, at = arguments
            self._of(file).wrote(file, at, len(data))
        elif name == "sync_directory":
            self._folder(arguments[0]).names_synced()
        elif name == "open":
            self._folder(arguments[0].parent).note_names()
        return done

    def _synced(self, file: FileIO) -> None:
        self._of(file).synced(file)

    def _of(self, file: FileIO) -> _Folder:
        return self._folder(Path(str(file.name)).parent)

    def _folder(self, path: Path) -> _Folder:
        if path not in self._folders:
            self._folders[path] = _Folder(path)
        return self._folders[path]


def _counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def counted(self: FaultyDisk, *arguments: Any) -> Any:
        return self.act(name, call, *arguments)

    return counted


for _name, _call in vars(Files).items():
    if not _name.startswith("_"):
        setattr(FaultyDisk, _name, _counted(_name, _call))


class _Folder:
    """What of a folder has reached the disk for certain."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._names: dict[str, int] = {}
        """The names that are on the disk for certain → number of the file."""
        self._held: dict[int, int] = {}
        """Number of every file ever seen → a descriptor, so that it is not given again."""
        self._durable: dict[int, bytes] = {}
        self._lost: dict[int, set[int]] = {}
        """The bytes that a failed sync should have brought to the disk. The system takes them for
        written from then on, so no later sync does it, unless they are written again."""

    def note_names(self) -> dict[str, int]:
        """Take notice of new files; return all names there are now."""
        names = {}
        for entry in os.scandir(self._path):
            number = entry.inode()
            if entry.is_dir():
                continue
            names[entry.name] = number
            if number not in self._held:
                self._held[number] = os.open(entry.path, os.O_RDONLY)
        return names

    def close(self) -> None:
        for descriptor in self._held.values():
            os.close(descriptor)

    def names_synced(self) -> None:
        self._names = self.note_names()

    def synced(self, file: FileIO) -> None:
        number = os.fstat(file.fileno()).st_ino
        self._durable[number] = self._left_of(number)

    def failed(self, file: FileIO) -> None:
        number = os.fstat(file.fileno()).st_ino
        now, durable = self._now(number), self._durable.get(number, b"")
        lost = {at for at in range(len(now)) if now[at : at + 1] != durable[at : at + 1]}
        self._lost.setdefault(number, set()).update(lost)

    def wrote(self, file: FileIO, at: int, length_bytes: int) -> None:
        number = os.fstat(file.fileno()).st_ino
        if number in self._lost:
            self._lost[number].difference_update(range(at, at + length_bytes))

    def restore(self, target: Path, how: str, chance: random.Random) -> None:
        names = self.note_names()
        for name in sorted({*names, *self._names}):
            now, before = names.get(name), self._names.get(name)
            if how == "lost" or (how == "torn" and chance.random() < 0.5):
                now = before
            if now is None:
                continue
            content = self._durable.get(now, b"")
            if how == "kept":
                content = self._now(now)
            elif how == "torn":
                content = _torn(content, self._left_of(now), chance)
            (target / name).write_bytes(content)

    def _now(self, number: int) -> bytes:
        descriptor = self._held[number]
        return os.pread(descriptor, os.fstat(descriptor).st_size, 0)

    def _left_of(self, number: int) -> bytes:
        left, durable = bytearray(self._now(number)), self._durable.get(number, b"")
        for at in self._lost.get(number, ()):
            if at < len(left):
                left[at] = durable[at] if at < len(durable) else 0
        return bytes(left)


def _torn(old: bytes, new: bytes, chance: random.Random) -> bytes:
    """Return what is left of a file if each new block, and the new length, may be missing."""
    length = len(new) if chance.random() < 0.7 else min(len(old), len(new))
    torn = bytearray(old[:length].ljust(length, b"\0"))
    for at in range(0, length, _BLOCK_BYTES):
        if chance.random() < 0.5:
            torn[at : at + _BLOCK_BYTES] = new[at : min(at + _BLOCK_BYTES, length)]
    return bytes(torn)
