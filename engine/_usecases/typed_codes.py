"""Typed codes: whose they are, and how often somebody may guess (security.md T2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from .. import _tokens
from .._commits import Decision, change_user, find_by_key
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from ..errors import CodeResting, CodeWrong, UserNotFound
from ..records import CodeTries, Purpose, Run, User
from .confirming import carriers, holders, waiting
from .runs import address_is_gone, with_run

TRIES_A_RUN: Final = 5
TRIES_A_DAY: Final = 15
"""Wrong codes of a run, and of a user on one UTC day, before the code way rests (T2)."""


def user_of_code(core: Core, by: Acting, canonical: str, typed: str, purpose: Purpose) -> User:
    """Return the user with this address whom the code belongs to.

    It is compared with those of each who waits for the address, and of each who carries it and has
    a code on its way: a mailbox may be shared.

    Raises:
        UserNotFound: nobody has this address.
        CodeWrong: it fits none; the try was counted.
        CodeResting: too many were wrong; links still work.
    """
    users = _who_may_have_it(core, canonical, purpose)
    if not users:
        raise UserNotFound("address")
    awake = [user for user in users if not rests(core, user, purpose)]
    for user in awake:
        if run_of_code(core, user, typed, purpose) is not None:
            return user
    # Also at rest, so that resting costs and leaves behind what a wrong code does (E1, A6).
    for user in awake or users:
        change_user(core, by, user.id, lambda found: count_try(core, found, purpose))
    raise CodeWrong if awake else CodeResting


def _who_may_have_it(core: Core, canonical: str, purpose: Purpose) -> list[User]:
    """Who registered with this address as a login, or waits to – five may –, and who else carries
    it and has a code; if there is nobody, the newest who carries it."""
    key = f"{core.settings.password_provider}:{canonical}"
    owner = find_by_key(core, key)
    found = [*([] if owner is None else [owner]), *waiting(core, key)]
    found += [u for u in carriers(core, canonical) if any(_live_codes(core, u, purpose))]
    return list({user.id: user for user in found or holders(core, canonical)[-1:]}.values())


def run_of_code(core: Core, user: User, typed: str, purpose: Purpose) -> Run | None:
    """Return the newest run of *user* that this code opens. Each is compared in constant time."""
    for run, live in _live_codes(core, user, purpose):
        digests = [_tokens.code_digest(k, run.id, typed) for k in core.keys.sub_keys("codes")]
        if any(_tokens.same(one, digest) for one in live for digest in digests):
            return run
    return None


def _live_codes(core: Core, user: User, purpose: Purpose) -> Iterator[tuple[Run, list[str]]]:
    """Yield the runs of *user* that a code may open, newest first, each with the digests of its
    codes."""
    now = core.now()
    for run in reversed(user.runs):
        if run.purpose != purpose or run.result not in (None, "failed", "success"):
            continue
        if address_is_gone(user, run):
            continue
        live = [a.code_digest for a in run.attempts if a.code_digest and a.expires_at > now]
        if live:
            yield run, live


def rests(core: Core, user: User, purpose: Purpose) -> bool:
    """Return whether no typed code of *user* is looked at for now; links work as ever."""
    tries = user.code_tries
    if tries is not None and tries.day == _day(core.now()) and tries.count >= TRIES_A_DAY:
        return True
    run = _newest(user, purpose)
    return run is not None and run.wrong_codes >= TRIES_A_RUN


def count_try(core: Core, user: User, purpose: Purpose) -> Decision[None]:
    """Decide that a code which did not open is counted, for *user*, her newest run, and today."""
    day = _day(core.now())
    tries = user.code_tries
    count = 1 if tries is None or tries.day != day else tries.count + 1
    new = evolve(user, code_tries=CodeTries(day=day, count=count))
    run = _newest(user, purpose)
    if run is not None:
        new = with_run(new, evolve(run, wrong_codes=run.wrong_codes + 1))
    codes = {"tries": str(count)}
    happening = Happening("code-wrong", run=None if run is None else run.id, codes=codes)
    return Decision(result=None, new=new, happenings=(happening,))


def _newest(user: User, purpose: Purpose) -> Run | None:
    return next((run for run in reversed(user.runs) if run.purpose == purpose), None)


def _day(now: datetime) -> str:
    return now.date().isoformat()
