"""Link: a further identity for a user, by proof of both sides."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from .._commits import (
    TRIES,
    Decision,
    change_user,
    find_by_key,
    load,
    record_refusal,
)
from .._core import Core
from .._events import Acting, Happening
from .._plugins import Offer
from ..errors import (
    AlreadyLinked,
    IdentityTaken,
    NotAllowed,
    TryLater,
    UnknownName,
    UserNotFound,
    WrongCredentials,
)
from ..lifecycle import move, triggers_from
from ..providers import Check, Claim
from ..records import Address, Identity, Session, User
from ..stores import KeyTaken
from . import gate, guesses
from .calling_session import carried_on, check_open
from .claimed import claimed_addresses, identity_of, new_identity
from .confirming import newest, waiting
from .first_proof import named
from .gaining import gain, told_apart
from .log_in import check_state
from .merge import decide_absorption, plan_of
from .notices import with_link_notices
from .prepared import Finish, Prepared, done
from .registering import registers
from .together import Both, change_both
from .usable import can_be_linked


@attrs.frozen
class _Proof:
    """What the credentials of the new identity say, and whose it is so far."""

    offer: Offer
    claim: Claim
    holder: User | None
    identity: Identity | None
    """The holder's, that they were compared with."""

    @property
    def key(self) -> str:
        return f"{self.offer.name}:{self.claim.login_key}"


def link(
    core: Core,
    by: Acting,
    user_id: str,
    provider: str,
    credentials: Mapping[str, object],
    *,
    asks: Session | None = None,
) -> Prepared[User]:
    """Prepare linking an identity to a user; see `Identities.link`. *asks*: the session of the
    user who asks for it, which goes on whatever it ends."""
    user = load(core, user_id)
    try:
        proof = _proof(core, by, provider, credentials, counts=asks is not None)
    except WrongCredentials as problem:
        record_refusal(core, by, user, "link", problem.code)
        raise
    return _linking(core, by, user, proof, asks)


def link_as(
    core: Core, by: Acting, user_id: str, provider: str, claim: Claim, *, asks: Session
) -> Prepared[User]:
    """Prepare linking the identity of a proved *claim* to the user whose session *asks*."""
    user = load(core, user_id)
    proof = _proof_of(core, linkable(core, provider), claim)
    return _linking(core, by, user, proof, asks)


def _linking(
    core: Core, by: Acting, user: User, proof: _Proof, asks: Session | None
) -> Prepared[User]:
    if proof.holder is not None and proof.identity is not None and proof.holder.id != user.id:
        check_state(core, by, proof.holder, proof.identity)
    gate.pass_with_claim(core, by, "link", proof.offer.name, proof.claim, user)

    def decide(settle: bool) -> Finish[User]:
        return done(_link(core, by, user.id, proof, asks, settle=settle))

    return Prepared(decide)


def linkable(core: Core, provider: str) -> Offer:
    """Return the provider, if its identities can be one of several.

    Raises:
        UnknownName: it is not loaded, or they cannot; those that can are listed.
        ProviderDisabled: nobody comes in with it.
    """
    offer = gate.open_provider(core, provider)
    if not can_be_linked(offer):
        raise _not_linkable(core, provider)
    return offer


def _not_linkable(core: Core, provider: str) -> UnknownName:
    offers = core.plugins.offers("register_providers").values()
    known = [o.name for o in offers if can_be_linked(o) and o.name != provider]
    return UnknownName("provider that can be linked", provider, known)


def _proof(
    core: Core, by: Acting, provider: str, credentials: Mapping[str, object], *, counts: bool
) -> _Proof:
    """Return what the credentials prove. With *counts* a wrong password is one guess more, as at
    a log-in (security.md P5).

    Raises:
        WrongCredentials: nothing; also of a login that nobody has registered.
    """
    offer = linkable(core, provider)
    claim = gate.claim_of(core, offer, credentials)
    if claim.user is not None:  # credentials of a user, such as a key, are nobody's identity
        raise _not_linkable(core, provider)
    account = guesses.Account(
        f"{provider}:{claim.login_key}", lambda: _proof_of(core, offer, claim).holder
    )
    if counts and not claim.proved:
        guesses.count(core, by, account)
    proof = _proof_of(core, offer, claim)
    if not claim.proved:
        check: Check = core.plugins.call(
            offer,
            "check",
            lambda: offer.value.check(credentials, proof.identity, core.services),
            gate.limit_seconds(core, offer),
        )
        if not check.accepted or proof.identity is None:
            raise WrongCredentials
        if counts:
            guesses.was_right(core, by, account)
    return proof


