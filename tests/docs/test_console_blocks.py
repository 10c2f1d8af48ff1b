"""What the pages tell people to type is something that the `admit` command understands."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from admit.cli import main

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def typed(page: Path) -> list[str]:
    """Return each `admit …` command in the console blocks of *page*."""
    blocks = re.findall(
        r"^```console\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    lines = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    parts = [part.strip() for line in lines for part in re.split(r"&&|[|<>]", line)]
    return [part for part in parts if part.startswith("admit ")]


COMMANDS = sorted({command for page in PAGES for command in typed(page)})


def understand(line: str) -> None:
    """Parse *line* without running it. Raises click.UsageError, KeyError."""
    command: click.Command = main
    name, *words = shlex.split(line)
    while isinstance(command, click.Group) and words:
        name, *words = words
        command = command.commands[name]
    command.make_context(name, words)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_on_a_page_can_be_typed(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its name, its options and its arguments are what the command takes."""
    monkeypatch.chdir(tmp_path)

    understand(command)


def test_the_pages_have_commands() -> None:
    """The search above finds what stands there."""
    assert "admit demo" in COMMANDS
    assert len(COMMANDS) > 10
