"""What a flow answered, and what that does to a user found in whatever state it is by then.

The table of design.md §5; `tests/lifecycle/test_outcome_table.py` is the same table as a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from .._commits import Decision
from .._core import Core
from .._events import Happening
from .._evolve import evolve
from ..errors import PluginFailed, Vetoed
from ..flows import OUTCOME_STATUSES, Outcome
from ..lifecycle import move
from ..records import Attempt, AttemptError, Purpose, Run, User
from .confirming import become_confirmed
from .removal import removed
from .runs import MOST_ATTEMPTS, dispatched, ended, lifetime, with_run

RETRY_AFTER: Final = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
)
"""How long a run waits after its first, second, … temporary error (design.md §5)."""


class Answer(NamedTuple):
    """A flow's answer, or what went wrong instead of one."""

    status: Literal["success", "pending", "fail", "error"]
    proved: bool = False
    message: str = ""
    """What a `fail` says to the caller."""
    error: AttemptError | None = None
    """What is kept with the attempt: of an error, and of a `fail`."""


Effect = Literal["confirmed", "dispatched", "rejected", "refused", "vetoed", "queued", "failed"]


class Written(NamedTuple):
    """What an answer did. `effect` None: it came too late to count, and changed nothing."""

    effect: Effect | None
    veto: Vetoed | PluginFailed | None = None


def read_answer(value: object) -> Answer | None:
    """Return what a flow's return value says, or None if it is nonsense."""
    if isinstance(value, Outcome):
        return Answer(status=value.status, proved=value.proved, message=value.message)
    if isinstance(value, Mapping):
        status = value.get("status")
        proved = value.get("proved", False)
        message = value.get("message", "")
        if status in OUTCOME_STATUSES and isinstance(proved, bool) and isinstance(message, str):
            return Answer(status=status, proved=proved, message=message)
    return None


def decide_answer(
    core: Core, user: User, run_id: str, number: int, answer: Answer
) -> Decision[Written]:
    """Decide what *answer*, to attempt *number* of this run, does to *user* as found now.

    It counts while its attempt has no result and no later attempt exists, lease or not.
    """
    run = user.run(run_id)
    attempt = None if run is None or len(run.attempts) != number else run.attempts[-1]
    if run is None or attempt is None or attempt.answered:
        return Decision(result=Written(None))
    now = core.now()
    if answer.status == "error":
        return _error(user, run, attempt, answer, now)
    if run.purpose == "confirm":
        return _confirmation(core, user, run, attempt, answer, now)
    return _other(core, user, run, attempt, answer, now)


def _confirmation(
    core: Core, user: User, run: Run, attempt: Attempt, answer: Answer, now: datetime
) -> Decision[Written]:
    waits = user.state == "pending" and run.result != "cancelled"
    if answer.status == "success":
        run = _dispatched(run, attempt, now, attempt.expires_at)
        if not waits:
            return _write(user, run if run.result else ended(run, "success", now), "dispatched")
        try:
            core.plugins.veto("before_confirm", user=user, run=run)
        except (Vetoed, PluginFailed) as veto:
            return _write(user, ended(run, "vetoed", now), "vetoed", veto=veto)
        new, happening = become_confirmed(
            core, with_run(user, run), run=run, proved=answer.proved, cause="flow"
        )
        return Decision(result=Written("confirmed"), new=new, happenings=(happening,))
    if answer.status == "pending":
        return _dispatch(core, user, run, attempt, now, retires=waits)
    if waits and _is_newest(user, run) and run.reason == "register":
        move(user.state, "reject")
        return removed(core, user, "reject", Written("rejected"), run=run.id)
    return _refuse(user, run, attempt, answer, now)


def _other(
    core: Core, user: User, run: Run, attempt: Attempt, answer: Answer, now: datetime
) -> Decision[Written]:
    if answer.status == "fail":
        return _refuse(user, run, attempt, answer, now)
    if run.purpose == "notice":
        run = _dispatched(run, attempt, now, attempt.expires_at)
        return _write(user, ended(run, "success", now), "dispatched")
    return _dispatch(core, user, run, attempt, now, retires=True)


def _dispatch(
    core: Core, user: User, run: Run, attempt: Attempt, now: datetime, *, retires: bool
) -> Decision[Written]:
    run = _dispatched(run, attempt, now, now + lifetime(core, run.purpose))
    new = dispatched(user, run, now) if retires else with_run(user, run)
    codes = {"flow": run.flow, "reason": run.reason, "attempt": str(attempt.number)}
    return Decision(
        result=Written("dispatched"),
        new=new,
        happenings=(Happening("dispatched", run=run.id, codes=codes),),
    )


def _refuse(
    user: User, run: Run, attempt: Attempt, answer: Answer, now: datetime
) -> Decision[Written]:
    run = _with_error(run, attempt, answer)
    if run.result in (None, "failed"):
        run = ended(run, "refused", now)
    return _write(user, run, "refused", error=answer.error)


def _with_error(run: Run, attempt: Attempt, answer: Answer) -> Run:
    answered = evolve(attempt, error=answer.error)
    return evolve(run, attempts=(*run.attempts[:-1], answered), due_at=None)


def _error(
    user: User, run: Run, attempt: Attempt, answer: Answer, now: datetime
) -> Decision[Written]:
    assert answer.error is not None, "an error says what it is"
    run = _with_error(run, attempt, answer)
    matters = run.purpose != "confirm" or (user.state == "pending" and _is_newest(user, run))
    if answer.error.temporary and matters and run.result is None and attempt.number < MOST_ATTEMPTS:
        run = evolve(run, due_at=now + RETRY_AFTER[attempt.number - 1])
        return _write(user, run, "queued", error=answer.error)
    if run.result is None:
        run = ended(run, "failed", now)
    return _write(user, run, "failed", error=answer.error)


def _write(
    user: User,
    run: Run,
    effect: Effect,
    *,
    veto: Vetoed | PluginFailed | None = None,
    error: AttemptError | None = None,
) -> Decision[Written]:
    codes = {"flow": run.flow, "reason": run.reason}
    detail: dict[str, object] = {}
    if error is not None:
        codes |= {"error": error.code, "attempt": str(len(run.attempts))}
        detail["error"] = error.sentence
    if veto is not None:
        codes["plugin"] = veto.plugin
        detail["veto"] = veto.sentence
    return Decision(
        result=Written(effect, veto),
        new=with_run(user, run),
        happenings=(Happening(effect, run=run.id, codes=codes, detail=detail),),
    )


def _dispatched(run: Run, attempt: Attempt, now: datetime, expires_at: datetime) -> Run:
    sent = evolve(attempt, dispatched_at=now, expires_at=expires_at)
    return evolve(run, attempts=(*run.attempts[:-1], sent), due_at=None)


def _is_newest(user: User, run: Run) -> bool:
    return _newest(user, run.purpose) == run.id


def _newest(user: User, purpose: Purpose) -> str | None:
    return next((run.id for run in reversed(user.runs) if run.purpose == purpose), None)
