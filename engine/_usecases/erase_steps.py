"""Erasing what a deleted user left: our own traces first, then the steps of plugins as a saga.

Each step is leased, called, and its answer written, one after the other, so that whoever takes up
the work – after a crash, in another process – knows from the store alone what is left to do. One
that fails is tried again, at growing distances, until the setting `erase_steps_within` has passed;
it holds up no other step, and none of our own erasing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final, NamedTuple, TypeVar

import attrs

from .._codec import user_from
from .._commits import TRIES, Decision, build, commit
from .._core import SYSTEM, Core
from .._events import Happening
from .._evolve import evolve
from .._plugins import DEFAULT_LIMIT_SECONDS, Offer
from ..errors import AdmitError, PluginError, StoreClosed, TryLater
from ..leaving import ErasureStep, Left
from ..records import User
from ..stores import Ref, Remove, VersionMoved
from .erasing import note_erasure
from .erasures import HOOK, KIND, Saga, private_of, saga_from, saga_put, user_of
from .runs import LEASE_MARGIN
from .traces import erase_kept_for_steps, erase_own

T = TypeVar("T")

_log: Final = logging.getLogger("admit.worker")
BACK_OFF: Final = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 30, 2 * 60, 6 * 60, 24 * 60)
)
"""How long a step that failed is left alone: after the first time, the second …; then the last."""


class _Leased(NamedTuple):
    """A step that is ours to try: with what it is called, and the number of the try."""

    offer: Offer
    left: Left


def erase_what_is_left(core: Core, user_id: str) -> int:
    """Do what is due of erasing a deleted user, or – of one who is there – what identities that she
    has no more left elsewhere. Returns 1, or 0 when there was nothing to do here: a step that this
    process has not loaded is left to one that has it."""
    user, saga = _read(core, user_id)
    did = 0
    if (user is None or user.state == "deleted") and (saga is None or not saga.own_is_erased):
        erase_own(core, user_id)
        note_erasure(core)
        saga, did = _change(core, user_id, _own_is_erased), 1
    for step in () if saga is None else saga.steps:
        leased = _change(core, user_id, partial(_lease, core, step.name))
        if leased is not None:
            error = _call(core, step.name, leased)
            _change(core, user_id, partial(_write, core, step.name, leased.left.attempt, error))
            did = 1
    user, saga = _read(core, user_id)
    if saga is not None and saga.due_at is None:
        if user is None or user.state == "deleted":
            erase_kept_for_steps(core, user_id)
        _change(core, user_id, _forget_her)
        note_erasure(core)  # before the end is written: a crash in between has it done again
        _change(core, user_id, _close)
        did = 1
    return did


def _own_is_erased(user: User, saga: Saga | None) -> Decision[Saga | None]:
    """Our own traces are gone. Without steps, so is everything."""
    if saga is None:
        return Decision(result=None, new=evolve(user, chore_at=None))
    saga = attrs.evolve(saga, own_is_erased=True)
    return Decision(result=saga, new=user, put=(saga_put(saga),))


def _lease(core: Core, name: str, user: User, saga: Saga | None) -> Decision[_Leased | None]:
    """Take a step that is due, so that nobody else calls it meanwhile."""
    now = core.now()
    step = None if saga is None else saga.step(name)
    if saga is None or step is None or step.ended or (step.due_at or saga.since) > now:
        return Decision(result=None)
    offer = core.plugins.offers(HOOK).get(name)
    if offer is None:
        if now < saga.since + core.settings.erase_steps_within:
            return Decision(result=None)
        lost = "not-loaded: No process that has this step came by."
        return _written(core, user, saga, _failed(core, saga, step, lost), None)
    limit = timedelta(seconds=_limit_seconds(offer))
    step = attrs.evolve(step, tries=step.tries + 1, due_at=now + limit + LEASE_MARGIN)
    saga = saga.with_step(step)
    left = Left(
        user=user_of(saga, private_of(offer.value)),
        custom_data=saga.custom_data,
        attempt=step.tries,
    )
    new = evolve(user, chore_at=saga.due_at)
    return Decision(result=_Leased(offer, left), new=new, put=(saga_put(saga),))


def _limit_seconds(offer: Offer) -> float:
    return float(getattr(offer.value, "limit_seconds", DEFAULT_LIMIT_SECONDS))


def _call(core: Core, name: str, leased: _Leased) -> str | None:
    """Call the step, outside everything. Returns what it failed with, or None."""
    step, left = leased.offer.value, leased.left
    if hasattr(step, "erase"):
        call: Callable[[], object] = partial(step.erase, left, core.services)
    else:
        call = partial(step, left.user)
    try:
        core.plugins.call(leased.offer, f"erase step {name}", call, _limit_seconds(leased.offer))
    except StoreClosed:
        raise
    except AdmitError as problem:
        _log.warning("erase step %s of user %s: %s", name, left.user.id, problem.code)
        # A plugin's own words may hold the person; those that we say of a plugin do not.
        said = f": {problem.sentence}" if isinstance(problem, PluginError) else ""
        return f"{problem.code}{said}"
    return None


def _write(
    core: Core, name: str, attempt: int, error: str | None, user: User, saga: Saga | None
) -> Decision[None]:
    """Write what a try came to, unless it took so long that another one has begun."""
    step = None if saga is None else saga.step(name)
    if saga is None or step is None or step.ended or step.tries != attempt:
        return Decision(result=None)
    if error is not None:
        return _written(core, user, saga, _failed(core, saga, step, error), None)
    done = attrs.evolve(step, ended="done", ended_at=core.now(), due_at=None, error=None)
    return _written(core, user, saga, done, None)


def _failed(core: Core, saga: Saga, step: ErasureStep, error: str) -> ErasureStep:
    now, deadline = core.now(), saga.since + core.settings.erase_steps_within
    if now >= deadline:
        _log.error("erase step %s of user %s is given up: %s", step.name, saga.id, error)
        return attrs.evolve(step, ended="gave-up", ended_at=now, due_at=None, error=error)
    pause = BACK_OFF[min(max(step.tries, 1), len(BACK_OFF)) - 1]
    return attrs.evolve(step, due_at=min(now + pause, deadline), error=error)


def _written(core: Core, user: User, saga: Saga, step: ErasureStep, result: T) -> Decision[T]:
    codes = {"step": step.name, "attempt": str(step.tries), "result": step.ended or "failed"}
    if step.error is not None:
        codes["error"] = step.error.partition(":")[0]
    saga = saga.with_step(step)
    new = evolve(user, chore_at=saga.due_at or core.now())
    happening = Happening("erase-step", codes=codes)
    return Decision(result=result, new=new, put=(saga_put(saga),), happenings=(happening,))


def _forget_her(user: User, saga: Saga | None) -> Decision[None]:
    """All steps have ended: what they needed of her goes."""
    if saga is None or saga.user is None or _was_deleted_since(user, saga):
        return Decision(result=None)
    bare = attrs.evolve(saga, user=None, custom_data={})
    return Decision(result=None, new=user, put=(saga_put(bare),))


def _close(user: User, saga: Saga | None) -> Decision[None]:
    """Nothing is left to do. Of an erasure in which a step was given up, a note stays."""
    if _was_deleted_since(user, saga):
        return Decision(result=None)
    new = evolve(user, chore_at=None)
    if saga is None or any(step.ended == "gave-up" for step in saga.steps):
        return Decision(result=None, new=new)
    return Decision(result=None, new=new, remove=(Remove(KIND, saga.id, saga.version),))


def _was_deleted_since(user: User, saga: Saga | None) -> bool:
    """Whether it was about an unlinked identity, and now everything of hers has to go."""
    return user.state == "deleted" and saga is not None and not saga.own_is_erased


def _read(core: Core, user_id: str) -> tuple[User | None, Saga | None]:
    user, record = core.store.get_many([Ref("user", user_id), Ref(KIND, user_id)])
    return (
        None if user is None else user_from(user),
        None if record is None else saga_from(core, record),
    )


def _change(core: Core, user_id: str, decide: Callable[[User, Saga | None], Decision[T]]) -> T:
    """Read tombstone and erasure, decide, commit both; when one has moved, do so again.

    Raises:
        TryLater: others were faster five times, or the tombstone is gone.
    """
    for _ in range(TRIES):
        user, saga = _read(core, user_id)
        if user is None:
            break
        decision = decide(user, saga)
        if decision.new is None:
            return decision.result
        _, change = build(core, SYSTEM, user, decision)
        try:
            commit(core, change)
        except VersionMoved:
            continue
        return decision.result
    raise TryLater("others are erasing this user")
