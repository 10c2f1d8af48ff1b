"""`admit users`: finding users, understanding them, helping who is stuck."""

from __future__ import annotations

import sys
from typing import Any

import click

import admit
from admit.errors import UserNotFound
from admit.masked import Secret
from admit.records import User, UserId
from admit.stores import Cursor

from . import bulk, custom_data, leaving
from .audit import events_table
from .context import (
    Invocation,
    common_options,
    dry_run_option,
    json_option,
    reason_option,
)
from .each import change_each, tell, who_argument
from .failures import commands_among
from .group import Group
from .output import (
    Cell,
    counted,
    moment,
    pairs,
    plain,
    say,
    say_json,
    table,
)
from .people import found, name_of, named, run_in_short, sheet, state_of, told

_ENDED = "Its sessions have ended."
_LISTS = ("all", "pending", "run-failed", "confirmed", "disabled", "deleted", "grace", "anonymous")


@click.group(cls=Group)
def users() -> None:
    """Users: find them, understand them, help who is stuck.

    WHO is an e-mail address or an id.
    """


@users.command("list")
@click.option("--in", "label", type=click.Choice(_LISTS), default="all", show_default=True)
@click.option("--search", metavar="START", help="Only addresses that begin so, in their order.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--newest", is_flag=True, help="The newest first.")
@click.option("--after", metavar="CURSOR", help="Go on behind a page; it told its cursor.")
@common_options
@json_option
@click.pass_obj
def list_(
    call: Invocation, label: str, search: str | None, limit: int, newest: bool, after: str | None
) -> None:
    """List users, oldest first."""
    wanted = "pending/run-failed" if label == "run-failed" else label
    with call.open(read_only=True) as engine:
        following: Cursor | None = None
        if search is not None:
            items = engine.users.search(search, limit=limit)
        else:
            page = engine.users.page(
                wanted, after=bulk.read_cursor(after), limit=limit, reverse=newest
            )
            items, following = page.items, page.next
        total = engine.users.count(wanted)
    if call.json:
        cursor = None if following is None else bulk.cursor_text(following)
        say_json({"users": items, "next": cursor, "count": total})
        return
    if items:
        say(
            table(
                ["ID", "USER", "STATE", "CREATED (UTC)", "LAST RUN"],
                [
                    [
                        Cell(user.id, "faint"),
                        Cell(name_of(user), "strong"),
                        state_of(user),
                        moment(user.created_at),
                        run_in_short(user.last_run),
                    ]
                    for user in items
                ],
                optional=["CREATED (UTC)"],
            )
        )
        say()
    say(f"{counted(len(items), 'user')} of {total:,}.")
    if following is not None:
        say(f"The next ones: --after {bulk.cursor_text(following)}")


@users.command()
@click.argument("who")
@common_options
@json_option
@click.pass_obj
def show(call: Invocation, who: str) -> None:
    """Show one user; of a deleted one, by its id, how far the erasing is."""
    with call.open(read_only=True) as engine:
        try:
            user = found(engine, who)
        except UserNotFound as problem:
            leaving.tell_of_erasure(call, leaving.who_is_gone(engine, who, problem))
            return
    if call.json:
        say_json(user)
    else:
        say(sheet(user))


@users.command()
@click.argument("who")
@common_options
@json_option
@click.pass_obj
def why(call: Invocation, who: str) -> None:
    """Explain where a user stands, what blocks it, and what to do next."""
    with call.open(read_only=True) as engine:
        try:
            explained = engine.why(**named(who))
        except UserNotFound as problem:
            leaving.tell_of_erasure(call, leaving.who_is_gone(engine, who, problem))
            return
    if call.json:
        say_json(plain(explained) | {"user": explained.user.id})
        return
    say(told(explained.user))
    say()
    blocked = [
        f"{move} ({guard.replace('_', ' ')})"
        for move, guard in explained.blocked.items()
        if commands_among([move])
    ]
    say(
        pairs(
            {
                "why": explained.sentence,
                "delivery": explained.delivery,
                "allowed": ", ".join(commands_among(explained.allowed)) or "nothing",
                "needs": ", ".join(blocked) or "–",
                "next step": Cell(explained.suggestion, "accent"),
            }
        )
    )


