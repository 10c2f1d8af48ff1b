"""What an error prints: a sentence, the next step, its code – and what it exits with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

from admit.errors import (
    AddressTaken,
    AdmitError,
    FlowFailed,
    NotAllowed,
    NotConfigured,
    UserNotFound,
)

from .output import note, plain, styled, visible

_BY_ITSELF: Final = frozenset({"absorb", "expire", "reject"})
"""Moves of the lifecycle that nobody asks for: they have no command."""


def commands_among(moves: Iterable[str]) -> list[str]:
    """Return those of the lifecycle's moves that a person can ask for."""
    return [move for move in moves if move not in _BY_ITSELF]


def complain(error: AdmitError, *, as_json: bool = False, about: str | None = None) -> None:
    """Print *error* to stderr; of several things that were asked for, *about* is the one."""
    if as_json:
        told = {"code": error.code, "sentence": error.sentence, "next_step": next_step(error)}
        note(json.dumps({"error": plain(told)} | ({} if about is None else {"about": about})))
        return
    place = "" if about is None else f"{visible(about)}: "
    note(f"{styled('error:', 'bad')} {place}{visible(error.sentence)}")
    note(f"       {visible(next_step(error))} {styled(f'[{error.code}]', 'faint')}")


def next_step(error: AdmitError) -> str:
    """Return what to do about *error*, in commands where the error itself speaks Python."""
    match error:
        case UserNotFound():
            return "Check it, or look through them: admit users list"
        case AddressTaken(holder_state="pending"):
            return "Its registration was never confirmed: admit users rerun ADDRESS"
        case FlowFailed():
            return f"The user is kept. Mend the cause, then: admit users rerun {error.user.id}"
        case NotAllowed():
            return f"From here: {', '.join(commands_among(error.allowed)) or 'nothing'}."
        case NotConfigured():
            missing = " and ".join(error.settings)
            return f"Set {missing} in admit.toml or the environment, or pass --dev."
        case _:
            return error.next_step
