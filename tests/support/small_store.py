"""A store of a few records, and files that fail when they are told to."""

from __future__ import annotations

import re
import zlib
from io import FileIO
from pathlib import Path
from typing import Any

from admit.storage.files import Files
from admit.stores import Change, Label, NewEvent, Put, Record, Store, StoredEvent


def id_of(number: int) -> str:
    return f"{number:024x}"


def put(number: int, version: int = 1, **body: Any) -> Put:
    """Return the write of a user that makes him this version."""
    return Put(
        "user",
        id_of(number),
        {"state": "pending", **body},
        version - 1 or None,
        (f"key:{number}",),
        (Label("all", f"{number:05}"),),
    )


def happened(number: int, *, user: int, version: int = 1) -> NewEvent:
    """Return an event with a detail."""
    return NewEvent(
        id_of(number), {"trigger": "test"}, id_of(user), version, {"detail": f"of {number}"}
    )


CHANGES = (
    Change(put=(put(1),), events=(happened(101, user=1),)),
    Change(put=(put(2, name="é𝔘"), put(3)), events=(happened(102, user=2),)),
    Change(put=(put(1, 2, state="confirmed"),), events=(happened(103, user=1, version=2),)),
    Change(sequence={id_of(101): 1, id_of(102): 2}),
    Change(erase=(id_of(101),)),
    Change(put=(put(4),), forget=(id_of(102),)),
)
"""Six commits that do everything a commit can do, but remove."""

Seen = list[Record | StoredEvent | None]


def seen(store: Store) -> Seen:
    """Return everything that the changes above may have left."""
    return [
        *[store.get("user", id_of(n)) for n in range(1, 6)],
        *[store.find(f"key:{n}") for n in range(1, 6)],
        *store.page("user", "all").items,
        *[event for n in range(1, 6) for event in store.events(user=id_of(n)).items],
        *store.events(sequence_after=0).items,
        *store.events(unsealed=True).items,
    ]


def rewrite_snapshot(path: Path, old: bytes, new: bytes) -> None:
    """Replace *old* by *new* in a snapshot, and make its checksum right again."""
    blank = re.sub(rb'"crc32":"[0-9a-f]{8}"', b'"crc32":"00000000"', path.read_bytes(), count=1)
    changed = blank.replace(old, new)
    assert changed != blank
    path.write_bytes(changed.replace(b"00000000", b"%08x" % zlib.crc32(changed), 1))


class UnsyncedFiles(Files):
    """Files without syncs, for tests that open stores by the thousand."""

    def sync(self, file: FileIO) -> None:
        pass

    def sync_directory(self, path: Path) -> None:
        pass


class FailingFiles(UnsyncedFiles):
    """Files whose operations fail as a test says."""

    def __init__(self) -> None:
        self.write_error: OSError | None = None
        self.written_before_error_bytes = 0
        self.sync_error: OSError | None = None
        self.replace_error: OSError | None = None
        self.interrupt_before: int | None = None
        """Raise Interrupted after so many further steps, once; a write has three: nothing, half and
        all of it is written."""
        self.stays_interrupted = False
        self.operations = 0

    def write(self, file: FileIO, data: bytes, at: int) -> None:
        self._step()
        if self.write_error is not None:
            super().write(file, data[: self.written_before_error_bytes], at)
            raise self.write_error
        half = len(data) // 2
        super().write(file, data[:half], at)
        self._step()
        super().write(file, data[half:], at + half)
        self._step()

    def sync(self, file: FileIO) -> None:
        self._step()
        if self.sync_error is not None:
            raise self.sync_error

    def cut(self, file: FileIO, length_bytes: int) -> None:
        self._step()
        super().cut(file, length_bytes)

    def open(self, path: Path, flags: int) -> FileIO:
        self._step()
        return super().open(path, flags)

    def replace(self, source: Path, target: Path) -> None:
        self._step()
        if self.replace_error is not None:
            raise self.replace_error
        super().replace(source, target)

    def link(self, source: Path, target: Path) -> None:
        self._step()
        super().link(source, target)

    def remove(self, path: Path) -> None:
        self._step()
        super().remove(path)

    def sync_directory(self, path: Path) -> None:
        self._step()

    def _step(self) -> None:
        self.operations += 1
        if self.interrupt_before is None:
            return
        if self.interrupt_before == 0:
            if not self.stays_interrupted:
                self.interrupt_before = None
            raise Interrupted
        self.interrupt_before -= 1


class Interrupted(BaseException):
    """The process was interrupted, or died, right here."""
