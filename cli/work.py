"""`admit work`, `admit recover`, `admit sweep`: what is due, done."""

from __future__ import annotations

import click

from .context import Invocation, common_options, dry_run_option, json_option
from .output import counted, note, pairs, say, say_json, shown
from .signals import stopped_by_signals


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now, then stop.")
@common_options
@json_option
@dry_run_option
@click.pass_obj
def work(call: Invocation, once: bool) -> None:
    """Work until Ctrl-C or SIGTERM.

    Queued messages, retries, sweeping, sealing. What is under way when it is told
    to stop is finished first.
    """
    if call.dry_run and not once:
        raise click.UsageError("A dry run is of what is due now: pass --once.")
    with call.open(begins=True) as engine:
        if not once:
            with stopped_by_signals() as stop:
                note(f"Working on {shown(call.store)}. Ctrl-C stops.")
                engine.work(stop)
            note("Stopped.")
            return
        did = engine.work_once()
    if call.json:
        say_json(did)
    else:
        say(
            f"Took up {counted(did.runs, 'user')}, swept {counted(did.swept, 'record')},"
            f" sealed {counted(did.sealed, 'event')}."
        )


@click.command()
@common_options
@json_option
@dry_run_option
@click.pass_obj
def recover(call: Invocation) -> None:
    """Take up what a crash cut off, and nothing else."""
    with call.open() as engine:
        recovered = engine.recover()
    if call.json:
        say_json({"recovered": recovered})
    else:
        say(f"Took up {counted(recovered, 'user')}.")


@click.command()
@common_options
@json_option
@dry_run_option
@click.pass_obj
def sweep(call: Invocation) -> None:
    """Remove what is past its time.

    Expired users, those whose grace is over, ended sessions, counters, old tombstones,
    old refusals, keys.
    """
    with call.open() as engine:
        swept = engine.sweep()
    if call.json:
        say_json(swept)
    else:
        say(
            pairs(
                {
                    "pending users expired": swept.expired,
                    "pending users rejected": swept.losers,
                    "grace was over": swept.left,
                    "idle anonymous users": swept.idle,
                    "sessions": swept.sessions,
                    "throttles": swept.throttles,
                    "tombstones": swept.tombstones,
                    "refusals": swept.refusals,
                    "keys": swept.keys,
                    "compactions": swept.compactions,
                }
            )
        )
