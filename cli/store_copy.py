"""`admit store copy`: a store copied to another one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from admit import care
from admit.care import Copied
from admit.errors import InvalidInput, StoreReadOnly
from admit.masked import Secret
from admit.stores import Store
from admit.upkeep import Upkeep

from .context import Invocation, common_options, is_there, json_option
from .output import Cell, numbers, plain, say, say_json, shown, styled, table, visible
from .progress import progress_line
from .store_opened import key_file, opened


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option(
    "--new-key",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Seal the copy with the engine key in this file, not with the one of FROM.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would be written.")
@common_options
@json_option
@click.pass_obj
def copy(call: Invocation, source: str, target: str, new_key: Path | None, dry_run: bool) -> None:
    """Copy the store FROM to the store TO.

    Of whatever kinds they are; at the end both are compared. FROM may be in use. TO is
    new, or a copy of FROM that nobody wrote to: then it is brought up to date. A copy
    that was cut off goes on; until it is whole, no application opens it.
    """
    with (
        opened(source, read_only=True) as one,
        _target(target, dry_run=dry_run) as other,
        progress_line() as progress,
    ):
        copied = care.copy(
            one,
            other,
            new_key=None if new_key is None else _read_key(new_key),
            dry_run=dry_run,
            progress=progress.tell,
        )
        progress.clear()
        if call.json:
            say_json({**plain(copied), "dry_run": dry_run})
            return
        _say_kinds(copied)
        if dry_run:
            say("Nothing was written.")
            return
        did = "Copied" if copied.began else "Brought up to date"
        say(f"{styled(did, 'good')}: {shown(target)} holds what {shown(source)} held. Compared.")
        say(_about_key(one, other, copied, new_key))


@contextmanager
def _target(location: str, *, dry_run: bool) -> Iterator[Upkeep]:
    """Open the target; for a dry run, what is not there is an empty one somewhere else."""
    if not dry_run:
        with opened(location, read_only=False, begins=True) as found:
            yield found
        return
    with tempfile.TemporaryDirectory() as folder:
        there = location if _can_be_read(location) else str(Path(folder, "empty.json"))
        with opened(there, read_only=there is location, begins=True) as found:
            yield found


def _can_be_read(location: str) -> bool:
    if not is_there(location):
        return False
    try:
        with opened(location, read_only=True):
            return True
    except StoreReadOnly:
        return False  # it is not there yet, and may not be begun


def _read_key(file: Path) -> Secret:
    try:
        return Secret(file.read_text("ascii"))
    except (OSError, UnicodeDecodeError):
        raise InvalidInput("--new-key", f"{file.name} holds no key.") from None


def _say_kinds(copied: Copied) -> None:
    kinds = copied.kinds
    columns = zip(
        [Cell(kind.kind, "strong") for kind in kinds],
        numbers("COUNT", [kind.count for kind in kinds]),
        numbers("WRITTEN", [kind.written for kind in kinds]),
        numbers("REMOVED", [kind.removed for kind in kinds]),
        strict=True,
    )
    say(table(["KIND", "COUNT", "WRITTEN", "REMOVED"], [list(row) for row in columns]))
    say()


def _about_key(source: Store, target: Store, copied: Copied, new_key: Path | None) -> str:
    """Return how the copy gets its key: that is never copied along."""
    key = new_key or key_file(source)
    if key is None or target.path is None:
        return f"It opens with the engine key {copied.key_id}: set ADMIT_KEY."
    beside = target.path.with_name(target.path.name + ".key")
    if beside.exists():
        return f"It opens with the engine key {copied.key_id}."
    return f"Give it its key: cp {visible(key)} {visible(beside)}"
