"""`admit store export` and `admit store import`: a store as one plain TinyDB file, and back."""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from admit.storage import export_tinydb, import_tinydb

from .context import Invocation, common_options, is_there, json_option
from .output import say, say_json, shown, styled, visible
from .store_opened import opened


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@common_options
@json_option
@click.pass_obj
def export(call: Invocation, file: Path) -> None:
    """Write what there is to FILE, as plain TinyDB JSON.

    Stock TinyDB opens and queries it. It holds addresses and password hashes, and not the engine
    key.
    """
    with opened(call.store, read_only=True) as found:
        done = export_tinydb(found, file)
    if call.json:
        say_json({"export": str(file), **attrs.asdict(done)})
        return
    say(
        f"{styled('Exported', 'good')} {done.records} records and {done.events} events of "
        f"{shown(call.store)} to {visible(str(file))}."
    )
    say("It holds addresses and password hashes, and not the engine key.")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Look at all of it, and write nothing.")
@common_options
@json_option
@click.pass_obj
def import_(call: Invocation, file: Path, dry_run: bool) -> None:
    """Take what `admit store export` wrote to FILE into an empty store.

    All of it or nothing. It then opens with the engine key of the store that was exported.
    """
    if dry_run or not is_there(call.store):  # so that no store is begun for what is no export
        with opened("memory://", read_only=False, begins=True) as nothing:
            done = import_tinydb(file, nothing, dry_run=True)
    if not dry_run:
        with opened(call.store, read_only=False, begins=True) as found:
            done = import_tinydb(file, found)
    if call.json:
        say_json({"import": str(file), "dry_run": dry_run, **attrs.asdict(done)})
        return
    did = "Would import" if dry_run else "Imported"
    say(
        f"{styled(did, 'good')} {done.records} records and {done.events} events from "
        f"{visible(str(file))} into {shown(call.store)}."
    )
    if not dry_run:
        say("It opens with the engine key of the store that was exported.")
