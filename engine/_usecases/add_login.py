"""Add a login: a user who is there registers an address and a password of her own."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from .._commits import Decision, change_user, load, refusals_recorded
from .._core import Core
from .._events import Acting
from ..errors import AlreadyLinked
from ..hookspecs import Registration
from ..masked import Secret
from ..records import Address, Identity, Session, User
from . import gate
from .calling_session import check_open
from .change_address import Begun, begin_proof, entering, wait_for_cool_down
from .confirm_address import check_free, taking_from_pending
from .link import check_may_link, decide_gain
from .prepared import Finish, Prepared, done
from .register import Validated, admission_of, validate


def add_login(
    core: Core,
    by: Acting,
    user_id: str,
    login: str,
    password: Secret | None = None,
    *,
    provider: str | None = None,
    data: Mapping[str, object] | None = None,
    asks: Session | None = None,
) -> Prepared[User]:
    """Prepare a further login for a user; see `Identities.add_login`."""
    user = load(core, user_id)
    valid = validated(core, by, user, login, password, provider=provider, data=data)

    def decide(settle: bool) -> Finish[User]:
        new, begun = taking_from_pending(
            core,
            lambda: change_user(
                core,
                by,
                user_id,
                lambda found: decide_login(core, by, found, valid, asks=asks),
                settle=settle,
                asked="link",
            ),
        )
        return done(new) if begun is None else entering(core, by, new, begun)

    return Prepared(decide)


def validated(
    core: Core,
    by: Acting,
    user: User,
    login: str,
    password: Secret | None,
    *,
    provider: str | None,
    data: Mapping[str, object] | None,
) -> Validated:
    """Check what was asked for, ask the gate and the plugins, hash the password.

    Raises:
        InvalidInput: naming the field and the rule.
        ProviderDisabled, DomainRefused, Vetoed, PluginFailed: as for a registration.
    """
    valid = validate(core, by, login, password, provider=provider, data=data, asks_plugins=False)
    gate.open_provider(core, valid.provider)
    asked = Registration(
        provider=valid.provider,
        login=login,
        address=valid.asked.address,
        data=valid.asked.data,
        client=by.client,
    )
    with refusals_recorded(core, by, user, "link"):
        admission = attrs.evolve(admission_of(asked, user), way="link")
        gate.pass_gate(core, admission, to_be_proved=True)
        core.plugins.veto("before_register", request=asked)
    return valid


def decide_login(
    core: Core,
    by: Acting,
    user: User,
    valid: Validated,
    *,
    asks: Session | None = None,
    secretly: bool = False,
) -> Decision[Begun | None]:
    """Decide that *user* gets the login at once – the provider knows no address, or it is proved to
    be hers –, or that a message goes out whose token, pressed, adds it.

    Raises:
        NotAllowed: she cannot have several identities. AlreadyLinked: she has such a login.
        AddressTaken: another confirmed user has this one. TryLater: within the cool-down.
    """
    check_open(core, user, asks)
    check_may_link(user)
    if user.identity(valid.provider) is not None:
        raise AlreadyLinked(valid.provider)
    now = core.now()
    identity = Identity(
        provider=valid.provider,
        id=core.ids.mint(now),
        login_key=valid.asked.login_key,
        data=valid.asked.data,
        private=valid.private,
        added_at=now,
    )
    if valid.asked.address is None or valid.canonical is None or _is_hers(user, valid.canonical):
        is_proved = valid.canonical is not None
        check_free(core, user, (identity,), proved=is_proved)
        gained = decide_gain(core, by, user, identity, (), asks)
        return Decision(None, gained.new, gained.happenings, gained.put)
    wait_for_cool_down(core, by, user)
    new, begun, happening = begin_proof(
        core,
        by,
        user,
        Address(typed=valid.asked.address, canonical=valid.canonical),
        [identity],
        reason="link",
        adds=identity,
        secretly=secretly,
    )
    detail = {"to": valid.asked.address}
    return Decision(
        result=begun, new=new, happenings=(happening._replace(trigger="add-login", detail=detail),)
    )


def _is_hers(user: User, canonical: str) -> bool:
    return any(a.canonical == canonical and a.proved_at is not None for a in user.addresses)
