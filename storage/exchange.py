"""A store as one plain TinyDB file: written for other tools, and taken back.

    {"_admit": {"1": {"export": 1}},
     "user": {"31099…": {"_id": "64f…", "_version": 2, "_keys": […], "_labels": […], "state": …}},
     "event": {"31098…": {"_id": "64e…", "_number": 1, …}}}

Stock TinyDB opens and queries it: a table for each kind, whole numbers as document ids. It is
written once and read once; it is no store, and nothing keeps it in step with one.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from admit.errors import InvalidInput, StoreError
from admit.stores import KeyTaken, Record, StoredEvent
from admit.upkeep import Upkeep, View

from .documents import (
    check_kind,
    decimal,
    event_from,
    event_text,
    record_from,
    record_text,
    to_text,
)
from .files import MODE
from .rules import EVENTS, broken_rule

_MARK: Final = b'{"_admit":{"1":{"export":1}}'
_META: Final = "_admit"
_GIVE: Final = "Give a file that `admit store export` wrote."


@attrs.frozen(kw_only=True)
class Exchanged:
    """How much was written to a file, or taken from one."""

    records: int
    events: int


def export_tinydb(store: Upkeep, target: str | Path) -> Exchanged:
    """Write what *store* holds at this moment to a plain TinyDB file, which must not exist.

    The file has the mode 0600; the engine key is not in it. Half a file is never left there.

    Raises:
        InvalidInput: something is there, or its folder is not.
        StoreError: the file system refused.
    """
    path = Path(target)
    if not path.parent.is_dir():
        raise InvalidInput("target", "stands in a folder that is not there.", "Make the folder.")
    temporary = path.with_name(path.name + ".part")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
        try:
            counted: Counter[str] = Counter()
            with os.fdopen(descriptor, "wb") as file, store.view() as view:
                file.writelines(_pieces(view, counted))
                file.flush()
                os.fsync(file.fileno())
            os.link(temporary, path)  # never in the place of another file
        finally:
            temporary.unlink(missing_ok=True)
    except FileExistsError:
        raise InvalidInput("target", "is there already.", "Choose another name.") from None
    except OSError as error:
        sentence = f"The file could not be written: {error.strerror}."
        raise StoreError(sentence, "Make room, or choose another folder.") from error
    return Exchanged(records=counted["records"], events=counted["events"])


def _pieces(view: View, counted: Counter[str]) -> Iterator[bytes]:
    """Walk over the text of the file; count what it holds."""
    yield _MARK
    for kind in view.kinds():
        head = b",\n%b:{" % to_text(kind)
        for record in view.records(kind):
            counted["records"] += 1
            yield b'%b\n"%b":%b' % (head, decimal(record.id).encode(), record_text(record))
            head = b","
        yield b"\n}"
    head = b',\n"event":{'
    for number, event in enumerate(view.events(), 1):
        counted["events"] = number
        yield b'%b\n"%b":%b' % (head, decimal(event.id).encode(), event_text(event, number))
        head = b","
    yield b"\n}}\n" if counted["events"] else b"}\n"


def import_tinydb(source: str | Path, store: Upkeep, *, dry_run: bool = False) -> Exchanged:
    """Take all that `export_tinydb` wrote to a file into *store*, which must be empty.

    All of it or nothing; *dry_run* looks at all of it and writes nothing. An engine then opens the
    store with the key of the one that was exported.

    Raises:
        InvalidInput: the file is none of these, or something in it breaks a rule: table, document
            and rule are named; or *store* is not empty. Nothing was written.
    """
    tables = _read(Path(source))
    with store.view() as view:
        if list(view.kinds()) or next(iter(view.events()), None) is not None:
            raise InvalidInput("store", "is not empty.", "Import into one that is begun by it.")
    records = [record for kind in tables if kind != EVENTS for record in _records(kind, tables)]
    events = [event for _, event in sorted(_events(tables), key=lambda pair: pair[0])]
    if not dry_run:
        try:
            store.restore(records, events)
        except KeyTaken:
            raise _wrong("a table", "a document", "has a key that another one has too") from None
    return Exchanged(records=len(records), events=len(events))


def _read(path: Path) -> dict[str, dict[str, Any]]:
    try:
        tables = json.loads(path.read_bytes())
    except OSError as error:
        raise InvalidInput("source", f"cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError):
        raise InvalidInput(
            "source", "is not JSON.", "Give a file of `admit store export`."
        ) from None
    if not isinstance(tables, dict) or tables.pop(_META, None) != {"1": {"export": 1}}:
        raise InvalidInput("source", "is no export of a store.", _GIVE)
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise InvalidInput("source", f"the table {name[:100]!r} is no table.")
    return tables


def _records(kind: str, tables: dict[str, dict[str, Any]]) -> Iterator[Record]:
    try:
        check_kind(kind)
    except ValueError:
        raise InvalidInput("source", f"{kind[:100]!r} is no name of a table.") from None
    for name, document in tables[kind].items():
        _check(kind, name, document)
        yield record_from(kind, to_text(document))


def _events(tables: dict[str, dict[str, Any]]) -> Iterator[tuple[int, StoredEvent]]:
    for name, document in tables.get(EVENTS, {}).items():
        _check(EVENTS, name, document)
        event, number = event_from(to_text(document))
        yield number, event


def _check(table: str, name: str, document: object) -> None:
    if (rule := broken_rule(table, name, document)) is not None:
        raise _wrong(table, name, rule)


def _wrong(table: str, name: str, rule: str) -> InvalidInput:
    return InvalidInput(
        "source", f"in table {table}, document {name[:40]} {rule}.", "Correct it, or export again."
    )
