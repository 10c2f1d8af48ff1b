"""Runs and their attempts: how they begin, which of their tokens are live, how they are retired."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, TypeVar

from .. import _tokens
from .._commits import RUNS_KEPT
from .._core import Core
from .._events import Acting
from .._evolve import evolve
from .._plugins import DEFAULT_LIMIT_SECONDS, Offer
from ..masked import Secret
from ..records import Address, Attempt, Identity, Purpose, Run, RunId, RunResult, User
from .prepared import Finish, Waiting
from .registering import is_login

T = TypeVar("T")

MOST_ATTEMPTS: Final = 5
"""Attempts of one run, those that a crash cut off included (design.md §5)."""
LEASE_MARGIN: Final = timedelta(seconds=30)
"""A lease is longer than the flow's time limit, so that only a crash lets it run out."""

_HOOK_OF: Final = {
    "confirm": "register_confirmation_flows",
    "reset": "register_reset_flows",
    "change-address": "register_reset_flows",
    "notice": "register_reset_flows",
}


class Minted(NamedTuple):
    """The secrets of one attempt, on their way to the flow; nothing keeps them."""

    token: Secret
    code: Secret


def flow_named(core: Core, name: str, purpose: Purpose) -> Offer:
    """Return the flow called *name*. Raises UnknownName, listing the loaded ones."""
    return core.plugins.offer(_HOOK_OF[purpose], name)


def is_loaded(core: Core, run: Run) -> bool:
    """Return whether this process has the flow of *run*; a notice and a reset share theirs."""
    return run.flow in core.plugins.offers(_HOOK_OF[run.purpose])


def active_flow(core: Core, purpose: Purpose) -> Offer:
    """Return the flow that is active now for *purpose*, if it could do its work.

    Raises:
        UnknownName: this process has not loaded it.
        NotConfigured: it lacks settings, which are named.
    """
    settings = core.settings
    name = {
        "confirm": settings.confirmation_flow,
        "reset": settings.reset_flow,
        "change-address": settings.reset_flow,
        "notice": settings.notice_flow,
    }[purpose]
    flow = flow_named(core, name, purpose)
    check = getattr(flow.value, "check", None)
    if check is not None:
        core.plugins.call_here(flow, "check", lambda: check(core.services))
    return flow


def finishing(core: Core, run: Run, finish: Finish[T]) -> Finish[T]:
    """Return *finish*, which enters the flow of *run*, marked as one that waits if the flow does
    I/O."""
    if flow_named(core, run.flow, run.purpose).inline:
        return finish
    return Waiting(finish)


def limit_seconds(core: Core, flow: Offer) -> float:
    """Return how long an entry into *flow* may take, in seconds."""
    limit = getattr(flow.value, "limit_seconds", DEFAULT_LIMIT_SECONDS)
    if isinstance(limit, float):
        return limit

    def read() -> float:
        found: Any = limit(core.services) if callable(limit) else limit
        return float(found)

    return float(core.plugins.call_here(flow, "limit_seconds", read))


def lifetime(core: Core, purpose: Purpose) -> timedelta:
    """Return how long a token for *purpose* lives."""
    settings = core.settings
    return settings.reset_token_lifetime if purpose == "reset" else settings.token_lifetime


def new_run(
    core: Core,
    by: Acting,
    user: User,
    *,
    purpose: Purpose,
    flow: Offer,
    reason: str,
    queued: bool = False,
    due_at: datetime | None = None,
    about: Address | None = None,
    adds: Identity | None = None,
) -> tuple[User, Run, Minted | None]:
    """Return *user* with a new run about her address, or about one that is not hers: leased to its
    first attempt, or *queued* for a worker, who takes it up *due_at*, or at once. *adds*: what its
    token, pressed, adds to her."""
    now = core.now()
    address = login_address(core, user) if about is None else about
    run = Run(
        id=RunId(core.ids.mint(now)),
        purpose=purpose,
        flow=flow.name,
        address=None if address is None else address.canonical,
        reason=reason,
        typed=None if address is None else address.typed,
        adds=adds,
        locale=by.locale,
        proves=bool(getattr(flow.value, "proves_address", False)),
        created_at=now,
        due_at=(due_at or now) if queued else None,
    )
    minted = None
    if not queued:
        run, minted = new_attempt(core, user, run, flow)
    runs = (*(_overtaken(other, run, now) for other in trimmed(user, now)), run)
    if by.actor.kind == "admin":  # opens the code way again (T2)
        return evolve(user, runs=runs, code_tries=None), run, minted
    return evolve(user, runs=runs), run, minted


def login_address(core: Core, user: User) -> Address | None:
    """Return the address that a message about the log-in of *user* goes to: the first one that is
    a login, else the first; in either case one that was proved before one that was not."""
    logins = [
        a for a in user.addresses if any(is_login(core, i, a.canonical) for i in user.identities)
    ]
    found = logins or user.addresses
    return next((a for a in found if a.proved_at is not None), found[0] if found else None)


