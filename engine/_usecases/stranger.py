"""What a stranger may ask for by address, and learns nothing from (security.md E1, E3, H7).

Every request costs one settled commit, whatever the account's state – also when there is no
account: then the same decision is made about a phantom, and a record of the same size is written
and swept later. Messages are queued, never sent on the caller's path.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from .._codec import user_body
from .._commits import Decision, build, change_user, commit, find_by_key
from .._core import Core
from .._events import Acting, Happening, make
from ..clock import to_text
from ..errors import (
    AddressTaken,
    CredentialsRefused,
    Leaving,
    LogInRefused,
    NotAllowedNow,
    NotConfigured,
    ProviderRefused,
    RedirectInvalid,
    TryLater,
    UnknownName,
    UserNotFound,
    WrongCredentials,
)
from ..records import Address, Identity, Run, User, UserId
from ..stores import Change, KeyTaken, Label, Put
from .confirming import holders, newest, prover, waiting
from .enter import ResetRequest
from .notices import begin_notice
from .password import decide_reset
from .register import Validated, begin
from .registering import is_login
from .rerun import Reason, decide_again
from .runs import Minted, active_flow

PHANTOM_LIFETIME: Final = timedelta(hours=1)
MOST_WAITING_RESETS: Final = 1000
"""Where nobody works the queue, strangers must not fill the memory."""

T = TypeVar("T")
Decide = Callable[[User], Decision[Any]]


def register(core: Core, by: Acting, valid: Validated) -> None:
    """Take a stranger's registration: a new user with a queued run, or a message to the holder."""
    flow = active_flow(core, "confirm")
    key = f"{valid.provider}:{valid.asked.login_key}"
    holder = find_by_key(core, key)
    if holder is None:
        try:
            begin(core, by, valid, flow, queued=True)
        except AddressTaken:  # in this very instant, or too many wait for it
            holder = find_by_key(core, key) or newest(waiting(core, key))
        else:
            core.work_waits.set()
            return
    tell_holder(core, by, holder)


def tell_holder(core: Core, by: Acting, holder: User | None) -> None:
    """Tell whoever holds an address that somebody registered it: a pending one gets a *reset*
    token – set your password and be confirmed –, never the older link (H7)."""
    if holder is not None and holder.state == "pending":
        change_or_pretend(
            core, by, holder, lambda u: again_by_reset(core, by, u, "already-registered")
        )
    elif holder is not None:
        change_or_pretend(
            core, by, holder, lambda u: decide_notice(core, by, u, "already-registered")
        )
    else:
        pretend(core, by, lambda u: decide_notice(core, by, u, "already-registered"))


def holder_of(core: Core, canonical: str) -> User | None:
    """Return the user that an address alone leads to when a stranger asks: its owner, else who
    carries it confirmed and unproved. What is sent goes to the address itself."""
    owner = owner_of(core, canonical)
    if owner is not None:
        return owner
    found = holders(core, canonical)
    confirmed = next((user for user in found if user.state == "confirmed"), None)
    return confirmed or newest(found)


def owner_of(core: Core, canonical: str) -> User | None:
    """Return the user that an address alone leads to when something is done for her: who holds it
    as the login of the setting `password_provider`, else who proved it, else the newest who waits
    for that login, else whose login it is at another provider. Never who only carries it: any
    provider may say any address of anybody (security.md H5)."""
    key = f"{core.settings.password_provider}:{canonical}"
    owner = find_by_key(core, key)
    if owner is not None:
        return owner
    hers = prover(core, canonical) or newest(waiting(core, key))
    if hers is not None:
        return hers
    found = holders(core, canonical)
    logins = [u for u in found if any(is_login(core, i, canonical) for i in u.identities)]
    confirmed = next((user for user in logins if user.state == "confirmed"), None)
    return confirmed or newest(logins)


def again(core: Core, by: Acting, user: User | None, reason: Reason, *, named: bool) -> None:
    """Take a stranger's rerun or resend. *named*: it named the user, or gave its password; asked
    for by address alone it becomes a reset, since the link would activate a password that
    somebody else may have set (H7)."""

    def decide(found: User) -> Decision[Any]:
        if named:
            return decide_again(core, by, found, reason, queued=True)
        return again_by_reset(core, by, found, reason)

    if user is not None and user.state == "pending" and not user.disabled:
        change_or_pretend(core, by, user, decide)
    else:
        pretend(core, by, decide)


