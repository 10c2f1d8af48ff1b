"""`admit rerun-all`: re-running many, previewed, paced, resumable."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import attrs
import click

from admit import BulkResult, Cursor, Engine
from admit.errors import InvalidSetting
from admit.settings import About, parse

from .context import Invocation, common_options, json_option, reason_option
from .output import Cell, counted, note, plain, say, say_json, styled, table, visible

_OUTCOME_STYLES = {"confirmed": "good", "rerun": "good", "refused": "bad", "failed": "bad"}


@attrs.frozen(kw_only=True)
class Choice:
    """Who is re-run, and how; the options of `filters`."""

    pending_longer_than: timedelta
    run_failed: bool
    domain: str | None
    flow: str | None
    per_second: float
    limit: int | None
    after: Cursor | None
    dry_run: bool
    yes: bool


def _duration(context: click.Context, option: click.Parameter, value: str) -> timedelta:
    try:
        read = parse("duration", timedelta, About(help=""), value)
    except InvalidSetting as wrong:
        raise click.BadParameter(f"{wrong.rule} {wrong.next_step}") from None
    assert isinstance(read, timedelta)
    return read


def read_duration(
    context: click.Context, option: click.Parameter, value: str | None
) -> timedelta | None:
    """Return the duration that an option was given, or None. Raises click.BadParameter."""
    return None if value is None else _duration(context, option, value)


def _cursor(context: click.Context, option: click.Parameter, value: str | None) -> Cursor | None:
    return read_cursor(value)


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `Choice`."""
    for option in (
        click.option("--yes", is_flag=True, help="With many: do not ask."),
        click.option("--dry-run", is_flag=True, help="With many: only tell who it would be."),
        click.option(
            "--after", metavar="CURSOR", callback=_cursor, help="With many: go on behind this one."
        ),
        click.option("--limit", type=click.IntRange(1), help="With many: at most so many."),
        click.option(
            "--per-second",
            type=click.FloatRange(0, min_open=True),
            default=10.0,
            show_default=True,
            help="With many: the pace.",
        ),
        click.option("--domain", help="With many: only addresses of this domain."),
        click.option("--flow", help="With many: only those whose last run was of this flow."),
        click.option(
            "--run-failed", is_flag=True, help="With many: only those whose last run failed."
        ),
        click.option(
            "--pending-longer-than",
            metavar="TIME",
            default="0s",
            callback=_duration,
            help="With many: only who waits that long, such as 2h or 3 days.",
        ),
    ):
        command = option(command)
    return command


@click.command("rerun-all")
@filters
@common_options
@reason_option
@json_option
@click.pass_obj
def rerun_all(call: Invocation, /, **choice: Any) -> None:  # the options of `filters`
    """Let every stuck user re-enter the active flow.

    The same as: admit users rerun --all
    """
    run(call, Choice(**choice))


def run(call: Invocation, choice: Choice) -> None:
    """Re-run those who are chosen; print a line for each, and the sum."""
    with call.open(read_only=choice.dry_run) as engine:
        would = list(_results(engine, choice, dry_run=True))
        if choice.dry_run:
            _preview(call, would)
            return
        if not would:
            _sum(call, Counter())
            return
        if not choice.yes:
            ask(f"Re-run {counted(len(would), 'user')}?")
        outcomes = _run(call, engine, choice, len(would))
    _sum(call, outcomes)
    if outcomes["failed"] or outcomes["refused"]:
        click.get_current_context().exit(1)


def ask(question: str) -> None:
    """Ask on a terminal; elsewhere nobody could answer, so `--yes` is required."""
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Nobody is there to answer; pass --yes.")
    click.confirm(question, abort=True, err=True)


def cursor_text(cursor: Cursor) -> str:
    """Return a cursor as one word of a command line."""
    return f"{cursor.order}/{cursor.id}"


def read_cursor(text: str | None) -> Cursor | None:
    """Return what `cursor_text` wrote. Raises click.BadParameter."""
    if text is None:
        return None
    order, separator, id = text.rpartition("/")
    if not separator:
        raise click.BadParameter("This is no cursor; copy it from the page before.")
    return Cursor(order, id)


def _results(engine: Engine, choice: Choice, *, dry_run: bool) -> Iterator[BulkResult]:
    return engine.users.rerun_all(
        pending_longer_than=choice.pending_longer_than,
        run_failed=choice.run_failed,
        domain=choice.domain,
        flow=choice.flow,
        dry_run=dry_run,
        per_second=choice.per_second,
        after=choice.after,
        limit=choice.limit,
    )


def _preview(call: Invocation, would: list[BulkResult]) -> None:
    if call.json:
        for result in would:
            say_json(_as_json(result), indent=None)
        return
    if would:
        rows = [[Cell(r.user_id, "faint"), Cell(r.address or "–", "strong")] for r in would]
        say(table(["ID", "ADDRESS"], rows))
        say()
    say(f"{counted(len(would), 'user')} would be re-run. Nothing was changed.")


def _run(call: Invocation, engine: Engine, choice: Choice, total: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    last: Cursor | None = None
    try:
        for result in _results(engine, choice, dry_run=False):
            outcomes[result.outcome] += 1
            last = result.cursor
            if call.json:
                say_json(_as_json(result), indent=None)
            else:
                _line(result, outcomes.total(), total)
    except KeyboardInterrupt:
        if last is not None:
            note(f"Stopped. To go on behind the last one: --after {cursor_text(last)}")
        raise
    return outcomes


def _line(result: BulkResult, place: int, total: int) -> None:
    number = f"{place:>{len(str(total))}}/{total}"
    outcome = styled(f"{result.outcome:<9}", _OUTCOME_STYLES.get(result.outcome))
    why = "" if result.error is None else f"  {visible(result.error.sentence)}"
    say(f"{styled(number, 'faint')}  {outcome}  {visible(result.address or result.user_id)}{why}")


def _sum(call: Invocation, outcomes: Counter[str]) -> None:
    if not call.json:
        parts = [f"{outcomes['rerun']} re-run", f"{outcomes['confirmed']} confirmed at once"]
        parts += [f"{outcomes['refused']} refused"] if outcomes["refused"] else []
        say(f"{', '.join(parts)}, {outcomes['failed']} failed.")


def _as_json(result: BulkResult) -> dict[str, object]:
    error = result.error
    return {
        "user": result.user_id,
        "address": result.address,
        "outcome": result.outcome,
        "error": None if error is None else {"code": error.code, "sentence": plain(error.sentence)},
        "cursor": cursor_text(result.cursor),
    }
