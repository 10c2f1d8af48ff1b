"""Why a user is where it is, what may be done, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from .._core import Core
from .._events import Acting
from ..errors import AdmitError
from ..lifecycle import Facts, may
from ..records import Run, User
from .delete import deadline_has_passed
from .proof import password_identity
from .rerun import cool_down_left, resends
from .runs import MOST_ATTEMPTS, active_flow, is_loaded, live_attempts
from .typed_codes import rests
from .usable import usable


@attrs.frozen(kw_only=True)
class Why:
    """The answer to "why is this user stuck?", for people."""

    user: User
    sentence: str
    delivery: str
    """What is known of the last run's message or call."""
    allowed: tuple[str, ...]
    blocked: dict[str, str]
    """What the state would allow, and the guard that blocks it."""
    suggestion: str


def why(core: Core, by: Acting, user: User) -> Why:
    """Explain *user* to whoever asks; see `Engine.why`."""
    flow_problem = _flow_problem(core)
    facts = Facts(
        flow_is_loaded=flow_problem is None,
        cool_down_is_over=not cool_down_left(core, by, user),
        deadline_has_passed=deadline_has_passed(core, user),
    )
    moves = may(user.state, facts)
    sentence, suggestion = _explain(core, user, flow_problem)
    if user.delete_at is not None:
        left = _minutes(max(0.0, (user.delete_at - core.now()).total_seconds()))
        sentence += f" It is being deleted: nobody gets in, and its grace ends in {left}."
        suggestion = "restore, or wait"
    if user.disabled:
        sentence += " It is disabled: no log-in, whatever its state."
        if user.state == "confirmed":
            suggestion = "enable"
    return Why(
        user=user,
        sentence=sentence,
        delivery=_delivery(core, user.last_run),
        allowed=moves.allowed,
        blocked=moves.blocked,
        suggestion=suggestion,
    )


def _flow_problem(core: Core) -> str | None:
    """Return why the active flow cannot be entered here, or None."""
    try:
        active_flow(core, "confirm")
    except AdmitError as problem:
        return f"{problem.sentence} {problem.next_step}"
    return None


def _explain(core: Core, user: User, flow_problem: str | None) -> tuple[str, str]:
    if user.state == "confirmed":
        return _explain_confirmed(core, user)
    if flow_problem is not None:
        return (
            f"Pending, and the active flow cannot be entered here: {flow_problem}",
            "configure the flow, or choose another one",
        )
    run = user.last_run
    if run is None:
        return "Pending, and no run was ever begun.", "rerun"
    sentence, suggestion = _explain_run(core, run)
    return " ".join([sentence, *_besides(core, user, run)]), suggestion


def _explain_confirmed(core: Core, user: User) -> tuple[str, str]:
    proved = user.address is not None and user.address.proved_at is not None
    how = "the address is proved" if proved else "the address was never proved"
    sentence = f"This user is confirmed; {how}."
    asked = next((run for run in reversed(user.runs) if run.purpose == "change-address"), None)
    if asked is not None and live_attempts(asked, core.now()):
        what = "A change of address" if asked.adds is None else "A further login"
        sentence = f"{sentence} {what} waits for the link or code sent to the new one."
    if not usable(core, user):
        has_login = password_identity(core, user) is not None
        suggestion = "reset, so that it has a password" if has_login else "link another one"
        return f"{sentence} None of its identities can log in here.", suggestion
    run = user.last_run
    if run is not None and run.purpose == "reset" and run.result == "failed" and run.error:
        return f"{sentence} The last reset failed: {_say(run.error)}", "mend the cause, then reset"
    return sentence, "nothing to do"


def _besides(core: Core, user: User, run: Run) -> Iterator[str]:
    """What is worth knowing besides the last run."""
    now = core.now()
    others = [other for other in user.runs if other.id != run.id and other.dispatched_at]
    if any(live_attempts(other, now) for other in others):
        yield "An older link is still good."
    if rests(core, user, "confirm"):
        yield "The typed code rests after too many wrong tries; the link still works."
    after = core.settings.expire_pending_after
    if after is not None:
        left = (user.created_at + after - now).total_seconds()
        yield f"It expires in {_minutes(left)}." if left > 0 else "It expires with the next sweep."


def _explain_run(core: Core, run: Run) -> tuple[str, str]:
    now = core.now()
    error = run.error
    if run.due_at is not None:
        waits = "Its message is queued" if error is None else f"The last try failed: {_say(error)}"
        when = "now" if run.due_at <= now else f"in {_minutes((run.due_at - now).total_seconds())}"
        sentence = f"Pending. {waits}; the next try is due {when}."
        if not is_loaded(core, run):
            return (
                f"{sentence} This process has not loaded the flow {run.flow!r}.",
                "run a worker that has it, or rerun",
            )
        return sentence, "wait, or run a worker"
    if run.result == "failed" and error is not None:
        return f"Pending: the flow {run.flow!r} failed. {_say(error)}", "mend the cause, then rerun"
    if run.result == "refused":
        said = "" if error is None else f" {_say(error)}"
        return f"Pending: the flow {run.flow!r} refused.{said}", "confirm manually, or delete"
    if run.result == "vetoed":
        return "Pending: a plugin vetoed the confirmation.", "see which in the timeline"
    if run.result is None and run.attempts and not run.attempts[-1].answered:
        if run.attempts[-1].leased_until <= now:
            return (
                f"Pending: attempt {len(run.attempts)} of {MOST_ATTEMPTS} never came back.",
                "recover",
            )
        return "Pending: the flow is being entered this moment.", "wait"
    if live_attempts(run, now):
        again = "resend" if resends(active_flow(core, "confirm")) else "rerun"
        return "Pending: waits for the link or the code of the last message.", f"wait, or {again}"
    return "Pending: the last message has expired unused.", "rerun"


def _delivery(core: Core, run: Run | None) -> str:
    if run is None:
        return "Nothing was sent."
    tries = f"{len(run.attempts)} attempt{'' if len(run.attempts) == 1 else 's'}"
    head = f"{run.flow} ({run.reason}), {tries}"
    if run.dispatched_at is not None:
        ago = _minutes((core.now() - run.dispatched_at).total_seconds())
        return f"{head}: handed over {ago} ago."
    if run.error is not None:
        refused = "refused. " if run.result == "refused" else ""
        return f"{head}: {refused}{run.error.sentence}"
    return f"{head}: not handed over yet."


def _say(error: object) -> str:
    return str(getattr(error, "sentence", error))


def _minutes(seconds: float) -> str:
    if seconds < 90:
        whole = max(0, round(seconds))
        return f"{whole} second{'' if whole == 1 else 's'}"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} minutes"
    if seconds < 36 * 3600:
        return f"{round(seconds / 3600)} hours"
    return f"{round(seconds / 86400)} days"
