"""`admit users import` and `admit users export --all`: users as lines of JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import click

import admit
from admit import ImportResult
from admit.care import Progress
from admit.errors import InvalidInput
from admit.rows import to_line

from .context import (
    Invocation,
    common_options,
    dry_run_option,
    is_there,
    json_option,
    reason_option,
)
from .files import new_file
from .output import counted, note, plain, say, say_json, styled, visible
from .progress import ProgressLine, progress_line

_SAID = {
    "imported": "imported",
    "would-import": "would be imported",
    "there": "there already",
    "differs": "there, and changed since",
    "refused": "refused",
}


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--skip", type=click.IntRange(0), default=0, help="Leave out so many lines.")
@click.option("--report", metavar="FILE", type=Path, help="A new file: what became of each line.")
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_context
def import_(ctx: click.Context, file: Path, skip: int, report: Path | None) -> None:
    """Import users from FILE, one JSON object a line; - reads standard input.

    They are kept as they were elsewhere, past the flow: ids, states, hashes. One that is refused
    does not stop the others. Who is here already is left as she is, so an import that was cut off
    is just begun again.

    Exits with 1 when a line was refused. The form of a line: docs/command-line.md.
    """
    call = ctx.ensure_object(Invocation)
    dry_run = call.dry_run
    # The verb has its own, which copies nothing; but of a store that is not there, it begins one.
    call.dry_run = dry_run and not call.is_remote() and not is_there(call.store)
    outcomes: Counter[str] = Counter()
    with ExitStack() as stack:
        lines, total = _lines(stack, file, skip)
        engine = stack.enter_context(call.open(begins=True, read_only=dry_run))
        line = stack.enter_context(progress_line())
        told = None if report is None else stack.enter_context(new_file(report))
        place = skip
        try:
            for result in engine.users.import_all(lines, dry_run=dry_run, skip=skip):
                outcomes[result.outcome] += 1
                place = result.place or place
                _tell(call, result, told, line)
                line.tell(Progress(stage="importing", done=place - skip, total=total))
        except KeyboardInterrupt:
            line.clear()
            note(f"Stopped. To go on behind the last line: --skip {place}")
            raise
    _sum(call, outcomes)
    if dry_run and not call.dry_run:
        note("This was a dry run: nothing was changed, nothing sent.")
    if outcomes["refused"]:
        ctx.exit(1)


def _lines(stack: ExitStack, file: Path, skip: int) -> tuple[Iterator[bytes], int]:
    """Return the lines of a file, and how many will be looked at: 0, if nobody knows."""
    try:
        opened = stack.enter_context(click.open_file(str(file), "rb"))
        total = 0
        if str(file) != "-" and file.is_file():
            with file.open("rb") as counting:
                total = max(0, sum(1 for _ in counting) - skip)
    except OSError as problem:
        raise InvalidInput("file", f"{file} cannot be read: {problem.strerror}.") from None
    return iter(opened), total


def _tell(
    call: Invocation, result: ImportResult, report: IO[str] | None, line: ProgressLine
) -> None:
    said = {
        "line": result.place,
        "user": result.user_id,
        "outcome": result.outcome,
        "error": None
        if result.error is None
        else {"code": result.error.code, "sentence": plain(result.error.sentence)},
    }
    if report is not None:
        report.write(json.dumps(said) + "\n")
    if call.json:
        say_json(said, indent=None)
    elif result.error is not None:
        line.clear()
        where = styled(f"line {result.place}:", "bad")
        say(f"{where} {visible(result.error.sentence)} {styled(f'[{result.error.code}]', 'faint')}")


def _sum(call: Invocation, outcomes: Counter[str]) -> None:
    if not call.json:
        parts = [f"{outcomes[name]:,} {said}" for name, said in _SAID.items() if outcomes[name]]
        say(f"{counted(outcomes.total(), 'line')}{': ' if parts else ''}{', '.join(parts)}.")


def export(engine: admit.Engine, label: str, *, hashes: bool, to: Path | None) -> None:
    """Write the users of a list as lines: to a new file, or to where it is printed."""
    rows = engine.users.export_all(label, hashes=hashes)
    if to is None:
        for row in rows:
            say(to_line(row))
        return
    total, done = engine.users.count(label), 0
    with new_file(to) as file, progress_line() as line:
        for row in rows:
            file.write(to_line(row) + "\n")
            done += 1
            line.tell(Progress(stage="exporting", done=done, total=total))
    holds = "It holds their password hashes." if hashes else "No password hash is in it."
    note(f"{counted(done, 'user')} in {visible(to)}. {holds}")
