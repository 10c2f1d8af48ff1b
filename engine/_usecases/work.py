"""The worker's part: queued runs, retries, leases that ran out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from .._codec import user_from
from .._commits import Decision, change_user
from .._core import SYSTEM, Core
from .._events import Happening
from .._evolve import evolve
from ..clock import to_text
from ..errors import AdmitError, StoreClosed, StoreUnreachable, UserNotFound
from ..records import AttemptError, Run, User
from ..stores import Cursor, KeyTaken, Record
from .change_address import holder_to_tell
from .chores import do_chore
from .delete import reject_loser
from .enter import Entered, ResetRequest, enter
from .password import conclude_reset
from .runs import (
    MOST_ATTEMPTS,
    Minted,
    address_is_gone,
    ended,
    flow_named,
    is_loaded,
    new_attempt,
    with_run,
)

_log: Final = logging.getLogger("admit.worker")
_BATCH: Final = 50
AT_ONCE: Final = 4
"""Users that one worker takes up side by side: mail servers allow few connections of one client."""

Wanted = Callable[[Run, datetime], bool]


def is_due(run: Run, now: datetime) -> bool:
    """Return whether a worker takes *run* up now: queued and due, or its lease ran out."""
    if run.result is not None:
        return False
    if run.due_at is not None:
        return run.due_at <= now
    return lease_ran_out(run, now)


def lease_ran_out(run: Run, now: datetime) -> bool:
    """Return whether *run* was being attempted by somebody who never came back."""
    if run.result is not None or not run.attempts or run.due_at is not None:
        return False
    attempt = run.attempts[-1]
    return not attempt.answered and attempt.leased_until <= now


def work_due(
    core: Core, *, most: int, wanted: Wanted = is_due, stopped: Callable[[], bool] = lambda: False
) -> int:
    """Take up what is due, about *most* things, until *stopped*. Returns how many were done.

    A few users at once, so that one slow mail server does not hold up everybody behind it.
    A run whose flow this process has not loaded is left to one that has it; a record that cannot
    be read, or whose work breaks, is logged and passed over: neither holds up those behind it.

    Raises:
        StoreClosed, StoreUnreachable: the store was closed meanwhile, or went away.
    """
    did = 0
    now = to_text(core.now())
    after: Cursor | None = None
    while did < most and not stopped():
        page = core.store.page("user", "due", after, min(_BATCH, most - did))
        due = [record for record in page.items if _due(record) <= now]
        did += _work_records(core, due, wanted, stopped)
        after = page.next
        if after is None or len(due) < len(page.items):
            break
    return did


def _work_records(
    core: Core, due: list[Record], wanted: Wanted, stopped: Callable[[], bool]
) -> int:
    works = [partial(_work_record, core, record, wanted, stopped) for record in due]
    if len(works) == 1:
        return works[0]()
    did = 0
    for count, error in core.plugins.calls.run_each(works, at_once=AT_ONCE):
        if error is not None:
            raise error
        did += count
    return did


def _due(record: Record) -> str:
    return next(order for name, order in record.labels if name == "due")


def _work_record(core: Core, record: Record, wanted: Wanted, stopped: Callable[[], bool]) -> int:
    if stopped():
        return 0
    try:
        return _work_user(core, user_from(record), wanted)
    except (StoreClosed, StoreUnreachable):
        raise
    except Exception as problem:  # one poisoned record must not stop the work of all others
        _log.error("user %s is left out: %s", record.id, type(problem).__name__)
        return 0


def _work_user(core: Core, user: User, wanted: Wanted) -> int:
    did = 0
    try:
        if user.chore_at is not None and user.chore_at <= core.now() and wanted is is_due:
            did += do_chore(core, user)
        for run in user.runs:
            if wanted(run, core.now()) and is_loaded(core, run):
                did += take_up(core, user.id, run.id, wanted)
    except (StoreClosed, StoreUnreachable):
        raise
    except AdmitError as problem:
        _log.warning("user %s: %s", user.id, problem.code)
    return did


def take_up(core: Core, user_id: str, run_id: str, wanted: Wanted = is_due) -> int:
    """Make a new attempt of one run: commit its lease, enter the flow, write the answer.

    Returns 1, or 0 when somebody else was faster.
    """

    def lease(user: User) -> Decision[tuple[Run, Minted] | None]:
        run = user.run(run_id)
        if run is None or not wanted(run, core.now()):
            return Decision(result=None)
        # A lease that ran out after somebody else confirmed: nothing is left to ask for.
        is_moot = run.purpose == "confirm" and user.state != "pending"
        if len(run.attempts) >= MOST_ATTEMPTS or (is_moot and run.attempts):
            return _give_up(core, user, run)
        if address_is_gone(user, run):
            return _cancel(core, user, run)
        flow = flow_named(core, run.flow, run.purpose)
        leased, minted = new_attempt(core, user, run, flow)
        codes = {"flow": run.flow, "attempt": str(len(leased.attempts))}
        return Decision(
            result=(leased, minted),
            new=with_run(user, leased),
            happenings=(Happening("attempt", run=run.id, codes=codes),),
        )

    try:
        user, begun = change_user(core, SYSTEM, user_id, lease)
    except UserNotFound:
        return 0
    if begun is None:
        return 0
    run, minted = begun
    request = core.waiting_resets.pop(run.id, None) or ResetRequest()
    try:
        holder = holder_to_tell(core, user, run)
        entered = enter(core, SYSTEM, user, run, minted, request, holder=holder)
    except KeyTaken as taken:
        reject_loser(core, user.id, taken, run=run.id)
        return 1
    _tell(core, user, run, entered, request)
    return 1


def _give_up(core: Core, user: User, run: Run) -> Decision[tuple[Run, Minted] | None]:
    lost = AttemptError(code="lost", sentence="No answer came back.")
    attempts = (*run.attempts[:-1], evolve(run.attempts[-1], error=lost))
    failed = ended(evolve(run, attempts=attempts), "failed", core.now())
    happening = Happening("failed", run=run.id, codes={"flow": run.flow, "error": lost.code})
    return Decision(result=None, new=with_run(user, failed), happenings=(happening,))


def _cancel(core: Core, user: User, run: Run) -> Decision[tuple[Run, Minted] | None]:
    """What was to be sent to an address that is the user's no more goes to no other one (T9)."""
    gone = ended(run, "cancelled", core.now())
    happening = Happening("cancelled", run=run.id, codes={"flow": run.flow, "reason": run.reason})
    return Decision(result=None, new=with_run(user, gone), happenings=(happening,))


def _tell(core: Core, before: User, run: Run, entered: Entered, request: ResetRequest) -> None:
    """Do for a queued run what the caller's path does at once; errors stand on the run."""
    if entered.written.effect == "rejected":
        core.plugins.notify("after_delete", user=before)
        return
    if entered.user is None:
        return
    if len(run.attempts) == 1 and run.reason == "register":
        core.plugins.notify("after_register", user=entered.user)
    elif len(run.attempts) == 1 and run.purpose == "confirm":
        core.plugins.notify("after_rerun", user=entered.user, run=run)
    if entered.written.effect == "confirmed":
        core.plugins.notify("after_confirm", user=entered.user)
    if run.purpose == "reset":
        try:
            conclude_reset(core, SYSTEM, entered, run, request)
        except AdmitError as problem:
            _log.info("reset run %s: %s", run.id, problem.code)
