"""Notices: the owner of an address is told of something, without a token."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from ..errors import NotConfigured, UnknownName
from ..records import Address, Run, User
from .runs import active_flow, login_address, new_run


def begin_notice(
    core: Core, by: Acting, user: User, reason: str, about: Address | None = None
) -> tuple[User, Run, Happening]:
    """Return *user* with a queued notice to her address, or to the one that it is *about*. One that
    waits already and says the same there is folded into it: however often something is done while
    nobody works the queue, her document holds one notice of it. One that went out within the
    setting `cool_down` lets it wait: whoever does much sends nobody a flood of mails.

    Raises:
        NotConfigured, UnknownName: nothing can tell her.
    """
    flow = active_flow(core, "notice")
    if about is None:
        about = login_address(core, user)
    equal = [run for run in user.runs if _says(run, reason, about)]
    folded = [run for run in equal if run.result is None and run.due_at is not None]
    user = evolve(user, runs=tuple([run for run in user.runs if run not in folded]))
    new, run, _ = new_run(
        core,
        by,
        user,
        purpose="notice",
        flow=flow,
        reason=reason,
        queued=True,
        due_at=_due_after(core, equal),
        about=about,
    )
    codes = {"flow": flow.name, "reason": reason}
    return new, run, Happening("notice", run=run.id, codes=codes)


def _says(run: Run, reason: str, about: Address | None) -> bool:
    address = None if about is None else about.canonical
    return (run.purpose, run.reason, run.address) == ("notice", reason, address)


def _due_after(core: Core, equal: Iterable[Run]) -> datetime:
    """Return when one more may go out; whether an attempt came through is not always known."""
    tried = [run.attempts[-1].started_at for run in equal if run.attempts]
    return max([core.now(), *(at + core.settings.cool_down for at in tried)])


def with_notice(
    core: Core, by: Acting, user: User, reason: str, about: Address | None = None
) -> tuple[User, tuple[Happening, ...]]:
    """Return the same, where she has an address and something can tell her; else *user* as she is:
    what she would be told of happens all the same."""
    if about is None:
        about = login_address(core, user)
    if about is None:
        return user, ()
    try:
        new, _, happening = begin_notice(core, by, user, reason, about)
    except (NotConfigured, UnknownName):
        return user, ()
    core.work_waits.set()
    return new, (happening,)


def with_link_notices(
    core: Core, by: Acting, before: User, user: User
) -> tuple[User, tuple[Happening, ...]]:
    """Return the same of a link that made *user* of *before*: told is the address that the account
    had and has, and each proved one that it gained. Its owner may have linked in a session that
    somebody put into her browser, and hears of the account there."""
    carried = {address.canonical for address in before.addresses}
    kept = tuple(a for a in user.addresses if a.canonical in carried)
    own = login_address(core, evolve(user, addresses=kept or user.addresses))
    new, told = with_notice(core, by, user, "identity-linked", own)
    for address in user.addresses:
        if kept and address.proved_at and address.canonical not in carried:
            new, also = with_notice(core, by, new, "address-linked", address)
            told = (*told, *also)
    return new, told