def again_by_reset(core: Core, by: Acting, user: User, reason: str) -> Decision[Any]:
    """Decide that a reset is queued for *user*."""
    return decide_reset(core, by, user, reason=reason, queued=True)


def reset(core: Core, by: Acting, user: User | None, request: ResetRequest) -> None:
    """Take a stranger's reset. *request* waits in memory for a reset function."""

    def decide(found: User) -> Decision[tuple[Run, Minted | None]]:
        decision = decide_reset(core, by, found, queued=True)
        if request != ResetRequest() and user is not None and found.id == user.id:
            # Before the commit: a worker may take the run up the moment it is there.
            _let_wait(core, decision.result[0].id, request)
        return decision

    if user is None or user.disabled:
        pretend(core, by, decide)
        return
    change_or_pretend(core, by, user, decide)


def _let_wait(core: Core, run: str, request: ResetRequest) -> None:
    """Keep what a reset function is to get in memory; the oldest goes when there are too many, and
    its run then asks for a password with the token."""
    while len(core.waiting_resets) >= MOST_WAITING_RESETS:
        core.waiting_resets.pop(next(iter(core.waiting_resets)), None)
    core.waiting_resets[run] = request


def decide_notice(core: Core, by: Acting, user: User, reason: str) -> Decision[tuple[Run, None]]:
    """Decide that the owner of an address is told something.

    Raises:
        NotConfigured, UnknownName: nothing can tell her.
    """
    new, run, happening = begin_notice(core, by, user, reason)
    return Decision(result=(run, None), new=new, happenings=(happening,))


def change_or_pretend(core: Core, by: Acting, user: User, decide: Decide) -> None:
    """Commit a decision about a user; what its state, another user's login key or a cool-down
    does not allow looks the same from outside."""
    try:
        change_user(core, by, user.id, decide)
    except (UserNotFound, NotAllowedNow, NotConfigured, UnknownName, KeyTaken, TryLater):
        pretend(core, by, decide)
        return
    core.work_waits.set()


def pretend(core: Core, by: Acting, decide: Decide) -> None:
    """Do the work of a decision about somebody who is not there, and commit as much."""
    now = core.now()
    phantom = _phantom(core)
    try:
        decision = decide(phantom)
    except (NotAllowedNow, NotConfigured, UnknownName):
        decision = Decision(result=None, new=phantom, happenings=(Happening("nothing"),))
    user, _ = build(core, by, phantom, decision)
    until = Label("until", to_text(now + PHANTOM_LIFETIME))
    put = Put("phantom", core.mint_id(), user_body(user), None, (), (until,))
    happening = Happening("asked-for-nobody", codes={"asked": decision.happenings[0].trigger})
    event = make(happening, id=core.ids.mint(now), at=now, by=by)
    commit(core, Change(put=(put,), events=(event,)))


def _phantom(core: Core) -> User:
    now = core.now()
    canonical = f"{core.mint_id()}@phantom.invalid"
    return User(
        id=UserId(core.mint_id()),
        state="pending",
        version=1,
        identities=(
            Identity(
                provider=core.settings.password_provider,
                id=core.mint_id(),
                login_key=canonical,
                data={"email": canonical},
                private={"hash": "-" * 97},  # as long as an argon2id hash
                added_at=now,
            ),
        ),
        addresses=(Address(typed=canonical, canonical=canonical),),
        created_at=now,
    )


def alike(call: Callable[[], T]) -> T:
    """Fold the log-in errors that the trusted face tells apart into one type."""
    try:
        return call()
    except CredentialsRefused:
        raise  # what the application's own provider wants to be read
    except WrongCredentials:
        raise LogInRefused from None
    except (ProviderRefused, RedirectInvalid):
        raise  # about this browser's answer, not about anybody's account
    except Leaving:
        raise  # its offer is for who gave the right credentials
    except LogInRefused as refused:
        raise LogInRefused(refused.because) from None
