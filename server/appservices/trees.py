"""A folder or a zip file of strangers, as files by name: bounded, and nothing outside of it."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from admit.errors import InvalidInput

LARGEST_FILE_BYTES: Final = 2_000_000
"""Of a file that is read; the configuration of a provider has some hundred."""
LARGEST_WHOLE_BYTES: Final = 50_000_000
"""Of all that are read."""
MOST_FILES: Final = 100_000
"""Hosted pages and dependencies lie in the same folder; they are listed and not read."""
DEEPEST: Final = 40
"""Objects and arrays in each other, and folders in each other."""
_OTHER: Final = "Export the application again, and name what was written."


class Tree(Protocol):
    """Files by name; the names have slashes between their parts and are relative."""

    @property
    def names(self) -> frozenset[str]:
        """The names of all files."""
        ...

    def read(self, name: str) -> bytes:
        """Return what the file holds. Raises InvalidInput: it is too large, or cannot be read."""
        ...


@contextmanager
def opened_tree(path: Path) -> Iterator[Tree]:
    """Give the folder or zip file at *path*, as the folder in it that has the application.

    Raises:
        InvalidInput: it is neither, has too many files or such as lead out of it.
    """
    if path.is_dir():
        yield _Folder(path)
        return
    try:
        archive = zipfile.ZipFile(path)
    except FileNotFoundError:
        raise InvalidInput(
            "path", "there is nothing there.", "Name the folder or zip file."
        ) from None
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        raise InvalidInput("path", "is neither a folder nor a zip file.", _OTHER) from None
    with archive:
        yield _Zip(archive)


def read_json(tree: Tree, name: str) -> Any:
    """Return what the JSON file *name* holds.

    Raises:
        InvalidInput: it is no JSON, says a name twice, nests too deep, or is too large.
    """
    content = tree.read(name)
    try:
        text = content.decode("utf-8-sig")
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_constant)
        _check_depth(found, DEEPEST)
        json.dumps(found, ensure_ascii=False).encode()  # no half of a surrogate pair in it
    except UnicodeError:
        raise InvalidInput(name, "is not UTF-8.", _OTHER) from None
    except RecursionError:
        raise InvalidInput(name, f"nests deeper than {DEEPEST}.", _OTHER) from None
    except json.JSONDecodeError as problem:
        raise InvalidInput(
            name, f"is no JSON: line {problem.lineno}, column {problem.colno}.", _OTHER
        ) from None
    except ValueError as problem:
        raise InvalidInput(name, f"is no JSON: {problem}.", _OTHER) from None
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object says a name twice")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _check_depth(value: object, left: int) -> None:
    if not isinstance(value, list | dict):
        return
    if not left:
        raise RecursionError
    for one in value.values() if isinstance(value, dict) else value:
        _check_depth(one, left - 1)


class _Bounded:
    """What both kinds count."""

    def __init__(self) -> None:
        self._read_bytes = 0

    def _counted(self, name: str, content: bytes) -> bytes:
        if len(content) > LARGEST_FILE_BYTES:
            raise InvalidInput(name, f"is larger than {LARGEST_FILE_BYTES:,} bytes.", _OTHER)
        self._read_bytes += len(content)
        if self._read_bytes > LARGEST_WHOLE_BYTES:
            raise InvalidInput(
                "path", f"has more than {LARGEST_WHOLE_BYTES:,} bytes of configuration.", _OTHER
            )
        return content


class _Folder(_Bounded):
    """A folder on disk. A link in it is listed, and refused when it is read: it may lead anywhere,
    and what it leads to may change between two looks."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root
        self.names = frozenset(self._listed())

    def read(self, name: str) -> bytes:
        """See `Tree`."""
        with self._descriptor(name) as descriptor:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InvalidInput(name, "is no file.", _OTHER)
            with os.fdopen(os.dup(descriptor), "rb") as file:
                return self._counted(name, file.read(LARGEST_FILE_BYTES + 1))

    @contextmanager
    def _descriptor(self, name: str) -> Iterator[int]:
        """Open it part by part, so that no link on the way is followed."""
        parts = name.split("/")
        if sys.platform == "win32":  # which opens no file by the folder it is in
            raise InvalidInput("path", "is a folder.", "On Windows, pack it: zip files are read.")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        at = os.open(self._root, os.O_RDONLY)
        try:
            for part in parts:
                deeper = os.open(part, flags, dir_fd=at)
                os.close(at)
                at = deeper
            yield at
        except OSError as problem:
            if problem.errno in {errno.ELOOP, errno.ENOTDIR}:
                raise InvalidInput(
                    name, "is a link, or behind one: it may lead anywhere.", "Put the file there."
                ) from None
            raise InvalidInput(name, f"cannot be read: {problem.strerror}.", _OTHER) from None
        finally:
            os.close(at)

    def _listed(self) -> Iterator[str]:
        waiting = [(self._root, "", 0)]
        count = 0
        while waiting:
            folder, place, depth = waiting.pop()
            with os.scandir(folder) as entries:
                for entry in entries:
                    count += 1
                    if count > MOST_FILES or depth > DEEPEST:
                        raise InvalidInput(
                            "path", f"has more than {MOST_FILES:,} files, or too deep.", _OTHER
                        )
                    name = f"{place}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in {"node_modules", ".git"}:
                            waiting.append((Path(entry.path), f"{name}/", depth + 1))
                    else:
                        yield name


class _Zip(_Bounded):
    """A zip file, read where it is: nothing is unpacked. Where all of it lies in one folder, that
    is left out of the names."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        super().__init__()
        self._archive = archive
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > MOST_FILES:
            raise InvalidInput("path", f"has more than {MOST_FILES:,} files.", _OTHER)
        self._entries: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            name = entry.filename
            if _leads_out(name):
                raise InvalidInput(
                    "path", f"has a file that leads out of it: {name!r:.80}.", _OTHER
                )
            if name in self._entries:
                raise InvalidInput("path", f"has two files {name!r:.80}.", _OTHER)
            self._entries[name] = entry
        firsts = {name.partition("/")[0] for name in self._entries if "/" in name}
        if len(firsts) == 1 and all("/" in name for name in self._entries):
            self._entries = {name.partition("/")[2]: e for name, e in self._entries.items()}
        self.names = frozenset(self._entries)

    def read(self, name: str) -> bytes:
        """See `Tree`."""
        entry = self._entries[name]
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise InvalidInput(name, "is a link: it may lead anywhere.", "Put the file there.")
        try:
            with self._archive.open(entry) as file:
                content = file.read(LARGEST_FILE_BYTES + 1)
        except (OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile) as problem:
            why = "it is encrypted" if entry.flag_bits & 1 else type(problem).__name__
            raise InvalidInput(name, f"cannot be read: {why}.", _OTHER) from None
        except Exception as problem:  # zlib.error and the like have no common base
            raise InvalidInput(name, f"cannot be read: {type(problem).__name__}.", _OTHER) from None
        return self._counted(name, content)


def _leads_out(name: str) -> bool:
    parts = name.split("/")
    odd = "\\" in name or "\0" in name or name.startswith("/") or not name.isprintable()
    return odd or any(part in {"", ".", ".."} or part.endswith(":") for part in parts)
