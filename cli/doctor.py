"""`admit doctor`: what is wrong or weak, each with its remedy."""

from __future__ import annotations

import click

from .context import Invocation, common_options, json_option
from .output import counted, say, say_json, shown, styled, visible, wrapped

_STYLES = {"wrong": "bad", "weak": "waiting"}


@click.command()
@click.option("--strict", is_flag=True, help="Exit with 1 also when something is weak.")
@common_options
@json_option
@click.pass_context
def doctor(ctx: click.Context, strict: bool) -> None:
    """Examine the application: each finding with its remedy.

    Configuration, plugins, store and key, flows, whether the mail server would take mail, clock,
    weak settings, a queue that nobody works, files open to others. Nothing is changed.

    Exits with 1 when something is wrong.
    """
    call = ctx.ensure_object(Invocation)
    found = call.examine()
    wrong = sum(advice.severity == "wrong" for advice in found)
    weak = len(found) - wrong
    if call.json:
        say_json({"wrong": wrong, "weak": weak, "advice": found})
    else:
        for advice in found:
            mark = styled(advice.severity, _STYLES[advice.severity])
            lines = wrapped(visible(advice.sentence), indent="       ", first=" " * 7).lstrip()
            say(f"{mark}  {' ' if advice.severity == 'weak' else ''}{lines}")
            say(wrapped(f"{advice.remedy} [{advice.code}]", indent="       "))
            say()
        verdict = (
            styled(f"{counted(wrong, 'thing')} wrong", "bad")
            if wrong
            else styled("Nothing is wrong", "good")
        )
        say(f"{verdict}{f', {weak} weak' if weak else ''}, of {shown(call.store)}.")
    if wrong or (strict and weak):
        ctx.exit(1)
