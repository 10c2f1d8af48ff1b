"""What is printed fits the terminal, at 80 columns and at 60; elsewhere no line is broken."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import click
import pytest
from cli_calls import PASSWORD, RunProcess, engine_on
from click import unstyle
from click.testing import CliRunner

from admit.cli import main
from admit.cli.output import Cell, pairs, table, width_of

LONG = "a.very.long.address.of.somebody@department.of.example.com"
EXPORTED = str(Path(__file__).parents[1] / "server/appservices/fixtures/v20210101")
ROWS = [["one", "a sentence of several words"], ["two", "short"]]


def drawn_at(columns: int, *arguments: str, store: Path) -> list[str]:
    """Return the lines that the command prints to a terminal of so many columns."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with subprocess.Popen(
        [sys.executable, "-m", "admit.cli", *arguments],
        stdout=follower,
        stderr=subprocess.DEVNULL,
        env={**kept, "ADMIT_STORE": str(store), "NO_COLOR": "1"},
    ):
        os.close(follower)
        said = b""
        while True:
            try:
                piece = os.read(leader, 4096)
            except OSError:  # the other end is closed
                break
            said += piece
    os.close(leader)
    return said.decode().splitlines()


@pytest.fixture
def shop(path: Path) -> Path:
    """A store with Ada, who waits, and somebody with a long address."""
    with engine_on(path) as engine:
        engine.register(LONG, PASSWORD)
    return path


@pytest.mark.parametrize("columns", [80, 60])
@pytest.mark.parametrize(
    "arguments",
    [
        ("users", "list"),
        ("users", "show", LONG),
        ("users", "why", LONG),
        ("users", "timeline", LONG),
        ("settings",),
        ("plugins",),
        ("--help",),
        ("users", "--help"),
        ("store", "--help"),
        ("import", "appservices", EXPORTED, "--into", "new", "--dry-run"),
        ("import", "appservices", "--help"),
    ],
    ids=" ".join,
)
def test_lines_are_as_long_as_the_terminal_at_most(
    shop: Path, columns: int, arguments: tuple[str, ...]
) -> None:
    """Given a terminal, when something is shown there, then no line is longer, but for an address
    that leaves no room; and no word is cut."""
    lines = drawn_at(columns, *arguments, store=shop)

    assert lines
    assert [] == [line for line in lines if width_of(line) > columns and LONG not in line]
    assert [] == [line for line in lines if "..." in line.replace("[ARGS]...", "")]


def test_a_long_address_makes_blocks_of_a_list(shop: Path) -> None:
    """Given an address that no table has room for, when users are listed, then each is a block,
    whole."""
    lines = drawn_at(80, "users", "list", store=shop)

    assert f"USER           {LONG}" in lines
    assert 2 == sum(line.startswith("STATE ") for line in lines)


def test_a_list_that_nearly_fits_leaves_out_when(path: Path) -> None:
    """Given ordinary addresses, when users are listed at 80 columns, then each is one line, without
    the day it came; there is `users show` for that."""
    head, ada, *_ = drawn_at(80, "users", "list", store=path)

    assert ["ID", "USER", "STATE", "LAST", "RUN"] == head.split()
    assert ada.endswith("email: handed over")


def test_what_goes_to_a_program_is_a_line_each(run_process: RunProcess, shop: Path) -> None:
    """Given no terminal, when users are listed, then each is one line with all columns."""
    lines = run_process("users", "list", COLUMNS="60").stdout.splitlines()

    assert ["ID", "USER", "STATE", "CREATED", "(UTC)", "LAST", "RUN"] == lines[0].split()
    assert [f"  {LONG}  " in line for line in lines[1:3]].count(True) == 1


# --- tables and pairs ----------------------------------------------------------------------------


def test_a_table_breaks_its_widest_column_at_blanks() -> None:
    """What goes on in the next line stands below its column."""
    expected = "N    TEXT\none  a sentence\n     of several\n     words\ntwo  short"

    assert expected == unstyle(table(["N", "TEXT"], ROWS, width=16))


def test_a_cell_that_is_whole_is_not_broken() -> None:
    """Given no room for it, then the table becomes blocks; empty values are left out."""
    rows: list[list[object]] = [[Cell("2026-01-01 12:00:00", whole=True), "at noon"], ["later", ""]]
    expected = "AT    2026-01-01 12:00:00\nWHAT  at noon\n\nAT  later"

    assert expected == unstyle(table(["AT", "WHAT"], rows, width=20))


def test_an_optional_column_goes_before_anything_is_broken() -> None:
    """Given a table that is too wide, then the optional column is left out first."""
    rows = [["one", "long text here", "x"]]

    assert "A    C\none  x" == unstyle(table(["A", "B", "C"], rows, optional=["B"], width=12))


def test_a_column_without_a_value_is_not_drawn() -> None:
    """Given a column in which nothing stands, then its header does not stand there either; in a
    table without rows all do."""
    assert "A\nx" == unstyle(table(["A", "HIDES"], [["x", ""]]))
    assert "A  HIDES" == unstyle(table(["A", "HIDES"], []))


def test_a_long_value_of_a_pair_goes_on_below_itself() -> None:
    """Its name stands beside the first line alone."""
    assert "why   one two\n      three\nnext  go" == unstyle(
        pairs({"why": "one two three", "next": "go"}, width=13)
    )


def test_every_command_says_what_it_does_in_whole_words() -> None:
    """Given any group, when its help is asked for, then no summary ends in dots."""
    groups = [(), *[(name,) for name, c in main.commands.items() if isinstance(c, click.Group)]]
    for group in groups:
        shown = CliRunner().invoke(main, [*group, "--help"], terminal_width=60).output
        assert "..." not in shown.replace("[ARGS]...", ""), group