def _proof_of(core: Core, offer: Offer, claim: Claim) -> _Proof:
    """Return whose the claimed identity is so far."""
    key = f"{offer.name}:{claim.login_key}"
    holder = find_by_key(core, key)
    if holder is None and not claim.proved:
        holder = newest(waiting(core, key))
    identity = None if holder is None else identity_of(holder, offer.name, claim)
    return _Proof(offer, claim, holder, identity)


def _link(
    core: Core, by: Acting, user_id: str, proof: _Proof, asks: Session | None, *, settle: bool
) -> User:
    """Look whose the identity is, and decide; when somebody took it meanwhile, look again."""
    for _ in range(TRIES):
        holder = find_by_key(core, proof.key)
        if holder is not None and holder.id != user_id:
            return _absorb(core, by, user_id, holder.id, proof, asks, settle=settle)
        try:
            user, _ = change_user(
                core,
                by,
                user_id,
                lambda found: _decide(core, by, found, proof, asks),
                settle=settle,
                asked="link",
            )
        except KeyTaken:
            continue
        return user
    raise TryLater("others are linking this identity")


def _decide(
    core: Core, by: Acting, user: User, proof: _Proof, asks: Session | None
) -> Decision[None]:
    check_open(core, user, asks)
    check_may_link(user)
    if identity_of(user, proof.offer.name, proof.claim) is not None:
        return Decision(result=None)  # it is hers already
    if not proof.claim.proved:
        raise WrongCredentials  # whoever had registered it is gone
    if registers(proof.offer) and user.identity(proof.offer.name) is not None:
        raise AlreadyLinked(proof.offer.name)
    now = core.now()
    identity = new_identity(core, proof.offer.name, proof.claim, now)
    [identity] = told_apart(core, user, (identity,))
    addresses = claimed_addresses(proof.offer.name, proof.claim, now)
    return decide_gain(core, by, user, identity, addresses, asks, links=True)


def decide_gain(
    core: Core,
    by: Acting,
    user: User,
    identity: Identity,
    addresses: tuple[Address, ...],
    asks: Session | None,
    *,
    links: bool = False,
) -> Decision[None]:
    """Decide that *user* has one more identity, and the addresses that come with it."""
    gained = gain(core, user, (identity,), addresses, asks)
    codes = {"provider": identity.provider, **gained.codes}
    detail = {"linked": named((identity,)), **gained.detail}
    new, told = with_link_notices(core, by, user, gained.user)
    return Decision(
        result=None,
        new=new,
        happenings=(Happening("link", codes=codes, detail=detail), *told),
        put=carried_on(core, asks, user, new, links=links),
    )


def check_may_link(user: User) -> None:
    """Return if *user* can have several identities. Raises NotAllowed: it is not confirmed, or a
    server's, disabled, or about to be deleted."""
    if user.type != "normal":
        raise NotAllowed("a server's", "link", ())
    if user.state != "confirmed":
        raise NotAllowed(user.state, "link", triggers_from(user.state))
    if user.disabled:
        raise NotAllowed("disabled", "link", ("enable",))
    if user.delete_at is not None:
        raise NotAllowed("about to be deleted", "link", ("restore",))


def _absorb(
    core: Core,
    by: Acting,
    user_id: str,
    holder_id: str,
    proof: _Proof,
    asks: Session | None,
    *,
    settle: bool,
) -> User:
    """The identity is another user's, who never logged in with it: a registration that was made
    for this. It moves, and its user is absorbed.

    Raises:
        IdentityTaken: that user has logged in, has other identities, or custom data that would be
            lost without a word: a merge tells beforehand.
    """

    def decide(user: User, other: User) -> Both[None]:
        check_open(core, user, asks)
        check_may_link(user)
        identity = identity_of(other, proof.offer.name, proof.claim)
        if identity is None or (
            proof.identity is not None and identity.private != proof.identity.private
        ):
            raise TryLater("this identity was changed a moment ago")
        was_used = other.first_log_in_at is not None or len(other.identities) > 1
        if was_used or other.type != "normal":
            raise IdentityTaken(proof.offer.name)
        check_state(core, by, other, identity)
        move(other.state, "absorb")
        plan = plan_of(core, user, other)
        if plan.collisions:
            raise AlreadyLinked(proof.offer.name)
        if plan.drops_custom_data:
            raise IdentityTaken(proof.offer.name)
        return decide_absorption(core, by, plan, asks, trigger="link")

    try:
        return change_both(core, by, user_id, holder_id, decide, asked="link", settle=settle)[0]
    except UserNotFound:
        raise TryLater("others are changing these users") from None
