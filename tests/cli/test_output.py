"""What is printed cannot do anything but be read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pytest

from admit.cli.output import Cell, moment, pairs, plain, table, visible, width_of, wrapped
from admit.masked import Secret

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\u202emoc.elpmaxe", r"\u202emoc.elpmaxe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("\x9b31m", r"\x9b31m"),
        ("\U000e0041", r"\U000e0041"),
    ],
    ids=["escape", "lines", "right-to-left", "zero-width", "c1", "tag"],
)
def test_a2_what_a_terminal_would_obey_is_written_as_its_escape(hostile: str, shown: str) -> None:
    """Control, format and line characters in names never reach the terminal as themselves."""
    assert shown == visible(hostile)


@pytest.mark.parametrize("name", ["ada@example.com", "Zoë Müller", "ひらがな", "👩 ok"])
def test_a2_names_of_people_stay_as_they_are(name: str) -> None:
    """What is only read – accents, other scripts, pictures – is not touched."""
    assert name == visible(name)


def test_a2_cells_pairs_and_lines_are_escaped() -> None:
    """Whatever builds a line escapes what it is given."""
    hostile = "\x1b[31mred"

    lines = [table(["A"], [[hostile]]), pairs({hostile: hostile}), wrapped(hostile)]

    assert not any("\x1b[31m" in line for line in lines)


def test_columns_are_aligned_by_what_a_terminal_shows() -> None:
    """
    Given letters that take two columns, and marks that take none,
    when they stand in a table,
    then the next column begins at the same place in each line.
    """
    drawn = table(["NAME", "N"], [["ひら", 1], ["e\u0301e", 2], ["abcd", 3]])

    places = [width_of(line[:-1]) for line in drawn.splitlines()[1:]]

    assert [6, 6, 6] == places


def test_a_line_of_a_table_has_no_blanks_at_its_end() -> None:
    """The last column is not padded, and an empty one leaves nothing behind."""
    drawn = table(["A", "B"], [["long text", ""], ["x", Cell("y")]])

    assert "long text\nx          y" == "\n".join(drawn.splitlines()[1:])


def test_t3_json_leaves_out_what_a_record_hides_and_masks_secrets() -> None:
    """A field that its `repr` does not show is not in the JSON either."""

    @attrs.frozen
    class Record:
        name: str
        digest: str = attrs.field(repr=False)
        token: Secret = Secret("token-in-the-clear")

    assert {"name": "a", "token": "…"} == plain(Record("a", "secret-digest"))


def test_what_is_no_number_text_or_record_becomes_text() -> None:
    """JSON holds everything in some way: durations and instants as people write them."""
    values = {"lasts": timedelta(hours=1), "at": NOON, "names": ("a", Path("b")), 1: None}

    assert {
        "lasts": "1 hour",
        "at": "2026-01-01T12:00:00.000Z",
        "names": ["a", "b"],
        "1": None,
    } == plain(values)


def test_a_moment_that_never_was_is_a_dash() -> None:
    """Others are told to the second, in UTC."""
    assert ["–", "2026-01-01 12:00:00"] == [moment(None), moment(NOON)]
