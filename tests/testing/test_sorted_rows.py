"""Rows of numbers stay in order, whatever is done to them, and as they were for who froze them."""

from __future__ import annotations

import random

import pytest

from admit.sorted_rows import Columns, Row, SortedRows


@pytest.mark.parametrize("width", [1, 2, 3])
@pytest.mark.parametrize("span", [40, 1 << 64])
def test_rows_come_in_order_as_a_sorted_list_has_them(width: int, span: int) -> None:
    """Given thousands of rows, with many that begin alike or none, when some are added, removed and
    looked for in turn, then what comes is what a sorted list holds; and what was frozen stays."""
    chance = random.Random(7)  # noqa: S311

    def some() -> Row:
        return tuple(chance.randrange(span) for _ in range(width))

    rows, model = SortedRows(), {some() for _ in range(3000)}
    rows.fill(model)
    frozen: list[tuple[list[Row], list[Columns]]] = []
    for step in range(4000):
        row = some()
        if row in model:
            model.remove(row)
            rows.remove(row)
        elif model and chance.random() < 0.4:
            gone = chance.choice(sorted(model)) if step % 50 == 0 else next(iter(model))
            model.remove(gone)
            rows.remove(gone)
        else:
            model.add(row)
            rows.add(row)
        if step % 500 == 0:
            ordered = sorted(model)
            assert ordered == list(rows.behind(()))
            start = some()
            for shorter in range(width + 1):
                wanted = [row for row in ordered if row[:shorter] >= start[:shorter]]
                assert wanted == list(rows.behind(start[:shorter]))
                alike = [row[-1] for row in ordered if row[:shorter] == start[:shorter]]
                assert alike == rows.last_numbers(start[:shorter])
            assert all([row[-1]] == rows.last_numbers(row) for row in ordered[::97])
            frozen.append((ordered, rows.freeze()))
        assert len(model) == len(rows)
    for ordered, pieces in frozen:
        kept = SortedRows()
        kept.take_over(pieces)
        assert ordered == list(kept.behind(()))


def test_a_row_that_is_not_there_cannot_be_removed() -> None:
    """Given rows, or none, when one is removed that is not there, then ValueError, and all stay."""
    rows = SortedRows()
    for row in [(1, 2), (9, 9)]:
        with pytest.raises(ValueError, match="not there"):
            rows.remove(row)
    rows.fill([(1, 1), (1, 3)])
    for row in [(1, 2), (9, 9), (0, 0)]:
        with pytest.raises(ValueError, match="not there"):
            rows.remove(row)

    assert [(1, 1), (1, 3)] == list(rows.behind(()))
