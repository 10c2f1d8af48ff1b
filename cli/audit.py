"""`admit audit`: the trail of events, checked."""

from __future__ import annotations

import click

from admit.records import Event

from .context import Invocation, common_options, json_option
from .group import Group
from .output import Cell, counted, moment, say, say_json, styled, table


@click.group(cls=Group)
def audit() -> None:
    """The trail of events, sealed with the engine key."""


@audit.command()
@common_options
@json_option
@click.pass_context
def verify(ctx: click.Context) -> None:
    """Check every seal, every sealed event, and each user's chain of events.

    What is not sealed yet is listed.

    Exits with 1 when anything was changed or removed by somebody without the engine key.
    """
    call = ctx.ensure_object(Invocation)
    with call.open(read_only=True) as engine:
        found = engine.events.verify()
        tail = engine.events.unsealed(limit=50)
    if call.json:
        say_json({"verified": not found.problems, "audit": found, "tail": tail})
    else:
        for problem in found.problems:
            say(styled(problem, "bad"))
        verdict = (
            styled(counted(len(found.problems), "problem") + ".", "bad")
            if found.problems
            else styled("The trail is whole.", "good")
        )
        say(
            f"{verdict} {counted(found.sealed, 'sealed event')}, {found.unsealed} not sealed yet,"
            f" {counted(found.erased, 'detail')} erased, {found.forgotten} forgotten;"
            f" {counted(found.users, 'chain')} of users walked."
        )
        if tail:
            say()
            say("Not sealed yet:")
            say(events_table(tail))
    if found.problems:
        ctx.exit(1)


def events_table(events: tuple[Event, ...], *, whose: bool = False) -> str:
    """Return events as a table, one a line; *whose*: with the user that each is about."""
    return table(
        ["AT (UTC)", "USER", "WHAT", "FROM → TO", "BY", "HOW"],
        [
            [
                Cell(moment(event.at), "faint", whole=not whose),
                Cell((event.user or "") if whose else "", "faint"),
                Cell(event.trigger, "strong"),
                _move(event),
                event.actor.kind,
                how(event),
            ]
            for event in events
        ],
        optional=["FROM → TO"] if whose else [],
    )


def how(event: Event) -> str:
    """Return what is worth knowing of an event besides its move. Its flow or provider speaks for
    itself, a first attempt is the rule, and ids are for programs."""
    codes = {name: value for name, value in event.codes.items() if name != "session"}
    if codes.get("attempt") == "1":
        del codes["attempt"]
    return ", ".join(
        value if name in {"flow", "provider"} else f"{name} {value}"
        for name, value in codes.items()
    )


def _move(event: Event) -> str:
    return "" if event.to_state is None else f"{event.from_state} → {event.to_state}"
