"""`admit diagram`: the lifecycle, drawn."""

from __future__ import annotations

from pathlib import Path

import click

from admit.lifecycle import diagram as drawn

from .output import note, say, styled


@click.command()
@click.option(
    "--check",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Only tell whether FILE contains the diagram as it is now.",
)
@click.pass_context
def diagram(ctx: click.Context, file: Path | None) -> None:
    """Print the lifecycle as a Mermaid diagram, drawn from its table."""
    if file is None:
        say(drawn().rstrip("\n"))
    elif drawn() in file.read_text("utf-8"):
        say(f"{styled(file, 'strong')} shows the lifecycle as it is.")
    else:
        note(f"{styled('error:', 'bad')} {styled(file, 'strong')} does not contain the diagram.")
        note("       Replace the one in it by what this prints: admit diagram")
        ctx.exit(1)
