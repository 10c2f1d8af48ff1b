"""`admit users …` for who leaves: export, delete, restore, and how far the erasing is."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

import admit
from admit import Erasure
from admit.errors import InvalidInput, UserNotFound
from admit.records import UserId

from . import bulk
from .context import Invocation, common_options, json_option, reason_option
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
from .people import found, name_of, named, told

_STEP_STYLES = {"done": "good", "gave-up": "bad"}


@click.command()
@click.argument("who")
@click.option("--to", metavar="FILE", type=Path, help="A new file; else it is printed.")
@common_options
@reason_option
@click.pass_obj
def export(call: Invocation, who: str, to: Path | None) -> None:
    """Export everything that is kept about a user, as JSON.

    No password, digest or token is in it. That it was taken stands in her timeline.
    """
    with call.open() as engine:
        user = found(engine, who)
        if to is None:
            say_json(engine.users.export(user))
            return
        _write(engine, user, to)
    note(f"Everything about {visible(name_of(user))} is in {visible(to)}.")


def _write(engine: admit.Engine, user: admit.User, to: Path) -> None:
    """Export *user* to a file that only its owner can read, and that was not there before."""
    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        raise InvalidInput(
            "file", f"{to} cannot be made: {problem.strerror}.", "Name a file that is not there."
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(engine.users.export(user), file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


@click.command()
@click.argument("who")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--export", "to", metavar="FILE", type=Path, help="Export to a new file first.")
@click.option("--at-once", is_flag=True, help="Without the grace of the setting deletion_grace.")
@common_options
@reason_option
@json_option
@click.pass_obj
def delete(call: Invocation, who: str, yes: bool, to: Path | None, at_once: bool) -> None:
    """Delete a user. Its address is free at once and inherits nothing.

    With a grace (setting deletion_grace), it is blocked now and deleted when that is over.
    """
    with call.open() as engine:
        user = found(engine, who)
        if not yes:
            bulk.ask(f"Delete {visible(name_of(user))} ({user.id}, {user.state})?")
        if to is not None:
            _write(engine, user, to)
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
@click.argument("who")
@common_options
@reason_option
@json_option
@click.pass_obj
def restore(call: Invocation, who: str) -> None:
    """Take a deletion back while its grace runs."""
    with call.open() as engine:
        user = engine.restore(**named(who))
    if call.json:
        say_json(user)
    else:
        say(f"{told(user)} It may log in again; sessions and keys of before stay dead.")


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


COMMANDS: tuple[click.Command, ...] = (export, delete, restore, erasures)
