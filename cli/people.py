"""A user, as commands take and show it."""

from __future__ import annotations

from typing import TypedDict

import admit
from admit.records import Address, Run, User

from .output import STATE_STYLES, Cell, instant, pairs, styled


class Named(TypedDict, total=False):
    """Who is meant: the two keyword arguments by which the engine takes a user."""

    user: str
    address: str


def named(who: str) -> Named:
    """Return who is meant by an argument: an address has an @, an id has not."""
    return Named(address=who) if "@" in who else Named(user=who)


def found(engine: admit.Engine, who: str) -> User:
    """Return the user who is meant. Raises UserNotFound, InvalidInput."""
    return engine.users.find(who) if "@" in who else engine.users.get(who)


def name_of(user: User) -> str:
    """Return what people call a user: the address it typed, another login, or its id."""
    if user.address is not None:
        return user.address.typed
    logins = (identity.login_key for identity in user.identities if identity.login_key)
    return next(logins, user.id)


def state_of(user: User) -> Cell:
    """Return a user's state, coloured; with the word *disabled* where that is so."""
    if user.disabled:
        return Cell(f"{user.state}, disabled", STATE_STYLES["disabled"])
    if user.delete_at is not None:
        return Cell(f"{user.state}, leaving", STATE_STYLES["disabled"])
    return Cell(user.state, STATE_STYLES[user.state])


def run_in_short(run: Run | None) -> str:
    """Return a run in three words: its flow, and how far it got."""
    if run is None:
        return "–"
    if run.result is not None:
        return f"{run.flow}: {run.result}"
    if run.due_at is not None:
        return f"{run.flow}: queued"
    return f"{run.flow}: {'handed over' if run.dispatched_at else 'under way'}"


def sheet(user: User) -> str:
    """Return all that is worth knowing of a user, one thing a line."""
    values: dict[str, object] = {"user": Cell(name_of(user), "strong"), "id": user.id}
    values["state"] = state_of(user)
    if user.addresses:
        values["address"] = ", ".join(
            f"{address.typed} ({_proof(address)})" for address in user.addresses
        )
    values["identities"] = ", ".join(identity.provider for identity in user.identities) or "–"
    values["created"] = instant(user.created_at)
    values["confirmed"] = instant(user.confirmed_at)
    values["first log-in"] = instant(user.first_log_in_at)
    values["last seen"] = instant(user.last_seen_at)
    if user.delete_at is not None:
        values["is deleted on"] = instant(user.delete_at)
    values["last run"] = run_in_short(user.last_run)
    return pairs(values)


def _proof(address: Address) -> str:
    return "not proved" if address.proved_at is None else f"proved {instant(address.proved_at)}"


def told(user: User) -> str:
    """Return a sentence: who it is, and in which state."""
    state = state_of(user)
    return f"{styled(name_of(user), 'strong')} is {styled(state.text, state.style)}."
