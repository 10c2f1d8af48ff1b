"""`admit runs`: what waits for a worker, and what failed."""

from __future__ import annotations

import click

from admit import RunOfUser

from . import bulk
from .context import Invocation, common_options, json_option
from .output import Cell, counted, moment, say, say_json, table

_STYLES = {"failed": "bad", "refused": "bad", "vetoed": "bad", "queued": "waiting"}


@click.command()
@click.option(
    "--in",
    "which",
    type=click.Choice(("queued", "failed")),
    default="queued",
    show_default=True,
    help="What a worker will take up, or what failed of pending users.",
)
@click.option("--flow", help="Only runs of this flow, loaded or not.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--after", metavar="CURSOR", help="Go on behind a page; it told its cursor.")
@common_options
@json_option
@click.pass_obj
def runs(call: Invocation, which: str, flow: str | None, limit: int, after: str | None) -> None:
    """List runs: users on their way through a flow.

    Queued ones, the most urgent first; or failed ones, with why. What to do about those:
    admit rerun-all --run-failed
    """
    with call.open(read_only=True) as engine:
        page = engine.users.runs(
            "failed" if which == "failed" else "queued",
            flow=flow,
            after=bulk.read_cursor(after),
            limit=limit,
        )
    cursor = None if page.next is None else bulk.cursor_text(page.next)
    if call.json:
        say_json({"runs": page.items, "next": cursor})
        return
    if page.items:
        headers = ["USER", "FLOW", "PURPOSE", "STATE", "TRIES", "NEXT TRY (UTC)", "WHY", "ID"]
        say(table(headers, [_row(item) for item in page.items], optional=["ID", "PURPOSE"]))
        say()
    say(f"{counted(len(page.items), which + ' run')}.")
    if cursor is not None:
        say(f"The next ones: --after {cursor}")


def _row(item: RunOfUser) -> list[object]:
    run = item.run
    state = run.result or ("queued" if run.due_at is not None else "under way")
    return [
        Cell(item.address or item.user_id, "strong"),
        run.flow,
        run.purpose,
        Cell(state, _STYLES.get(state)),
        str(len(run.attempts)),
        "" if run.due_at is None else moment(run.due_at),
        "" if run.error is None else run.error.sentence,
        Cell(item.user_id, "faint"),
    ]
