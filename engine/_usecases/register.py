"""Register: a new user, pending, enters the flow that is active now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from .._commits import Decision, commit_decision, record_refusal, refusals_recorded
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from .._plugins import Offer
from .._text import check_text
from ..addresses import canonical
from ..errors import (
    AddressTaken,
    FlowFailed,
    FlowRefused,
    RegistrationRefused,
    UnknownName,
)
from ..hookspecs import Registration
from ..lifecycle import NEW, move
from ..masked import Secret
from ..providers import Admission, NewIdentity, RegistrationRequest
from ..records import Address, Identity, Run, User, UserId
from ..stores import KeyTaken
from . import gate
from .confirming import address_taken, waiting
from .delete import reject_loser
from .enter import Entered, enter
from .json_data import checked_data
from .prepared import Finish, Prepared
from .registering import registers
from .runs import Minted, active_flow, finishing, new_run

MOST_WAITING: Final = 5
"""Users that may wait for one login under `first-proof` (design.md §5)."""


@attrs.frozen(kw_only=True)
class Validated:
    """A registration that may be decided: checked, not vetoed, hashed."""

    provider: str
    asked: NewIdentity
    canonical: str | None
    private: Mapping[str, str] = attrs.field(repr=False)


def register(
    core: Core,
    by: Acting,
    login: str,
    password: Secret | None = None,
    *,
    provider: str | None = None,
    data: Mapping[str, object] | None = None,
) -> Prepared[User]:
    """Prepare a registration; see `Engine.register`."""
    flow = active_flow(core, "confirm")
    valid = validate(core, by, login, password, provider=provider, data=data)

    def decide(settle: bool) -> Finish[User]:
        user, run, minted = begin(core, by, valid, flow, queued=False, settle=settle)
        assert minted is not None, "a run that is not queued has an attempt"
        return finishing(core, run, lambda: _finish(core, by, user, run, minted))

    return Prepared(decide)


def validate(
    core: Core,
    by: Acting,
    login: str,
    password: Secret | None,
    *,
    provider: str | None = None,
    data: Mapping[str, object] | None = None,
    asks_plugins: bool = True,
) -> Validated:
    """Check what was asked for, ask the plugins, hash the password. Nothing is read, and nothing
    written but that a plugin refused.

    Raises:
        InvalidInput: naming the field and the rule.
        ProviderDisabled, NewUsersRefused, DomainRefused: by the settings of the provider.
        Vetoed: a `before_admission`, `before_register` or `before_password` hook said no.
        TryLater: too many hashes wait.
    """
    offer = registering_provider(core, provider)
    if asks_plugins:
        gate.open_provider(core, offer.name)
    request = RegistrationRequest(login=login, password=password, data=checked_data(data))
    asked: NewIdentity = core.plugins.call(
        offer, "new_identity", lambda: offer.value.new_identity(request, core.services)
    )
    address = None if asked.address is None else canonical(asked.address)
    if password is not None:
        core.services.check_password(password, address=asked.address)
    if asks_plugins:
        registration = Registration(
            provider=offer.name,
            login=login,
            address=asked.address,
            data=asked.data,
            client=by.client,
        )
        with refusals_recorded(core, by, None, "register"):
            gate.pass_gate(core, admission_of(registration), to_be_proved=True)
            core.plugins.veto("before_register", request=registration)
    private: Mapping[str, str] = {}
    if password is not None:
        private = core.plugins.call(
            offer, "private_data", lambda: offer.value.private_data(password, core.services)
        )
    return Validated(provider=offer.name, asked=asked, canonical=address, private=private)


def admission_of(asked: Registration, user: User | None = None) -> Admission:
    """Return what the gate looks at of a registration, or of *user*'s corrected one."""
    return Admission(
        way="register",
        provider=asked.provider,
        user=user,
        address=asked.address,
        address_proved=False,
        data=asked.data,
        client=asked.client,
    )


def registering_provider(core: Core, name: str | None) -> Offer:
    """Return the provider to register with; None: the one of the setting `password_provider`."""
    wanted = core.settings.password_provider if name is None else check_text(name, "provider")
    offers = core.plugins.offers("register_providers")
    offer = offers.get(wanted)
    if offer is None or not registers(offer):
        known = [o.name for o in offers.values() if registers(o)]
        raise UnknownName("provider that registers users", wanted, known)
    return offer