def _overtaken(older: Run, run: Run, now: datetime) -> Run:
    """A run that waits in the queue for its first attempt is overtaken by a newer one of its
    purpose: one message goes out after an outage, not one for each time somebody asked. It has no
    token yet, so nobody is stranded (security.md T8)."""
    queued = older.purpose == run.purpose and older.result is None and not older.attempts
    return ended(older, "superseded", now) if queued and older.purpose != "notice" else older


def new_attempt(core: Core, user: User, run: Run, flow: Offer) -> tuple[Run, Minted]:
    """Return *run* with one more attempt, leased, and the secrets minted for it."""
    now = core.now()
    minted = Minted(_tokens.mint_token(user.id), _tokens.mint_code())
    key = core.keys.sub_key("codes")
    attempt = Attempt(
        number=len(run.attempts) + 1,
        started_at=now,
        leased_until=now + timedelta(seconds=limit_seconds(core, flow)) + LEASE_MARGIN,
        expires_at=now + lifetime(core, run.purpose),
        token_digest=_tokens.token_digest(minted.token.reveal()),
        code_digest=_tokens.code_digest(key, run.id, _tokens.letters_of(minted.code)),
    )
    if run.purpose == "notice":
        attempt = evolve(attempt, token_digest=None, code_digest=None)
    return evolve(run, attempts=(*run.attempts, attempt), due_at=None), minted


def live_attempts(run: Run, now: datetime) -> tuple[Attempt, ...]:
    """Return the attempts whose tokens are good: unexpired, of a run that was not retired.

    Also of a run that failed: the mail may have arrived though the server's answer was lost.
    """
    if run.result not in (None, "failed"):
        return ()
    return tuple(attempt for attempt in run.attempts if attempt.expires_at > now)


def ended(run: Run, result: RunResult, now: datetime) -> Run:
    """Return *run* with its result. What it would have added is kept only while its token is good:
    of a run that failed it still is."""
    adds = run.adds if result == "failed" else None
    return evolve(run, result=result, ended_at=now, due_at=None, adds=adds)


def with_run(user: User, run: Run) -> User:
    """Return *user* with *run* in the place of the one with the same id."""
    return evolve(user, runs=tuple(run if r.id == run.id else r for r in user.runs))


def dispatched(user: User, run: Run, now: datetime) -> User:
    """Return *user* with *run* in its place, and older runs of the same purpose superseded.

    Only a dispatched run does this, so that a message that was not sent strands nobody
    (security.md T8).
    """
    runs = []
    older = True
    for other in user.runs:
        if other.id == run.id:
            older = False
            other = run
        elif older and other.purpose == run.purpose and other.result in (None, "failed"):
            other = ended(other, "superseded", now)
        runs.append(other)
    return evolve(user, runs=tuple(runs))


def cancelled(user: User, purposes: tuple[Purpose, ...], now: datetime) -> User:
    """Return *user* with the open and failed runs of *purposes* cancelled: their tokens die."""
    return evolve(
        user,
        runs=tuple(
            ended(run, "cancelled", now)
            if run.purpose in purposes and run.result in (None, "failed")
            else run
            for run in user.runs
        ),
    )


def trimmed(user: User, now: datetime) -> tuple[Run, ...]:
    """Return the runs to keep besides a new one: the newest, every one still valid, and every one
    that waits in the queue: whoever does much in another's account must not thereby silence what
    tells her (security.md T8). Not more wait than there are purposes, and things to be told of.

    Once nobody waits for them, what is left of a finished run loses its digests.
    """
    recent = len(user.runs) - (RUNS_KEPT - 1)
    kept = []
    for place, run in enumerate(user.runs):
        is_alive = run.due_at is not None or bool(live_attempts(run, now))
        if place < recent and not is_alive:
            continue
        if run.adds is not None and not is_alive:
            run = evolve(run, adds=None)
        if user.state == "confirmed" and run.result is not None:
            run = _without_dead_digests(run, now)
        kept.append(run)
    return tuple(kept)


def _without_dead_digests(run: Run, now: datetime) -> Run:
    return evolve(
        run,
        attempts=tuple(
            attempt
            if attempt.expires_at > now
            else evolve(attempt, token_digest=None, code_digest=None)
            for attempt in run.attempts
        ),
    )


def address_is_gone(user: User, run: Run) -> bool:
    """Return whether the address that *run* is about is no longer the user's (security.md T4). One
    that is about another's, a change, is cancelled by whatever speaks against it; a notice is for
    whoever has the address, also when it went."""
    if run.address is None or run.purpose in ("change-address", "notice"):
        return False
    return all(address.canonical != run.address for address in user.addresses)
