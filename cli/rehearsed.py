"""What a rehearsal did, one step a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .output import Cell, note, table, visible

if TYPE_CHECKING:
    from admit.rehearsing import Step

_SAID = {
    "commit": ("would write", None),
    "flow": ("would enter", "accent"),
    "message": ("would send", "accent"),
    "asked": ("asks", None),
    "told": ("would tell", "faint"),
    "erase": ("would call", None),
    "function": ("would call", None),
}


def steps_table(steps: Sequence[Step], *, width: int | None = None) -> str:
    """Return the steps in order: what, its name, whose it is, and what came of it."""
    return table(
        ["STEP", "WHAT", "PLUGIN", ""],
        [
            [
                Cell(_SAID[step.kind][0], _SAID[step.kind][1]),
                Cell(step.name, "strong"),
                Cell(step.plugin or "", "faint"),
                step.text,
            ]
            for step in steps
        ],
        optional=["PLUGIN"],
        width=width,
    )


def tell_dry_run(steps: Sequence[Step]) -> None:
    """Say beside the output that nothing was done, and which messages were held back."""
    for step in steps:
        if step.kind == "message":
            note(f"Would send: {visible(step.text)}")
    note("This was a dry run: nothing was changed, nothing sent.")