def begin(
    core: Core, by: Acting, valid: Validated, flow: Offer, *, queued: bool, settle: bool = True
) -> tuple[User, Run, Minted | None]:
    """Commit 1: the user, pending, with its login key and a run that is leased, or queued.

    Raises:
        AddressTaken: another user holds the login key, or too many wait for it.
    """
    user = new_user(core, valid)
    step = move(NEW, "register")
    assert step.begins_run, "entering pending is what begins the active flow"
    if core.settings.address_policy == "first-proof":
        user = evolve(user, holds_keys=False)
        refuse_if_taken(core, user)
    user, run, minted = new_run(
        core, by, user, purpose="confirm", flow=flow, reason="register", queued=queued
    )
    happening = Happening(
        "register",
        NEW,
        step.state,
        run.id,
        {"flow": flow.name, "provider": valid.provider},
        {} if valid.asked.address is None else {"address": valid.asked.address},
    )
    try:
        user = commit_decision(
            core, by, None, Decision(result=None, new=user, happenings=(happening,)), settle=settle
        )
    except KeyTaken as taken:
        if not queued:  # a stranger's is answered, and recorded, as all of hers are
            record_refusal(core, by, None, "register", AddressTaken.code)
        raise address_taken(core, taken) from None
    return user, run, minted


def new_user(core: Core, valid: Validated) -> User:
    """Return the pending user that a registration asks for, before it is committed."""
    now = core.now()
    addresses: tuple[Address, ...] = ()
    if valid.asked.address is not None and valid.canonical is not None:
        addresses = (Address(typed=valid.asked.address, canonical=valid.canonical),)
    identity = Identity(
        provider=valid.provider,
        id=core.ids.mint(now),
        login_key=valid.asked.login_key,
        data=valid.asked.data,
        private=valid.private,
        added_at=now,
    )
    return User(
        id=UserId(core.ids.mint(now)),
        state="pending",
        identities=(identity,),
        addresses=addresses,
        created_at=now,
    )


def refuse_if_taken(core: Core, user: User) -> None:
    """Under `first-proof` no commit collides, so what is known already is looked up.

    Raises:
        AddressTaken: somebody holds a login key of *user*, or as many as may wait for it do.
    """
    for identity in user.identities:
        if identity.key is None:
            continue
        holder = core.store.find(identity.key)
        if holder is not None and holder.id != user.id:
            raise address_taken(core, KeyTaken(identity.key))
        others = [other for other in waiting(core, identity.key) if other.id != user.id]
        if len(others) >= MOST_WAITING:
            raise AddressTaken("pending")


def _finish(core: Core, by: Acting, user: User, run: Run, minted: Minted) -> User:
    entered = enter_or_lose(core, by, user, run, minted)
    if entered.written.effect == "rejected":
        core.plugins.notify("after_delete", user=user)
        raise RegistrationRefused(run.flow, entered.answer.message)
    if entered.user is None:
        return user  # deleted while the flow ran: that is somebody else's story
    core.plugins.notify("after_register", user=entered.user)
    tell(core, entered, run)
    return entered.user


def enter_or_lose(core: Core, by: Acting, user: User, run: Run, minted: Minted) -> Entered:
    """Enter the flow; when another user proved the login key first, reject this one.

    Raises:
        AddressTaken: under `first-proof`; this user is gone.
    """
    try:
        return enter(core, by, user, run, minted)
    except KeyTaken as taken:
        reject_loser(core, user.id, taken, run=run.id)
        raise address_taken(core, taken) from None


def tell(core: Core, entered: Entered, run: Run) -> None:
    """Tell the caller what the flow did: *after* hooks, or the error it must hear of – unless the
    user was confirmed meanwhile: then what the flow says of her matters no more.

    Raises:
        FlowFailed: the flow did not get through for good; the user is kept.
        FlowRefused: the flow answered `fail`, and the user is kept.
        Vetoed, PluginFailed: the flow said `success`, a `before_confirm` hook said no.
    """
    assert entered.user is not None, "who was deleted is told otherwise"
    if entered.written.effect == "confirmed":
        core.plugins.notify("after_confirm", user=entered.user)
    if entered.written.veto is not None:
        raise entered.written.veto
    if run.purpose == "confirm" and entered.user.state == "confirmed":
        return
    if entered.written.effect == "refused":
        raise FlowRefused(run.flow, entered.answer.message, entered.user, run.id)
    if entered.written.effect == "failed" and entered.answer.error is not None:
        error = entered.answer.error
        raise FlowFailed(run.flow, error.code, error.sentence, entered.user, run.id)
