"""`admit store`: the store itself cared for – measured, checked, repaired, backed up, copied …"""

from __future__ import annotations

from pathlib import Path

import click

from .context import Invocation, common_options, dry_run_option, json_option
from .group import Group
from .output import Cell, numbers, pairs, say, say_json, shown, size, styled, table, visible
from .store_check import check
from .store_copy import copy
from .store_exchange import export, import_
from .store_opened import key_file, opened
from .store_repair import repair


@click.group(cls=Group)
def store() -> None:
    """Care for the store itself: check, copy, back up, repair.

    No engine is opened, so no plugin, and no configuration, can be in the way.
    """


@store.command()
@common_options
@json_option
@click.pass_obj
def stats(call: Invocation) -> None:
    """Tell how much there is, and what room it takes."""
    with opened(call.store, read_only=True) as found:
        measured = found.stats()
    if call.json:
        say_json(measured)
        return
    records = sorted(measured.records.items())
    kinds = [*[kind for kind, _ in records], "event"]
    counts = numbers("COUNT", [*[count for _, count in records], measured.events])
    say(
        table(
            ["KIND", "COUNT"], [[Cell(k, "strong"), n] for k, n in zip(kinds, counts, strict=True)]
        )
    )
    say()
    rooms = {f"bytes of {name}": size(number) for name, number in measured.bytes.items()}
    say(pairs({"not sealed yet": measured.unsealed_events, **rooms, "schema": measured.schema}))


@store.command()
@common_options
@dry_run_option
@json_option
@click.pass_obj
def compact(call: Invocation) -> None:
    """Give back the room of what was replaced.

    What was erased is gone from the files then. Applications may go on meanwhile.
    """
    with opened(call.store, read_only=call.dry_run) as found:
        before = sum(found.stats().bytes.values())
        if call.dry_run:
            _tell_dry_run(call, before)
            return
        found.compact()
        after = sum(found.stats().bytes.values())
    if call.json:
        say_json({"bytes_before": before, "bytes_after": after})
    else:
        say(f"Compacted {shown(call.store)}: {size(before)} before, {size(after)} now.")


def _tell_dry_run(call: Invocation, before: int) -> None:
    if call.json:
        say_json({"bytes_before": before, "bytes_after": None})
    else:
        say(f"Would compact {shown(call.store)}: {size(before)} now. Nothing was changed.")


@store.command()
@click.argument("file", type=click.Path(path_type=Path))
@common_options
@json_option
@click.pass_obj
def backup(call: Invocation, file: Path) -> None:
    """Write a copy of this moment to FILE, while applications go on.

    It opens as a store. The engine key is not in it: keep that elsewhere.
    """
    with opened(call.store, read_only=True) as found:
        found.backup(file)
        key = key_file(found)
    scheme, separator, _ = call.store.partition("://")
    location = f"{scheme}:///{file}" if separator else str(file)
    if call.json:
        say_json({"backup": location})
        return
    say(f"{styled('Backed up', 'good')} {shown(call.store)} to {visible(file)}.")
    say(f"Try it: admit store check --without-key --store {visible(location)}")
    where = "the engine key" if key is None else key.name
    say(f"It opens with {visible(where)} only, which is not in it: keep a copy of that elsewhere.")


store.add_command(check)
store.add_command(repair)
store.add_command(copy)
store.add_command(export)
store.add_command(import_)
