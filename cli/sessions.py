"""`admit sessions`: where a user is logged in, and ending it."""

from __future__ import annotations

import click

from .context import Invocation, common_options, dry_run_option, json_option, reason_option
from .group import Group
from .output import Cell, counted, moment, say, say_json, styled, table, visible
from .people import found, name_of


@click.group(cls=Group)
def sessions() -> None:
    """Sessions: where a user is logged in, and ending it.

    WHO is an e-mail address or an id.
    """


@sessions.command("list")
@click.argument("who")
@common_options
@json_option
@click.pass_obj
def list_(call: Invocation, who: str) -> None:
    """List the live sessions of a user, oldest first."""
    with call.open(read_only=True) as engine:
        user = found(engine, who)
        live = engine.sessions.of(user)
    if call.json:
        say_json(live)
        return
    if live:
        say(
            table(
                ["ID", "SINCE (UTC)", "UNTIL", "REFRESHED", "THROUGH", "DEVICE"],
                [
                    [
                        Cell(session.id, "faint"),
                        moment(session.created_at),
                        moment(session.expires_at),
                        moment(session.refreshed_at),
                        session.provider,
                        visible(session.device or "–"),
                    ]
                    for session in live
                ],
            )
        )
        say()
    say(f"{styled(name_of(user), 'strong')} has {counted(len(live), 'session')}.")


@sessions.command()
@click.argument("who")
@click.argument("session", nargs=-1)
@click.option("--all", "everywhere", is_flag=True, help="All of them, those to come excepted.")
@common_options
@reason_option
@json_option
@dry_run_option
@click.pass_obj
def end(call: Invocation, who: str, session: tuple[str, ...], everywhere: bool) -> None:
    """End sessions of a user at once: those named by id, or --all."""
    if everywhere == bool(session):
        raise click.UsageError("Name the sessions, or pass --all.")
    with call.open() as engine:
        user = found(engine, who)
        live = [one.id for one in engine.sessions.of(user)]
        ended = live if everywhere else [one for one in live if one in session]
        if everywhere:
            engine.log_out_all(user)
        for one in [] if everywhere else ended:
            engine.sessions.end(one)
    if call.json:
        say_json({"user": user.id, "ended": ended})
    else:
        say(f"{counted(len(ended), 'session')} of {styled(name_of(user), 'strong')} ended.")
