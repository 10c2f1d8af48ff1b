"""Change the address of a confirmed user: begun by herself and proved, or done by an admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal, NamedTuple

from .._commits import (
    Decision,
    change_user,
    find_by_key,
    load,
    record_refusal,
    refusals_recorded,
)
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from ..addresses import canonical
from ..errors import AddressTaken, InvalidInput, NotAllowed, TryLater, UserNotFound
from ..lifecycle import triggers_from
from ..records import Address, Identity, Run, Session, User
from ..stores import KeyTaken
from .calling_session import carried_on, check_open, opened_with
from .confirming import address_taken, left_to_worker
from .enter import Holder, enter
from .first_proof import Dropped, drop_unproved, is_proved
from .notices import with_notice
from .prepared import Finish, Prepared, done
from .register import tell
from .registering import is_login
from .rerun import ask_plugins, readdressed
from .runs import Minted, active_flow, cancelled, ended, finishing, login_address, new_run, with_run

ALL_PROOFS: tuple[Literal["confirm", "reset", "change-address"], ...] = (
    "confirm",
    "reset",
    "change-address",
)
"""What was sent to an address that is not the user's any more opens nothing."""


class Begun(NamedTuple):
    """A run about an address that is not the user's yet; *minted* None: it is queued."""

    run: Run
    minted: Minted | None


def change_address(
    core: Core, by: Acting, user_id: str, to: str, *, asks: Session | None = None
) -> Prepared[User]:
    """Prepare a change of address, to be proved; see `Identities.change_address`."""
    wanted = canonical(to, field="to")
    active_flow(core, "change-address")
    before = load(core, user_id)
    ask_about(core, by, before, to)

    def decide(settle: bool) -> Finish[User]:
        user, begun = change_user(
            core,
            by,
            user_id,
            lambda found: decide_change(core, by, found, to, wanted, asks=asks),
            settle=settle,
            asked="change-address",
        )
        return entering(core, by, user, begun)

    return Prepared(decide)


def ask_about(core: Core, by: Acting, user: User, to: str) -> None:
    """Ask the plugins whether *user*'s login might register with the address *to*."""
    moving = evolve(user, identities=logins_of(core, user))
    with refusals_recorded(core, by, user, "change-address"):
        ask_plugins(core, by, moving, to)


def entering(core: Core, by: Acting, user: User, begun: Begun) -> Finish[User]:
    """Return what is left of a run about a new address: entering its flow, on the caller's path.

    Raises (when finished):
        FlowFailed, FlowRefused: the message did not get through; nothing was changed.
    """
    run, minted = begun
    assert minted is not None, "a run that is not queued has an attempt"

    def finish() -> User:
        entered = enter(core, by, user, run, minted)
        if entered.user is None:
            raise UserNotFound  # deleted while the flow ran
        tell(core, entered, run)
        return entered.user

    return finishing(core, run, finish)


def decide_change(
    core: Core,
    by: Acting,
    user: User,
    to: str,
    wanted: str,
    *,
    asks: Session | None = None,
    secretly: bool = False,
) -> Decision[Begun]:
    """Decide that a message goes to the address *to*, and a notice to the one of before.

    *secretly*: the messages are queued, and a confirmed user who holds the address is told by
    mail, not the caller (security.md E1).

    Raises:
        NotAllowed: *user* is not confirmed. InvalidInput: it is her proved address already.
        AddressTaken: another confirmed user logs in with it; not *secretly*.
        TryLater: the user asks again within the cool-down.
    """
    check_open(core, user, asks)
    check_has_address(user, "change-address")
    old = login_address(core, user)
    if old is not None and old.typed == to and old.proved_at is not None:
        raise InvalidInput("to", "is the address of this account already.", "Choose another one.")
    wait_for_cool_down(core, by, user)
    detail = {"from": "" if old is None else old.typed, "to": to}
    new, begun, happening = begin_proof(
        core,
        by,
        user,
        Address(typed=to, canonical=wanted),
        [readdressed(core, identity, to) for identity in logins_of(core, user)],
        reason="change-address",
        secretly=secretly,
    )
    told: tuple[Happening, ...] = ()
    if old is not None:
        new, told = with_notice(core, by, new, "change-address", old)
    happening = happening._replace(trigger="change-address", detail=detail)
    return Decision(result=begun, new=new, happenings=(happening, *told))


def begin_proof(
    core: Core,
    by: Acting,
    user: User,
    address: Address,
    logins: list[Identity],
    *,
    reason: Literal["change-address", "link"],
    adds: Identity | None = None,
    secretly: bool = False,
) -> tuple[User, Begun, Happening]:
    """Return *user* with a run that proves an address which is not hers, and what is recorded.

    An address with which somebody waits to be confirmed can be asked for: who proves it has it.
    *secretly* nobody looks whose it is before the message goes out, see `holder_to_tell`: what is
    kept of the request is hers to read, and the same in either case (security.md E1).
    """
    holder = None if secretly else _confirmed_holder(core, user, logins)
    if holder is not None:
        raise AddressTaken(holder.state)
    flow = active_flow(core, "change-address")
    new, run, minted = new_run(
        core,
        by,
        user,
        purpose="change-address",
        flow=flow,
        reason=reason,
        queued=secretly,
        about=address,
        adds=adds,
    )
    codes = {"flow": flow.name, "reason": reason}
    return new, Begun(run, minted), Happening("prove-address", run=run.id, codes=codes)


