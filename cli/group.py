"""A group whose help shows what each command does, to the end of its sentence."""

from __future__ import annotations

from typing import Final

import click

_WHOLE: Final = 1000
"""Longer than any first sentence: click cuts at it, and breaks the lines itself."""


class Group(click.Group):
    """A group of commands; see the module."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each command, or several where the terminal is narrow."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, command.get_short_help_str(_WHOLE))
            for name, command in found
            if command is not None and not command.hidden
        ]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
