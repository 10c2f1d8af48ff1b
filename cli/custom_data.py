"""`admit users data`: what the application keeps of a user."""

from __future__ import annotations

import json
from typing import Any

import click

from admit.errors import InvalidInput

from .context import Invocation, common_options, dry_run_option, json_option, reason_option
from .group import Group
from .output import say, say_json
from .people import named


@click.group(cls=Group)
def data() -> None:
    """The custom data of a user: a JSON object that the application keeps."""


@data.command()
@click.argument("who")
@common_options
@json_option
@click.pass_obj
def get(call: Invocation, who: str) -> None:
    """Print a user's custom data. With --json: also its version."""
    with call.open(read_only=True) as engine:
        found = engine.custom_data.get(**named(who))
    say_json(found if call.json else found.data)


@data.command("set")
@click.argument("who")
@click.argument("file")
@click.option("--version", type=click.IntRange(0), help="Only if this version is still there.")
@common_options
@reason_option
@json_option
@dry_run_option
@click.pass_obj
def set_(call: Invocation, who: str, file: str, version: int | None) -> None:
    """Replace a user's custom data by the JSON object in FILE; - reads it from the pipe."""
    document = _read(file)
    with call.open() as engine:
        kept = engine.custom_data.set(**named(who), data=document, version=version)
    if call.json:
        say_json(kept)
    else:
        say(f"Kept, in version {kept.version}.")


def _read(file: str) -> Any:  # whatever JSON there is; the engine says what it takes
    try:
        with click.open_file(file, encoding="utf-8") as opened:
            return json.load(opened)
    except OSError as problem:
        raise InvalidInput("file", f"{file} cannot be read: {problem.strerror}.") from None
    except (ValueError, RecursionError) as problem:
        what = f"line {problem.lineno}" if isinstance(problem, json.JSONDecodeError) else "it"
        raise InvalidInput("custom_data", f"{what} is no JSON.") from None
