"""`admit users …` for who leaves: export, delete, restore, and how far the erasing is."""

from __future__ import annotations

import json
from pathlib import Path

import click

import admit
from admit import Erasure
from admit.errors import UserNotFound
from admit.records import UserId

from . import bulk, moving
from .context import Invocation, common_options, dry_run_option, json_option, reason_option
from .each import change_each, do_each, read_who, who_argument
from .files import new_file
from .output import (
    Cell,
    counted,
    moment,
    note,
    pairs,
    plain,
    say,
    say_json,
    styled,
    table,
    visible,
)
from .people import found, name_of, named

_STEP_STYLES = {"done": "good", "gave-up": "bad"}


@click.command()
@click.argument("who", required=False)
@click.option("--all", "everybody", is_flag=True, help="All users, as JSON lines to be imported.")
@click.option("--in", "label", metavar="LIST", help="With --all: only one of the lists.")
@click.option("--hashes", is_flag=True, help="With --all: with their password hashes.")
@click.option("--to", metavar="FILE", type=Path, help="A new file; else it is printed.")
@common_options
@reason_option
@click.pass_obj
def export(
    call: Invocation,
    who: str | None,
    everybody: bool,
    label: str | None,
    hashes: bool,
    to: Path | None,
) -> None:
    """Export everything that is kept about a user, as JSON; or users to be imported elsewhere.

    No password, digest or token is in it, but with --hashes. That it was taken stands in her
    timeline, or in the trail.
    """
    if everybody == (who is not None):
        raise click.UsageError("Name the user, or pass --all.")
    if not everybody and (label or hashes):
        raise click.UsageError("--in and --hashes are for --all.")
    with call.open() as engine:
        if who is None:
            moving.export(engine, label or "all", hashes=hashes, to=to)
            return
        user = found(engine, who)
        if to is None:
            say_json(engine.users.export(user))
            return
        _write(engine, user, to)
    note(f"Everything about {visible(name_of(user))} is in {visible(to)}.")


def _write(engine: admit.Engine, user: admit.User, to: Path) -> None:
    """Export *user* to a file that only its owner can read, and that was not there before."""
    with new_file(to) as file:
        json.dump(engine.users.export(user), file, indent=2, ensure_ascii=False)
        file.write("\n")


@click.command()
@who_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--export", "to", metavar="FILE", type=Path, help="Export to a new file first.")
@click.option("--at-once", is_flag=True, help="Without the grace of the setting deletion_grace.")
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def delete(
    call: Invocation, who: tuple[str, ...], yes: bool, to: Path | None, at_once: bool
) -> None:
    """Delete users. An address is free at once and inherits nothing.

    With a grace (setting deletion_grace), a user is blocked now and deleted when that is over.
    """
    who = read_who(who)
    if to is not None and len(who) > 1:
        raise click.UsageError("One export is of one user.")
    with call.open() as engine:
        if len(who) == 1:
            user = found(engine, who[0])
            question = f"Delete {visible(name_of(user))} ({user.id}, {user.state})?"
        else:
            question = f"Delete {counted(len(who), 'user')}?"
        if not (yes or call.dry_run):
            bulk.ask(question)
        if to is not None:
            _write(engine, user, to)
        do_each(call, who, lambda one: _delete(call, engine, one, at_once))


def _delete(call: Invocation, engine: admit.Engine, who: str, at_once: bool) -> None:
    user = found(engine, who)
    left = engine.delete(user, at_once=at_once)
    if call.json:
        leaving = {"leaving": user.id, "delete_at": left.delete_at}
        say_json({"deleted": user.id} if left.delete_at is None else leaving)
    elif left.delete_at is None:
        say(f"{styled(name_of(user), 'strong')} is deleted. Its timeline stays, under {user.id}.")
    else:
        say(
            f"{styled(name_of(user), 'strong')} is blocked, and deleted on"
            f" {moment(left.delete_at)} UTC. Until then: admit users restore {user.id}"
        )


@click.command()
@who_argument
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def restore(call: Invocation, who: tuple[str, ...]) -> None:
    """Take a deletion back while its grace runs."""
    more = "It may log in again; sessions and keys of before stay dead."
    change_each(call, who, lambda engine, one: (engine.restore(**named(one)), more))


@click.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--after", metavar="CURSOR", help="Go on behind a page; it told its cursor.")
@common_options
@json_option
@click.pass_obj
def erasures(call: Invocation, limit: int, after: str | None) -> None:
    """List erasures with a step of a plugin that has not succeeded yet, or was given up."""
    with call.open(read_only=True) as engine:
        page = engine.users.erasures(after=bulk.read_cursor(after), limit=limit)
    cursor = None if page.next is None else bulk.cursor_text(page.next)
    if call.json:
        say_json({"erasures": page.items, "next": cursor})
        return
    if page.items:
        say(
            table(
                ["ID", "DELETED (UTC)", "STEP", "TRIES", "STATE", "NEXT TRY (UTC)"],
                [
                    [erasure.user, moment(erasure.deleted_at), *_of_step(step)]
                    for erasure in page.items
                    for step in erasure.steps
                ],
            )
        )
        say()
    say(f"{counted(len(page.items), 'erasure')}.")
    if cursor is not None:
        say(f"The next ones: --after {cursor}")


def _of_step(step: admit.ErasureStep) -> list[object]:
    state = step.ended or ("failed" if step.error else "waits")
    return [step.name, step.tries, Cell(state, _STEP_STYLES.get(state)), moment(step.due_at)]


def who_is_gone(engine: admit.Engine, who: str, problem: UserNotFound) -> Erasure:
    """Return how far the erasing of *who* is, if that is the id of somebody deleted; else raises
    *problem*."""
    if "@" in who:
        raise problem
    try:
        return engine.users.erasure(UserId(who))
    except UserNotFound:
        raise problem from None


def tell_of_erasure(call: Invocation, erasure: Erasure) -> None:
    """Print how far the erasing of a deleted user is."""
    if call.json:
        say_json(plain(erasure) | {"state": "deleted"})
        return
    values: dict[str, object] = {"id": erasure.user, "state": Cell("deleted", "faint")}
    values["deleted"] = moment(erasure.deleted_at)
    values["erasing"] = "finished" if erasure.finished else "under way"
    for step in erasure.steps:
        values[f"step {step.name}"] = _in_words(step)
    say(pairs(values))


def _in_words(step: admit.ErasureStep) -> Cell:
    tries = "1 try" if step.tries == 1 else f"{step.tries:,} tries"
    if step.ended == "done":
        return Cell(f"done {moment(step.ended_at)} UTC, {tries}", "good")
    because = "" if step.error is None else f": {step.error}"
    if step.ended == "gave-up":
        return Cell(f"given up {moment(step.ended_at)} UTC, {tries}{because}", "bad")
    return Cell(f"{tries}, next {moment(step.due_at)} UTC{because}", "waiting")


COMMANDS: tuple[click.Command, ...] = (moving.import_, export, delete, restore, erasures)
