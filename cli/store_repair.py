"""`admit store repair`: a clean store made of what can be read in a damaged one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Final

import click

from admit import care
from admit.errors import InvalidInput
from admit.storage import Damage, RepairReport
from admit.storage import repair as repair_store
from admit.stores import Ref

from .bulk import ask
from .context import Invocation, common_options, json_option
from .output import (
    Cell,
    counted,
    numbers,
    plain,
    say,
    say_json,
    shown,
    size,
    styled,
    table,
    wrapped,
)
from .progress import progress_line

_NAMED_AT_MOST: Final = 20

_INSTEAD: Final = {
    "sqlite": "Save what SQLite can read: sqlite3 OLD.db .recover | sqlite3 NEW.db – then look at"
    " it: admit store check --store sqlite:///NEW.db. Or restore a backup.",
    "postgresql": "Its files are the server's: see its log, and restore its backup. Keys and lists"
    " alone are made anew by: admit store copy FROM TO",
}


@click.command(short_help="Make a clean store of what can be read.")
@click.argument("location", metavar="[STORE]", required=False)
@click.option("--dry-run", is_flag=True, help="Only show what is kept and what is lost.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common_options
@json_option
@click.pass_obj
def repair(call: Invocation, location: str | None, dry_run: bool, yes: bool) -> None:
    """Make a clean store of what can be read in a damaged one.

    STORE is a local file; without it, the one of --store. A commit that cannot be
    read is undone: who was deleted, disabled or logged out in it is as before. The
    damaged files are kept in a folder beside the store. Stop what uses it first.
    """
    store = location or call.store
    path = _local(store)
    with progress_line() as progress:
        plan = repair_store(path, dry_run=True, progress=progress.tell)
        progress.clear()
        is_sound = not plan.damages and not plan.lacks_key
        if not call.json:
            _say_sound(store, plan) if is_sound else _say_plan(store, plan)
        if is_sound or dry_run:
            _say_unchanged(call, plan, is_sound=is_sound)
            return
        if not yes:
            ask(f"Repair {shown(store)}?")
        done = repair_store(path, progress=progress.tell)
        progress.clear()
    if call.json:
        say_json(_as_json(done))
    else:
        _say_done(store, done)
    if done.lacks_key:
        _name_key(call, path)
    if not call.json:
        say(f"Next: {_next(store)}")


def _local(store: str) -> Path:
    """Return the file that a location names. Raises InvalidInput if it names something else."""
    scheme, separator, rest = store.partition("://")
    if not separator:
        return Path(store)
    if scheme == "tinydb":
        return Path(rest.partition("?")[0])
    rule = f"{shown(store)} is no local file of admit's own, which alone this can repair."
    raise InvalidInput(
        "store", rule, _INSTEAD.get(scheme.partition("+")[0], "Its own tools care for it.")
    )


def _name_key(call: Invocation, path: Path) -> None:
    with closing(care.open_store(path)) as found:
        id = care.name_key(found).id
    if not call.json:
        say(f"It names its engine key again: {id}.")


def _say_unchanged(call: Invocation, plan: RepairReport, *, is_sound: bool) -> None:
    if call.json:
        say_json(_as_json(plan))
    elif not is_sound:
        say("Nothing was changed.")


def _say_sound(store: str, plan: RepairReport) -> None:
    say(f"{styled('Nothing is damaged:', 'good')} {shown(store)} holds {_kept(plan)}.")
    say(f"Whether they fit together: {_next(store)}")


def _say_plan(store: str, plan: RepairReport) -> None:
    say(styled(f"{shown(store)} is damaged.", "bad"))
    say()
    if plan.damages:
        _say_lost(plan.damages)
    if plan.lacks_key:
        say(
            wrapped(
                "The record that names its engine key is lost; the key that is at hand is named"
                " again, if the seals were made with it."
            )
        )
        say()
    _say_named("Named there", [ref for damage in plan.damages for ref in _named(damage)])
    _say_named("Kept without a key that another one was given later", plan.without_key)
    kinds = [*plan.records.items(), ("event", plan.events)]
    counts = numbers("KEPT", [count for _, count in kinds])
    rows = [[Cell(kind, "strong"), count] for (kind, _), count in zip(kinds, counts, strict=True)]
    say(table(["KIND", "KEPT"], rows))
    say()


def _say_lost(damages: Iterable[Damage]) -> None:
    rows = [
        [
            Cell(damage.file, "strong"),
            f"{damage.at:,}" if damage.length_bytes else "–",
            size(damage.length_bytes) if damage.length_bytes else "–",
            _kinds(_named(damage)),
        ]
        for damage in damages
    ]
    say(table(["DAMAGED FILE", "AT BYTE", "LENGTH", "NAMED THERE"], rows))
    say()
    for file, sentence in dict.fromkeys([(d.file, d.sentence) for d in damages]):
        say(wrapped(f"{file}: {sentence}", indent="  ", first=""))
    say()


def _say_named(title: str, refs: Iterable[Ref]) -> None:
    found = list(dict.fromkeys(refs))
    if not found:
        return
    say(f"{title}:")
    for kind, id in found[:_NAMED_AT_MOST]:
        say(f"  {kind} {id}")
    if len(found) > _NAMED_AT_MOST:
        say(f"  and {counted(len(found) - _NAMED_AT_MOST, 'other')}; --json lists all")
    say()


def _named(damage: Damage) -> list[Ref]:
    return [*damage.records, *[Ref("event", id) for id in damage.events]]


def _kinds(refs: Iterable[Ref]) -> str:
    counts = Counter(ref.kind for ref in refs)
    return ", ".join([counted(count, kind) for kind, count in counts.items()]) or "–"


def _say_done(store: str, done: RepairReport) -> None:
    say(f"{styled('Repaired', 'good')}: {shown(store)} holds {_kept(done)}.")
    if done.kept is not None:
        say(
            wrapped(
                f"The damaged files are in {done.kept}. They hold addresses and password hashes:"
                " remove them when you need them no more."
            )
        )


def _kept(report: RepairReport) -> str:
    records = counted(sum(report.records.values()), "record")
    return f"{records} and {counted(report.events, 'event')}"


def _next(store: str) -> str:
    return f"admit store check --store {shown(store)}"


def _as_json(report: RepairReport) -> dict[str, object]:
    return {
        "damages": [
            {**plain(damage), "records": _refs(damage.records)} for damage in report.damages
        ],
        "without_key": _refs(report.without_key),
        "records": report.records,
        "events": report.events,
        "lacks_key": report.lacks_key,
        "kept": report.kept,
    }


def _refs(refs: Iterable[Ref]) -> list[dict[str, str]]:
    return [ref._asdict() for ref in refs]
