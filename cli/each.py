"""Doing the same for each of several users: named as arguments, or on standard input."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import click

import admit
from admit.errors import AdmitError, StoreError
from admit.records import User

from .context import Invocation
from .failures import complain
from .output import say, say_json, wrapped
from .people import told

Deed: TypeAlias = Callable[[admit.Engine, str], tuple[User, str]]
"""Does it to one user; returns the user as it is now, and what else is worth saying."""


def who_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add WHO…: users as arguments; a `-` is one a line of standard input, for `read_who`."""
    return click.argument("who", nargs=-1, required=True)(command)


def read_who(given: Iterable[str]) -> tuple[str, ...]:
    """Return who is named, with what stands on standard input for a `-`: a word a line, blank
    lines let pass. Raises click.UsageError: nobody stands there."""
    who: list[str] = []
    for one in given:
        if one != "-":
            who.append(one)
            continue
        lines = [line.split()[0] for line in sys.stdin if line.strip()]
        if not lines:
            raise click.UsageError("Nobody is named on standard input.")
        who += lines
    return tuple(who)


def change_each(call: Invocation, who: tuple[str, ...], deed: Deed) -> None:
    """Change each user – who is named, or stands on standard input for a `-` –, and tell who it is
    then; else as `do_each`."""
    who = read_who(who)
    with call.open() as engine:

        def change(one: str) -> None:
            user, more = deed(engine, one)
            tell(call, user, more, one_of_many=len(who) > 1)

        do_each(call, who, change)


def do_each(call: Invocation, who: tuple[str, ...], do: Callable[[str], None]) -> None:
    """Do it for each. Of several, one that fails does not stop the others: its error is printed,
    and the exit code is 1 at the end."""
    if len(who) == 1:
        do(who[0])
        return
    failed = False
    for one in who:
        try:
            do(one)
        except StoreError:
            raise  # the next one would fare no better
        except AdmitError as problem:
            complain(problem, as_json=call.json, about=one)
            failed = True
    if failed:
        click.get_current_context().exit(1)


def tell(call: Invocation, user: User, more: str = "", *, one_of_many: bool = False) -> None:
    """Say who a user is now, and something besides; to programs the user as JSON, of many a line
    each."""
    if call.json:
        say_json(user, indent=None if one_of_many else 2)
        return
    say(told(user))
    if more and not one_of_many:
        say(wrapped(more))
