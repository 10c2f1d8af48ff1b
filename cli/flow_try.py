"""`admit flow try`: what a flow would do to somebody, each hook, message and transition."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import click

from admit.errors import AdmitError, NotAllowedNow
from admit.rehearsing import OUTCOMES

from .context import Invocation, common_options, json_option
from .failures import complain
from .output import note, pairs, plain, say, say_json, styled, visible
from .people import found, name_of, state_of
from .rehearsed import steps_table

if TYPE_CHECKING:
    from admit.records import User
    from admit.rehearsing import Outcomes, Rehearsal, Step

_SOMEBODY = "somebody@example.com"


@click.command("try")
@click.argument("name")
@click.option(
    "--outcome",
    type=click.Choice(OUTCOMES),
    default="pending",
    show_default=True,
    help="What the flow is said to answer; proved: and the address is proved.",
)
@click.option("--for", "who", metavar="WHO", help="Re-run this pending user; else somebody new.")
@click.option("--press", is_flag=True, help="Then press the link that was sent.")
@click.option("--show-message", is_flag=True, help="Print the messages whole.")
@common_options
@json_option
@click.pass_obj
def try_(
    call: Invocation,
    name: str,
    outcome: Outcomes,
    who: str | None,
    press: bool,
    show_message: bool,
) -> None:
    """Try the flow NAME on a copy of the data: nothing is sent, nothing is written.

    Each step is shown: commits, before hooks (they are asked), after hooks (they are not told),
    messages (they are kept). The flow is entered only if all that it does is to send.

    Exits as the verb itself would: with 1 when the flow would fail.
    """
    rehearsal = call.rehearsal(outcome)
    rehearsal.engine.settings.set("confirmation_flow", name)
    rehearsal.steps.clear()
    user, problem = _enter(rehearsal, who)
    if press and problem is None:
        user, problem = _press(rehearsal, user)
    if call.json:
        _as_json(rehearsal.steps, user, problem, show_message)
    else:
        _show(rehearsal.steps, user, problem, show_message)
    if problem is not None:
        click.get_current_context().exit(problem.exit_code)


def _enter(rehearsal: Rehearsal, who: str | None) -> tuple[User | None, AdmitError | None]:
    engine = rehearsal.engine
    known = None if who is None else found(engine, who)
    try:
        if known is not None:
            return engine.rerun(known), None
        return engine.register(_SOMEBODY, secrets.token_urlsafe(24)), None
    except NotAllowedNow as problem:
        if not rehearsal.steps and not rehearsal.entries:
            raise  # nothing was tried
        return _as_it_is(rehearsal, known), problem
    except AdmitError as problem:
        if not rehearsal.entries:
            raise
        return getattr(problem, "user", None) or _as_it_is(rehearsal, known), problem


def _press(rehearsal: Rehearsal, user: User | None) -> tuple[User | None, AdmitError | None]:
    from admit.rehearsing import pressed

    try:
        return pressed(rehearsal), None
    except AdmitError as problem:
        return user, problem


def _as_it_is(rehearsal: Rehearsal, known: User | None) -> User | None:
    try:
        if known is not None:
            return rehearsal.engine.users.get(known.id)
        return rehearsal.engine.users.find(_SOMEBODY)
    except AdmitError:
        return None


def _as_json(
    steps: list[Step], user: User | None, problem: AdmitError | None, show_message: bool
) -> None:
    told = plain(steps)
    for step, said in zip(steps, told, strict=True):
        if show_message and step.message is not None:
            said["message"]["text"] = step.message.text
    error = None if problem is None else {"code": problem.code, "sentence": problem.sentence}
    say_json({"steps": told, "user": user, "error": error})


def _show(
    steps: list[Step], user: User | None, problem: AdmitError | None, show_message: bool
) -> None:
    say(steps_table(steps))
    messages = [step.message for step in steps if step.message is not None]
    for message in messages if show_message else []:
        say()
        say(pairs({"to": message.to, "from": message.sender, "subject": message.subject}))
        say()
        for line in message.text.splitlines():
            say(visible(line))
    say()
    if user is None:
        say(styled("No account would be left.", "bad"))
    else:
        state = state_of(user)
        name = styled(name_of(user), "strong")
        say(f"{name} would be {styled(state.text, state.style)}.")
    if problem is not None:
        complain(problem)
    note("This was a rehearsal: nothing was changed, nothing sent.")