@users.command()
@click.argument("who")
@common_options
@json_option
@click.pass_obj
def timeline(call: Invocation, who: str) -> None:
    """Show what happened to a user, oldest first. A deleted one is named by its id."""
    with call.open(read_only=True) as engine:
        events = engine.users.timeline(found(engine, who) if "@" in who else UserId(who))
    if call.json:
        say_json(events)
    elif events:
        say(events_table(events))
    else:
        say("Nothing is known of this user.")


@users.command()
@click.argument("who", nargs=-1)
@click.option("--all", "everybody", is_flag=True, help="Every pending user that the filters leave.")
@bulk.filters
@common_options
@reason_option
@json_option
@click.pass_obj
def rerun(
    call: Invocation,
    /,
    who: tuple[str, ...],
    everybody: bool,
    **choice: Any,  # the options of bulk.filters
) -> None:
    """Let stuck users re-enter whichever flow is active now.

    Links and codes of before stay good until the new message was handed over.
    """
    if everybody == bool(who):
        raise click.UsageError("Name the users, or pass --all.")
    if everybody:
        bulk.run(call, bulk.Choice(**choice))
        return
    call.dry_run = choice["dry_run"]
    change_each(call, who, lambda engine, one: explained(engine, engine.rerun(**named(one))))


@users.command()
@who_argument
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def resend(call: Invocation, who: tuple[str, ...]) -> None:
    """Send the confirmation message again.

    A re-run, for flows that send one; else it is refused and names `rerun`.
    """
    change_each(call, who, lambda engine, one: explained(engine, engine.resend(**named(one))))


@users.command()
@click.argument("address")
@click.option("--password", "asks", is_flag=True, help="Ask for a password, or read one line.")
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def create(call: Invocation, address: str, asks: bool) -> None:
    """Create a user that is confirmed at once, past the flow.

    Without a password it sets one by a reset; one given here must be changed at the first log-in.
    """
    password = None
    if asks:
        from_terminal = sys.stdin.isatty()
        password = Secret(
            click.prompt("Password", hide_input=True, confirmation_prompt=True)
            if from_terminal
            else sys.stdin.readline().rstrip("\n")
        )
    with call.open(begins=True) as engine:
        tell(call, engine.create(address, password), "Its address was never proved.")


@users.command()
@who_argument
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def confirm(call: Invocation, who: tuple[str, ...]) -> None:
    """Confirm a stuck user by hand, past the flow. Proves nothing."""
    change_each(call, who, lambda engine, one: (engine.confirm_manually(**named(one)), ""))


@users.command("correct-address")
@click.argument("who")
@click.argument("to")
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def correct_address(call: Invocation, who: str, to: str) -> None:
    """Correct the mistyped address of a pending user; a new message goes to TO."""
    with call.open() as engine:
        tell(call, *explained(engine, engine.correct_address(**named(who), to=to)))


@users.command()
@who_argument
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def disable(call: Invocation, who: tuple[str, ...]) -> None:
    """Stop every log-in of a user, and end its sessions."""
    change_each(
        call, who, lambda engine, one: (engine.disable(**named(one)), "Its sessions have ended.")
    )


@users.command()
@who_argument
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def enable(call: Invocation, who: tuple[str, ...]) -> None:
    """Let a disabled user log in again."""
    change_each(call, who, lambda engine, one: (engine.enable(**named(one)), ""))


@users.command("log-out")
@who_argument
@common_options
@reason_option
@dry_run_option
@json_option
@click.pass_obj
def log_out(call: Invocation, who: tuple[str, ...]) -> None:
    """End every session of a user at once.

    One of several sessions is ended by: admit sessions end
    """
    change_each(
        call,
        who,
        lambda engine, one: (engine.log_out_all(**named(one)), "Its sessions have ended."),
    )


def explained(engine: admit.Engine, user: User) -> tuple[User, str]:
    """Return *user*, and the sentence that says where it stands."""
    return user, engine.why(user).sentence


for command in (*leaving.COMMANDS, custom_data.data):
    users.add_command(command)
