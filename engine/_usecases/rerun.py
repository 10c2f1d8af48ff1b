"""Re-run: a stuck user re-enters whichever flow is active now."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from .._commits import Decision, change_user, load, record_refusal, refusals_recorded
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from .._plugins import Offer
from ..addresses import canonical
from ..errors import (
    AddressTaken,
    InvalidInput,
    NotAllowed,
    ResendNotPossible,
    TryLater,
    UserNotFound,
    WrongCredentials,
)
from ..hookspecs import Registration
from ..lifecycle import Facts, move, triggers_from
from ..masked import Secret
from ..providers import RegistrationRequest
from ..records import Address, Identity, Run, User
from ..stores import KeyTaken
from . import gate
from .confirming import address_taken
from .prepared import Finish, Prepared
from .proof import check_password
from .register import admission_of, enter_or_lose, refuse_if_taken, registering_provider, tell
from .registering import is_login
from .runs import Minted, active_flow, cancelled, finishing, new_run

Reason = Literal["rerun", "resend", "correct-address"]
Begun = tuple[Run, Minted | None]


def rerun(core: Core, by: Acting, user_id: str) -> Prepared[User]:
    """Prepare a re-run; see `Engine.rerun`."""
    return _entering_again(core, by, user_id, "rerun")


def resend(core: Core, by: Acting, user_id: str) -> Prepared[User]:
    """Prepare a re-run that only sends a message again; see `Engine.resend`."""
    return _entering_again(core, by, user_id, "resend")


def _entering_again(core: Core, by: Acting, user_id: str, reason: Reason) -> Prepared[User]:
    def decide(settle: bool) -> Finish[User]:
        user, (run, minted) = change_user(core, by, user_id, again, settle=settle, asked=reason)
        return finishing(core, run, lambda: _finish(core, by, user, run, minted))

    def again(user: User) -> Decision[Begun]:
        return decide_again(core, by, user, reason)

    return Prepared(decide)


def decide_again(
    core: Core, by: Acting, user: User, reason: Reason, *, queued: bool = False
) -> Decision[Begun]:
    """Decide that *user* re-enters pending: a new run of the flow that is active now.

    Raises:
        NotAllowed: it is not pending.
        ResendNotPossible: *reason* is `resend` and the active flow sends nothing.
        TryLater: a user asks again within the cool-down.
        UnknownName, NotConfigured: the active flow cannot be entered here.
    """
    left = cool_down_left(core, by, user, reason, queued=queued)
    try:
        step = move(user.state, "rerun", Facts(cool_down_is_over=not left))
    except NotAllowed as refused:
        if refused.guard == "cool_down_is_over":
            raise TryLater("a message was sent a moment ago", left) from None
        raise
    flow = active_flow(core, "confirm")
    if reason == "resend" and not resends(flow):
        raise ResendNotPossible(flow.name)
    new, run, minted = new_run(
        core, by, user, purpose="confirm", flow=flow, reason=reason, queued=queued
    )
    codes = {"flow": flow.name, "reason": reason}
    happening = Happening("rerun", user.state, step.state, run.id, codes)
    return Decision(result=(run, minted), new=new, happenings=(happening,))


def resends(flow: Offer) -> bool:
    """Return whether *flow* sends messages."""
    return bool(getattr(flow.value, "resends", False))


def cool_down_left(
    core: Core, by: Acting, user: User, reason: Reason = "rerun", *, queued: bool = False
) -> timedelta:
    """Return how long it is until *user* may be sent a message again. Only users who ask for
    themselves wait; the application and its admins know what they do.

    A correction goes to another address, so it waits for the correction before it alone – and a
    stranger's was throttled by the new address already.
    """
    last = user.last_run
    corrects = reason == "correct-address"
    if by.actor.kind != "user" or last is None or (corrects and (queued or last.reason != reason)):
        return timedelta(0)
    return max(timedelta(0), last.created_at + core.settings.cool_down - core.now())


def _finish(core: Core, by: Acting, user: User, run: Run, minted: Minted | None) -> User:
    assert minted is not None, "a run that is not queued has an attempt"
    entered = enter_or_lose(core, by, user, run, minted)
    if entered.user is None:
        raise UserNotFound  # deleted while the flow ran
    core.plugins.notify("after_rerun", user=entered.user, run=run)
    tell(core, entered, run)
    return entered.user


def correct_address(
    core: Core, by: Acting, user_id: str, to: str, password: Secret | None = None
) -> Prepared[User]:
    """Prepare the correction of a pending user's mistyped address; see
    `Engine.correct_address`."""
    new_canonical = canonical(to, field="to")
    if by.actor.kind == "user" and password is None:
        raise InvalidInput("password", "is needed: it shows who registered.")

    before = load(core, user_id)
    if password is not None:
        try:
            check_password(core, before, password)
        except WrongCredentials as problem:
            record_refusal(core, by, before, "correct-address", problem.code)
            raise
    with refusals_recorded(core, by, before, "correct-address"):
        ask_plugins(core, by, before, to)

    def decide(settle: bool) -> Finish[User]:
        try:
            user, (run, minted) = change_user(
                core, by, user_id, correct, settle=settle, asked="correct-address"
            )
        except KeyTaken as taken:
            record_refusal(core, by, before, "correct-address", AddressTaken.code)
            raise address_taken(core, taken) from None
        return finishing(core, run, lambda: _finish(core, by, user, run, minted))

    def correct(user: User) -> Decision[Begun]:
        if user.state != "pending":
            raise NotAllowed(user.state, "correct-address", triggers_from(user.state))
        return decide_correction(core, by, user, to, new_canonical)

    return Prepared(decide)


def ask_plugins(core: Core, by: Acting, user: User, to: str) -> None:
    """Ask whether *user* might register with the address *to*: a correction is no way past them.

    Raises:
        DomainRefused: the provider does not let in addresses of this domain.
        Vetoed, PluginFailed: a `before_admission` or `before_register` hook said no, or failed.
    """
    for identity in user.identities:
        asked = Registration(
            provider=identity.provider,
            login=to if _is_login(core, user, identity) else identity.login_key or "",
            address=to,
            data=identity.data,
            client=by.client,
        )
        gate.pass_gate(core, admission_of(asked, user), to_be_proved=True)
        core.plugins.veto("before_register", request=asked)


def _is_login(core: Core, user: User, identity: Identity) -> bool:
    """Whether the address of *user* is also what this identity logs in with."""
    return user.address is not None and is_login(core, identity, user.address.canonical)


def decide_correction(
    core: Core, by: Acting, user: User, to: str, new_canonical: str, *, queued: bool = False
) -> Decision[Begun]:
    """Decide that *user* gets another address: the old one's runs die, a new one goes out."""
    old = user.address
    moved = evolve(
        cancelled(user, ("confirm", "reset"), core.now()),
        # She waits for the new one, or holds it, as whoever registers with it today.
        holds_keys=core.settings.address_policy != "first-proof",
        addresses=(Address(typed=to, canonical=new_canonical), *user.addresses[1:]),
        identities=tuple(
            readdressed(core, identity, to) if _is_login(core, user, identity) else identity
            for identity in user.identities
        ),
    )
    if not moved.holds_keys:
        refuse_if_taken(core, moved)
    decision = decide_again(core, by, moved, "correct-address", queued=queued)
    detail = {"from": "" if old is None else old.typed, "to": to}
    happening = Happening("correct-address", detail=detail)
    return decision._replace(happenings=(happening, *decision.happenings))


def readdressed(core: Core, identity: Identity, to: str) -> Identity:
    """Return the identity of a login that is an address, with the address *to*."""
    offer = registering_provider(core, identity.provider)
    request = RegistrationRequest(login=to)
    asked = core.plugins.call(
        offer, "new_identity", lambda: offer.value.new_identity(request, core.services)
    )
    return evolve(identity, login_key=asked.login_key, data={**identity.data, **asked.data})
