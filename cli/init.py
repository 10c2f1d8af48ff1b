"""`admit init`: a small application to start from."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from admit.errors import InvalidInput

from .context import Invocation, dry_run_option, json_option
from .output import note, say, say_json, shown, styled

_FILES: Final = ("README.md", "admit.toml", "app.py", "test_app.py")
_STARTERS: Final = "starter"


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@dry_run_option
@json_option
@click.pass_obj
def init(call: Invocation, folder: Path) -> None:
    """Make a small application in FOLDER: it runs as it is, and has a test.

    A file that is there already is never written over.
    """
    there = [name for name in _FILES if (folder / name).exists()]
    if there:
        raise InvalidInput(
            "folder", f"{folder} has {' and '.join(there)} already.", "Name another folder."
        )
    if not call.dry_run:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            (folder / name).write_bytes((files("admit.cli") / _STARTERS / name).read_bytes())
    if call.json:
        say_json({"folder": str(folder), "files": _FILES})
    else:
        for name in _FILES:
            say(f"{styled(shown(str(folder / name)), 'strong')}")
        say()
        say("Now: python app.py, in that folder.")
    if call.dry_run:
        note("This was a dry run: nothing was written.")
