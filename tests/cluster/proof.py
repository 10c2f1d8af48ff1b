"""What the applications were told, held against what the store holds afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import admit
from admit.errors import UserNotFound
from admit.records import User, UserId
from admit.stores import Store
from admit.upkeep import Upkeep

_ACKNOWLEDGED = {"registered", "found-register"}
_AT_ONCE = 1000


class Step(NamedTuple):
    """One line of an application."""

    at: float
    """Seconds of the machine's monotonic clock."""
    who: str
    what: str
    address: str
    detail: str


def steps_of(who: str, lines: Iterable[bytes]) -> list[Step]:
    """Read what an application said."""
    read = (line.decode().split() for line in lines)
    return [Step(int(at) / 1e9, who, what, address, detail) for at, what, address, detail in read]


def contradictions(steps: Iterable[Step], engine: admit.Engine, store: Store) -> Iterator[str]:
    """Walk over everything in the store that is not as the applications were told; none is right.

    Nothing acknowledged is lost, nothing happened twice, every address has one owner, the events
    hang together, and the store's own tables agree with each other.
    """
    steps = sorted(steps)
    registered = {s.detail.partition("/")[0]: s.address for s in steps if s.what in _ACKNOWLEDGED}
    confirmed = {s.detail: s.address for s in steps if s.what == "confirmed"}
    tried = {s.address for s in steps if s.what == "try-register"}
    users = {user.id: user for user in _all_users(engine)}

    for user_id, address in {**registered, **confirmed}.items():
        user = users.get(UserId(user_id))
        if user is None:
            yield f"lost: {address} was registered as {user_id}"
        elif address not in {a.canonical for a in user.addresses}:
            yield f"changed: {user_id} was registered as {address}"
    for user_id in confirmed:
        user = users.get(UserId(user_id))
        if user is not None and user.state != "confirmed":
            yield f"lost: the confirmation of {user_id}, which is {user.state}"
    owners = Counter(address.canonical for user in users.values() for address in user.addresses)
    for address, count in owners.items():
        if count > 1:
            yield f"twice: {address} has {count} owners"
        if address not in tried:
            yield f"from nowhere: {address}"
    for step in steps:
        if step.what == "commit-absent" and store.get("event", step.detail) is not None:
            yield f"too late: event {step.detail} was looked up and not there, and is there now"
    for user in users.values():
        yield from _contradictions_of(user, engine)
    while engine.work_once():
        pass  # what was committed last is sealed now
    audit = engine.events.verify()
    yield from audit.problems
    if audit.unsealed:
        yield f"unsealed: {audit.unsealed} events"
    if isinstance(store, Upkeep):
        for fault in store.faults():
            yield f"{fault.code}: {fault.where} {fault.sentence}"


def _contradictions_of(user: User, engine: admit.Engine) -> Iterator[str]:
    triggers = Counter(event.trigger for event in engine.users.timeline(user))
    expected = 1 if user.state == "confirmed" else 0
    if triggers["register"] != 1 or triggers["confirm"] != expected:
        yield f"twice or never: {user.id}, {user.state}, has the events {dict(triggers)}"
    for address in user.addresses:
        try:
            owner = engine.users.find(address.canonical)
        except UserNotFound:
            yield f"lost: nobody is found by {address.canonical}"
            continue
        if owner.id != user.id:
            yield f"twice: {address.canonical} leads to {owner.id}, and {user.id} has it"


def _all_users(engine: admit.Engine) -> Iterator[User]:
    page = engine.users.page(limit=_AT_ONCE)
    while True:
        yield from page.items
        if page.next is None:
            return
        page = engine.users.page(after=page.next, limit=_AT_ONCE)
