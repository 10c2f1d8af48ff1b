"""What it means to become confirmed, whoever or whatever brought it about."""

from __future__ import annotations

from datetime import datetime

import attrs

from .._codec import user_from
from .._commits import find_by_key
from .._core import Core
from .._events import Happening
from ..errors import AddressTaken
from ..lifecycle import move
from ..records import Run, User
from ..stores import Cursor, KeyTaken
from .runs import ended, with_run


def become_confirmed(
    core: Core, user: User, *, run: Run | None, proved: bool, cause: str
) -> tuple[User, Happening]:
    """Return *user* confirmed, and what is to be recorded. Raises NotAllowed.

    *cause* is `token`, `code`, `flow`, `reset` or `admin`. *proved* marks the address as proved by
    *run*: then sessions of before are dead (security.md H2). Confirming never enables.
    """
    now = core.now()
    step = move(user.state, "confirm")
    codes = {"cause": cause}
    new = attrs.evolve(user, state=step.state, confirmed_at=now, holds_keys=True, code_tries=None)
    if run is not None:
        codes["flow"] = run.flow
        new = with_run(new, ended(run, "success", now))
        if proved:
            codes["proved"] = "yes"
            new = attrs.evolve(prove_address(new, run, now), epoch=new.epoch + 1)
    new = _unqueue_confirmations(new, now)
    if not user.holds_keys and any(_rivals(core, new)):
        new = attrs.evolve(new, chore_at=now)
        core.work_waits.set()
    run_id = None if run is None else run.id
    return new, Happening("confirm", user.state, step.state, run_id, codes)


def prove_address(user: User, run: Run, now: datetime) -> User:
    """Return *user* with the address that *run* was about marked as proved by it."""
    return attrs.evolve(
        user,
        addresses=tuple(
            attrs.evolve(address, proved_at=now, proved_by=run.id)
            if address.canonical == run.address
            else address
            for address in user.addresses
        ),
    )


def is_first_proof(user: User, run: Run) -> bool:
    """Return whether the address that *run* is about was never proved before."""
    return any(a.canonical == run.address and a.proved_at is None for a in user.addresses)


def _unqueue_confirmations(user: User, now: datetime) -> User:
    """Nothing is left to confirm, so what waits in the queue for it is not sent any more."""
    runs = tuple(
        attrs.evolve(run, result="superseded", ended_at=now, due_at=None)
        if run.purpose == "confirm" and run.result is None and run.due_at is not None
        else run
        for run in user.runs
    )
    return attrs.evolve(user, runs=runs)


def _rivals(core: Core, user: User) -> list[User]:
    found: list[User] = []
    for address in user.addresses:
        found += [other for other in holders(core, address.canonical) if other.id != user.id]
    return [other for other in found if other.state == "pending"]


def holders(core: Core, canonical: str, *, most: int = 10) -> list[User]:
    """Return the users that carry this address, newest last; under `reserve` at most one of a
    provider, under `first-proof` also those who wait for it."""
    page = core.store.page("user", "address", Cursor(canonical, ""), most)
    return [
        user_from(record)
        for record in page.items
        if any(label == ("address", canonical) for label in record.labels)
    ]


def address_taken(core: Core, taken: KeyTaken) -> AddressTaken:
    """Return the error for a login key that somebody holds, saying in which state."""
    holder = find_by_key(core, taken.key)
    return AddressTaken(None if holder is None else holder.state)