def _confirmed_holder(core: Core, user: User, logins: list[Identity]) -> User | None:
    for identity in logins:
        holder = None if identity.key is None else find_by_key(core, identity.key)
        if holder is not None and holder.id != user.id and holder.state == "confirmed":
            return holder
    return None


def holder_to_tell(core: Core, user: User, run: Run) -> Holder | None:
    """Return the confirmed user who logs in already with the address that *run* would prove for
    *user*, and where she is told of it; None: nobody does."""
    if run.purpose != "change-address" or run.typed is None:
        return None
    logins = [run.adds]
    if run.adds is None:
        logins = [readdressed(core, identity, run.typed) for identity in logins_of(core, user)]
    holder = _confirmed_holder(core, user, [i for i in logins if i is not None])
    if holder is None:
        return None
    known = next((a for a in holder.addresses if a.canonical == run.address), None)
    return Holder(holder, known or login_address(core, holder))


def check_has_address(user: User, asked: str) -> None:
    """Return if the address of *user* can be changed. Raises NotAllowed: it is not confirmed – the
    address of who is pending is corrected –, or a server's."""
    if user.type != "normal":
        raise NotAllowed("a server's", asked, ())
    if user.state != "confirmed":
        raise NotAllowed(user.state, asked, triggers_from(user.state))


def wait_for_cool_down(core: Core, by: Acting, user: User) -> None:
    """Return if *user* may have a message sent to a new address; only users who ask for themselves
    wait. Raises TryLater."""
    last = next((run for run in reversed(user.runs) if run.purpose == "change-address"), None)
    if by.actor.kind != "user" or last is None:
        return
    left = last.created_at + core.settings.cool_down - core.now()
    if left > timedelta(0):
        raise TryLater("a message was sent a moment ago", left)


def by_hand(core: Core, by: Acting, user_id: str, to: str) -> Prepared[User]:
    """Prepare an admin's change of an address; see `Identities.change_address_manually`."""
    wanted = canonical(to, field="to")

    def decide(settle: bool) -> Finish[User]:
        try:
            user, _ = change_user(core, by, user_id, change, settle=settle, asked="change-address")
        except KeyTaken as taken:
            record_refusal(core, by, load(core, user_id), "change-address", AddressTaken.code)
            raise address_taken(core, taken) from None
        return done(user)

    def change(user: User) -> Decision[None]:
        check_has_address(user, "change-address")
        address = Address(typed=to, canonical=wanted)
        return decide_changed(core, by, user, address, codes={"cause": "admin"})

    return Prepared(decide)


def decide_changed(
    core: Core,
    by: Acting,
    user: User,
    address: Address,
    *,
    codes: dict[str, str],
    run: Run | None = None,
    asks: Session | None = None,
) -> Decision[None]:
    """Decide that *user* has the new address in the place of the one she logged in with: that one
    is told, what was sent to it is dead, and all sessions end but the one that *asks*. If it is
    the user's first proof, keys end as well (H2), and what its owner never proved is dropped (H3).
    """
    now = core.now()
    old = login_address(core, user)
    logins = logins_of(core, user)
    known = next((a for a in user.addresses if a.canonical == address.canonical), None)
    if known is not None and address.proved_at is None:  # what was proved once stays so
        address = evolve(address, proved_at=known.proved_at, proved_by=known.proved_by)
    new = user if run is None else with_run(user, ended(run, "success", now))
    new = evolve(
        cancelled(new, ALL_PROOFS, now),
        identities=tuple(
            readdressed(core, i, address.typed) if i in logins else i for i in user.identities
        ),
        addresses=_replaced(user.addresses, old, address),
        epoch=user.epoch + 1,
    )
    detail: dict[str, object] = {"from": "" if old is None else old.typed, "to": address.typed}
    if address.proved_at is not None and not is_proved(user):
        dropped = _without_unproved(core, new, address, opened_with(user, asks))
        codes, detail = {**codes, **dropped.codes}, {**detail, **dropped.detail}
        new = evolve(dropped.user, keys_epoch=user.keys_epoch + 1)
    new = left_to_worker(core, new)
    told: tuple[Happening, ...] = ()
    if old is not None:
        new, told = with_notice(core, by, new, "address-changed", old)
    run_id = None if run is None else run.id
    return Decision(
        result=None,
        new=new,
        happenings=(
            Happening("address-changed", run=run_id, codes=codes, detail=detail),
            *told,
        ),
        put=carried_on(core, asks, user, new),
    )


def _without_unproved(
    core: Core, user: User, proved: Address, spared: tuple[Identity, ...]
) -> Dropped:
    """Return *user* without what the owner of the *proved* address never proved; where nothing says
    which of her identities are hers, they stay: without any she could never come in again."""
    dropped = drop_unproved(core, user, (proved.canonical,), spared)
    if dropped.user.identities:
        return dropped
    return Dropped(evolve(dropped.user, identities=user.identities), ())


def _replaced(
    addresses: tuple[Address, ...], old: Address | None, new: Address
) -> tuple[Address, ...]:
    rest = tuple(a for a in addresses if a.canonical != new.canonical or a is old)
    if old is None:
        return (new, *rest)
    return tuple(new if address is old else address for address in rest)


def logins_of(core: Core, user: User) -> tuple[Identity, ...]:
    """Return the identities whose login is the address that is changed."""
    old = login_address(core, user)
    return tuple(
        identity
        for identity in user.identities
        if old is not None and is_login(core, identity, old.canonical)
    )
