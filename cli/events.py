"""`admit events`: the audit trail as it grows."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

import click

from admit.records import Event

from .audit import events_table, how
from .context import Invocation, common_options, json_option
from .group import Group
from .output import moment, say, say_json, styled, visible
from .signals import stopped_by_signals


@click.group(cls=Group)
def events() -> None:
    """The trail of events: what happened, and who asked."""


@events.command()
@click.option("--last", type=click.IntRange(0, 1000), default=20, show_default=True)
@click.option("--follow", "-f", is_flag=True, help="Go on with each new one, until Ctrl-C.")
@click.option("--limit", type=click.IntRange(1), help="With --follow: stop after so many.")
@click.option("--every", type=click.FloatRange(0.01, 3600), default=1.0, hidden=True)
@common_options
@json_option
@click.pass_obj
def tail(call: Invocation, last: int, follow: bool, limit: int | None, every: float) -> None:
    """Show the last events, sealed or not, oldest first.

    With --json each is a line of its own.
    """
    if limit is not None and not follow:
        raise click.UsageError("--limit is for --follow; say --last.")
    with call.open(read_only=True) as engine:
        if follow:
            with stopped_by_signals() as stop:
                live = engine.events.live(stop, last=last, every=timedelta(seconds=every))
                for event in islice(live, limit):
                    if call.json:
                        say_json(event, indent=None)
                    else:
                        say(_line(event))
            return
        found = engine.events.tail(limit=last)
    if call.json:
        for event in found:
            say_json(event, indent=None)
    elif found:
        say(events_table(found, whose=True))
    else:
        say("Nothing has happened yet.")


def _line(event: Event) -> str:
    """Return an event as a line that needs to know nothing of those after it."""
    moved = "" if event.to_state is None else f"{event.from_state} → {event.to_state}"
    said = [part for part in (moved, f"by {event.actor.kind}", how(event)) if part]
    return "  ".join(
        [
            styled(moment(event.at), "faint"),
            styled(event.trigger, "strong"),
            styled(event.user or "–", "faint"),
            visible("; ".join(said)),
        ]
    )
