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
from ..records import Address, Run, User
from ..stores import Cursor, KeyTaken
from .runs import ended


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
    addresses, epoch, run_id = user.addresses, user.epoch, None
    if run is not None:
        run_id = run.id
        codes["flow"] = run.flow
        if proved:
            codes["proved"] = "yes"
            addresses, epoch = _proved(user, run, now), user.epoch + 1
    has_rivals = not user.holds_keys and any(rivals(core, user))
    if has_rivals:
        core.work_waits.set()
    new = attrs.evolve(
        user,
        state=step.state,
        confirmed_at=now,
        holds_keys=True,
        code_tries=None,
        addresses=addresses,
        epoch=epoch,
        runs=tuple([_after_confirmation(other, run_id, now) for other in user.runs]),
        chore_at=now if has_rivals else user.chore_at,
    )
    return new, Happening("confirm", user.state, step.state, run_id, codes)


def _after_confirmation(run: Run, done: str | None, now: datetime) -> Run:
    """The run that did it has succeeded; what waits in the queue is not sent any more."""
    if run.id == done:
        return ended(run, "success", now)
    if run.purpose == "confirm" and run.result is None and run.due_at is not None:
        return ended(run, "superseded", now)
    return run


def prove_address(user: User, run: Run, now: datetime) -> User:
    """Return *user* with the address that *run* was about marked as proved by it."""
    return attrs.evolve(user, addresses=_proved(user, run, now))


def _proved(user: User, run: Run, now: datetime) -> tuple[Address, ...]:
    return tuple(
        attrs.evolve(address, proved_at=now, proved_by=run.id)
        if address.canonical == run.address
        else address
        for address in user.addresses
    )


def is_first_proof(user: User, run: Run) -> bool:
    """Return whether the address that *run* is about was never proved before."""
    return any(a.canonical == run.address and a.proved_at is None for a in user.addresses)


def rivals(core: Core, user: User) -> list[User]:
    """Return the others who wait for an address of *user* and for a login key of hers; who only
    shares a mailbox, and logs in otherwise, is none."""
    keys = {identity.key for identity in user.identities if identity.key is not None}
    return [
        other
        for address in user.addresses
        for other in holders(core, address.canonical)
        if other.id != user.id
        and other.state == "pending"
        and any(identity.key in keys for identity in other.identities)
    ]


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
