"""The record of an erasure: what erase steps need of a deleted user, and how far each of them is.

Beside the tombstone, under its id – or beside a user who is there still, of identities that she
has no more; who is deleted with such a one takes it along. When all steps have ended it goes; if
one was given up, its names and errors stay, without the person, until the tombstone goes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from .._codec import user_body, user_from
from .._core import Core
from .._evolve import evolve
from .._plugins import Offer
from ..clock import from_text, to_text
from ..leaving import ErasureStep
from ..records import User
from ..stores import Body, Label, Put, Record
from .custom_data import stored

KIND: Final = "erasure"
LABEL: Final = "erasure"
HOOK: Final = "register_erase_steps"


@attrs.frozen(kw_only=True)
class Saga:
    """One erasure as it is stored."""

    id: str
    version: int | None
    since: datetime
    user: Body | None
    """The user as she was; None once it is erased."""
    custom_data: Body
    own_is_erased: bool
    steps: tuple[ErasureStep, ...]

    def step(self, name: str) -> ErasureStep | None:
        """Return the step of this name, or None."""
        return next((step for step in self.steps if step.name == name), None)

    def with_step(self, step: ErasureStep) -> Saga:
        """Return it with *step* in the place of the one of its name."""
        steps = tuple(step if other.name == step.name else other for other in self.steps)
        return attrs.evolve(self, steps=steps)

    @property
    def due_at(self) -> datetime | None:
        """When a step is to be tried, or a try under way counts as lost; None: all have ended."""
        return min((s.due_at or self.since for s in self.steps if s.ended is None), default=None)


def begun(core: Core, user: User) -> tuple[Put, ...]:
    """Return what has the erase steps called for *user*, who is being deleted; nothing when no
    plugin has any that concerns her."""
    offers = _concerning(core, user)
    if not offers:
        return gone_on(core, user)
    return (saga_put(_joined(core, _new(core, user, offers, stored(core, user.id) or {}))),)


def gone_on(core: Core, user: User) -> tuple[Put, ...]:
    """Return what lets the erasure of identities that *user* had no more go on, as she herself is
    being deleted, or absorbed."""
    waits = _waiting(core, user.id)
    return () if waits is None else (saga_put(attrs.evolve(waits, own_is_erased=False)),)


def begun_of_unlinked(core: Core, before: User, user: User) -> tuple[User, tuple[Put, ...]]:
    """Return *user*, and what has the steps that ask for it called for the identities which she
    had *before* and has no more; nothing where none of them left anything elsewhere."""
    loaded = core.plugins.offers(HOOK)
    kept = {(i.provider, i.login_key) for i in user.identities}
    gone = tuple(i for i in before.identities if (i.provider, i.login_key) not in kept)
    lost = evolve(before, identities=gone, addresses=())
    offers = {
        name: offer
        for name, offer in loaded.items()
        if getattr(offer.value, "also_of_unlinked", False) and _has_private(offer.value, lost)
    }
    if not offers:
        return user, ()
    needed = {name for offer in offers.values() for name in private_of(offer.value)}
    lost = evolve(lost, identities=tuple(i for i in gone if i.provider in needed))
    saga = attrs.evolve(_new(core, lost, offers, {}), own_is_erased=True)
    core.work_waits.set()
    return evolve(user, chore_at=core.now()), (saga_put(_joined(core, saga)),)


def _new(core: Core, user: User, offers: Mapping[str, Offer], custom_data: Body) -> Saga:
    now = core.now()
    needed = {name for offer in offers.values() for name in private_of(offer.value)}
    return Saga(
        id=user.id,
        version=None,
        since=now,
        user=user_body(with_private_of(user, needed)),
        custom_data=custom_data,
        own_is_erased=False,
        steps=tuple(ErasureStep(name=name, due_at=now) for name in offers),
    )


def _waiting(core: Core, user_id: str) -> Saga | None:
    record = core.store.get(KIND, user_id)
    return None if record is None else saga_from(core, record)


def _joined(core: Core, saga: Saga) -> Saga:
    """Return *saga* with what an earlier one of this user left to do. A try of that which is under
    way was not told of what came now: its answer counts no more."""
    waits = _waiting(core, saga.id)
    if waits is None:
        return saga
    tried = {step.name: step.tries + 1 for step in waits.steps if step.tries and not step.ended}
    steps = [attrs.evolve(step, tries=tried.get(step.name, 0)) for step in saga.steps]
    names = {step.name for step in steps}
    body = dict(saga.user or {})
    body["identities"] = [*body["identities"], *(waits.user or {}).get("identities", ())]
    return attrs.evolve(
        saga,
        version=waits.version,
        user=body,
        steps=(*steps, *(step for step in waits.steps if step.name not in names)),
    )


def _concerning(core: Core, user: User) -> Mapping[str, Offer]:
    """Return the erase steps that have anything to do for *user*."""
    loaded = core.plugins.offers(HOOK)
    return {name: offer for name, offer in loaded.items() if _concerns(offer.value, user)}


def _concerns(step: object, user: User) -> bool:
    return not getattr(step, "needs_private", False) or _has_private(step, user)


def _has_private(step: object, user: User) -> bool:
    named = private_of(step)
    return any(identity.private for identity in user.identities if identity.provider in named)


def private_of(step: object) -> Collection[str]:
    """Return the providers of whose identities a step needs what is private."""
    named: Collection[str] = getattr(step, "private_of", ())
    return named


def with_private_of(user: User, providers: Collection[str]) -> User:
    """Return *user* without runs, and with private data only in identities of *providers*."""
    identities = tuple(
        i if i.provider in providers else evolve(i, private={}) for i in user.identities
    )
    return evolve(user, runs=(), code_tries=None, identities=identities)


def saga_put(saga: Saga) -> Put:
    """Return the write of *saga*."""
    body: dict[str, Any] = {
        "since": to_text(saga.since),
        "steps": {step.name: _step_body(step) for step in saga.steps},
    }
    if saga.user is not None:
        body["user"] = saga.user
    if saga.custom_data:
        body["custom_data"] = saga.custom_data
    if saga.own_is_erased:
        body["own_is_erased"] = True
    return Put(KIND, saga.id, body, saga.version, (), (Label(LABEL, to_text(saga.since)),))


def saga_from(core: Core, record: Record) -> Saga:
    """Return the erasure that a record holds."""
    body = record.body
    if "steps" not in body:  # an earlier form: the user alone, for all steps there are
        now = core.now()
        offers = _concerning(core, user_from(record))
        steps = [ErasureStep(name=name, due_at=now) for name in offers]
        body = {
            "since": to_text(now),
            "user": body,
            "steps": {s.name: _step_body(s) for s in steps},
        }
    return Saga(
        id=record.id,
        version=record.version,
        since=from_text(body["since"]),
        user=body.get("user"),
        custom_data=body.get("custom_data", {}),
        own_is_erased=body.get("own_is_erased", False),
        steps=tuple(_step_from(name, step) for name, step in body["steps"].items()),
    )


def user_of(saga: Saga, providers: Collection[str]) -> User:
    """Return the user as she was, with private data only in identities of *providers*."""
    assert saga.user is not None, "it is kept until all steps have ended"
    user = user_from(Record("user", saga.id, int(saga.user.get("version", 0)), saga.user))
    return with_private_of(user, providers)


def _step_body(step: ErasureStep) -> Mapping[str, Any]:
    body: dict[str, Any] = {"tries": step.tries}
    if step.ended is not None:
        body["ended"] = step.ended
    if step.ended_at is not None:
        body["ended_at"] = to_text(step.ended_at)
    if step.due_at is not None:
        body["due_at"] = to_text(step.due_at)
    if step.error is not None:
        body["error"] = step.error
    return body


def _step_from(name: str, body: Mapping[str, Any]) -> ErasureStep:
    ended_at, due_at = body.get("ended_at"), body.get("due_at")
    return ErasureStep(
        name=name,
        tries=body["tries"],
        ended=body.get("ended"),
        ended_at=None if ended_at is None else from_text(ended_at),
        due_at=None if due_at is None else from_text(due_at),
        error=body.get("error"),
    )
