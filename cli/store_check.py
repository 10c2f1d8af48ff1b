"""`admit store check`: what is wrong with a store, and what to do about it."""

from __future__ import annotations

import click

from admit import care

from .context import Invocation, common_options, json_option
from .output import counted, say, say_json, shown, styled, visible, wrapped
from .progress import progress_line
from .store_opened import opened


@click.command()
@click.option(
    "--without-key", is_flag=True, help="The engine key is elsewhere: believe whose the seals are."
)
@common_options
@json_option
@click.pass_context
def check(ctx: click.Context, without_key: bool) -> None:
    """Look at all that a store holds, and tell what is wrong.

    Keys and lists against records, each record, each user's events, every seal.
    Nothing is changed, and applications may go on meanwhile.

    Exits with 1 when anything is wrong. With --json each finding is a line.
    """
    call = ctx.ensure_object(Invocation)
    remedies: dict[str, str] = {}
    number = 0
    with opened(call.store, read_only=True) as store, progress_line() as progress:
        # A store that does not name its key is told to be wrong by the check itself.
        unknown = without_key or store.find(care.KEY_RECORD) is None
        keys = None if unknown else care.keys_of(store)
        for finding in care.check(store, keys, progress=progress.tell):
            number += 1
            remedies[finding.code] = finding.remedy
            progress.clear()
            if call.json:
                say_json(finding, indent=None)
            else:
                say(
                    f"{styled(finding.code, 'bad')}  {styled(finding.where, 'strong')}"
                    f"  {visible(finding.sentence)}"
                )
        progress.clear()
        if not call.json:
            measured = store.stats()
            _say_remedies(remedies)
            verdict = (
                styled(f"{counted(number, 'finding')}.", "bad")
                if number
                else styled("Nothing is wrong.", "good")
            )
            say(
                f"{verdict} Looked at {counted(sum(measured.records.values()), 'record')} and"
                f" {counted(measured.events, 'event')} of {shown(call.store)}."
            )
    if number:
        ctx.exit(1)


def _say_remedies(remedies: dict[str, str]) -> None:
    if not remedies:
        return
    say()
    say("What to do:")
    for remedy in dict.fromkeys(remedies.values()):
        codes = [code for code, its in remedies.items() if its == remedy]
        say(", ".join(styled(code, "bad") for code in codes))
        say(wrapped(remedy, indent="  "))
    say()
