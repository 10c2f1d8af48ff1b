"""`admit demo`: the story of a stuck user, told and lived through."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from admit.clock import SystemClock
from admit.testing import SettableClock

from .context import Invocation, json_option
from .demo_mail import HOST, DemoMailServer
from .demo_story import LASTS, Answer, Beat, Chapter, Deed, Facts, Mail, Story
from .logs import warnings_hidden
from .output import Cell, pairs, say, say_json, styled, table, visible, wrapped

_WIDTH: Final = 80
_INDENT: Final = " " * 9
_MARKS: Final = {"good": "✓", "bad": "✗", "plain": "·", "next": "→"}
_TONES: Final = {"good": "good", "bad": "bad", "plain": None, "next": "accent"}


@click.command()
@click.option(
    "--keep",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave the store in FOLDER, to look around in afterwards.",
)
@json_option
@click.pass_obj
def demo(call: Invocation, keep: Path | None) -> None:
    """Tell the story of a stuck user.

    It is lived through while it is told: real files, real mail to a server on loopback, and errors
    as they come.
    """
    began = time.perf_counter()
    with ExitStack() as stack:
        server = stack.enter_context(DemoMailServer())
        if keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="admit-demo-")))
        else:
            keep.mkdir(parents=True, exist_ok=True)
            folder = keep
        store = folder / "users.json"
        if store.exists():
            raise click.UsageError(f"There is a store at {store} already; --keep another folder.")
        stack.enter_context(warnings_hidden())
        clock = SettableClock((SystemClock().now() - LASTS).replace(second=0, microsecond=0))
        if not call.json:
            _open(store, server.port)
        chapters = 0
        for beat in Story(store, server, clock).tell():
            chapters += isinstance(beat, Chapter)
            if call.json:
                say_json({"beat": type(beat).__name__.lower(), "is": beat}, indent=None)
            else:
                say(_drawn(beat, chapters))
        took = timedelta(seconds=time.perf_counter() - began)
        if not call.json:
            _close(server, took, store if keep else None)


def _open(store: Path, port: int) -> None:
    say()
    say(f" {styled('admit demo', 'strong')}  the story of a stuck user")
    say()
    say(wrapped(f"The users live in {store}, a TinyDB file.", width=200, indent=" "))
    say(wrapped(f"Mail goes by SMTP to a server at {HOST}:{port}.", width=_WIDTH, indent=" "))
    say(
        wrapped(
            "The clock is the story's own, so nobody waits for a link to expire.",
            width=_WIDTH,
            indent=" ",
        )
    )


def _close(server: DemoMailServer, took: timedelta, kept: Path | None) -> None:
    say()
    sent = f"{len(server.mails)} mails taken, {server.refused} refused"
    say(f" {styled(f'{took.total_seconds():.1f} seconds', 'strong')}, {sent}, nobody stuck.")
    if kept is None:
        say(f" {styled('Look around in it afterwards:', 'faint')} admit demo --keep FOLDER")
    else:
        say(f" {styled('Look around in it:', 'faint')} admit users list --store {visible(kept)}")
    say()


def _drawn(beat: Beat, number: int) -> str:
    """Return a beat as lines of at most 80 columns."""
    match beat:
        case Chapter(title):
            rule = "─" * (_WIDTH - len(title) - 6)
            return f"\n {styled(str(number), 'accent')}  {styled(title, 'strong')} " + styled(
                rule, "faint"
            )
        case Deed(at, says, call):
            lines = []
            time_of_day = styled(f"{at:%H:%M}", "accent")
            if says:
                lines.append(
                    f"\n {time_of_day}   {wrapped(says, width=_WIDTH, indent=_INDENT).lstrip()}"
                )
            return "\n".join([*lines, f"{_INDENT}{styled(call, 'faint')}"])
        case Answer(says, tone):
            first, *others = wrapped(says, width=_WIDTH, indent=f"{_INDENT}  ").strip().splitlines()
            lines = [f"{_INDENT}{styled(f'{_MARKS[tone]} {first}', _TONES[tone])}"]
            lines += [f"{_INDENT}  {styled(line.strip(), _TONES[tone])}" for line in others]
            return "\n".join(lines)
        case Mail(to, subject, lines):
            edge = styled("│", "accent")
            said = [f"To: {to}", f"Subject: {subject}", "", *lines]
            return "\n".join(f"{_INDENT}{edge} {visible(line)}".rstrip() for line in said)
        case Facts(values):
            return _indented(pairs(values, width=_WIDTH - len(_INDENT)))
        case _:
            cells = [
                [Cell(at, "accent"), Cell(what, "strong"), *others]
                for at, what, *others in beat.rows
            ]
            return _indented(
                table(["AT", "WHAT", "FROM → TO", "BY", "HOW"], cells, width=_WIDTH), "  "
            )


def _indented(text: str, indent: str = _INDENT) -> str:
    return "\n".join(f"{indent}{line}".rstrip() for line in text.splitlines())
