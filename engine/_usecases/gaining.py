"""A user gains identities and addresses: what that proves, and what it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .._core import Core
from .._evolve import evolve
from ..records import Address, Identity, Session, User
from .calling_session import opened_with
from .confirming import left_to_worker
from .first_proof import drop_unproved, is_proved
from .registering import is_login
from .replacing import without_passwords
from .runs import cancelled


class Gained(NamedTuple):
    """A user with what it gained, and what an event says of it."""

    user: User
    codes: Mapping[str, str]
    detail: Mapping[str, object]


def gain(
    core: Core,
    user: User,
    identities: tuple[Identity, ...],
    addresses: Sequence[Address],
    asks: Session | None,
) -> Gained:
    """Return *user* with more identities and addresses, whose proof was given this moment.

    An address that is proved by it for the first time drops what its owner never proved (H3), and
    the password that somebody may have set with it, with what he wrote (H1): kept is the identity
    that the session which *asks* was opened with, but no password that is older than the proof of
    its address – a session says nothing of who chose it: somebody may have logged in her browser.
    The user's first proof ends all sessions and keys (H2); a change of address that was asked for
    before is cancelled (H4). An address that nobody proved counts only as a login, or where there
    is no other.
    """
    codes: Mapping[str, str] = {}
    detail: Mapping[str, object] = {}
    spared = (*opened_with(user, asks), *identities)
    new = evolve(user, identities=(*user.identities, *identities))
    proofs = [a for a in addresses if _is_first_proof(user, a)]
    if proofs:  # of a merge there may be several: none of them drops what another one proves
        mailboxes = [address.canonical for address in proofs]
        dropped = drop_unproved(core, new, mailboxes, spared)
        codes, detail = dropped.codes, dropped.detail
        logins = [
            i
            for i in dropped.user.identities
            if i not in identities and is_login(core, i, *mailboxes)
        ]
        new = without_passwords(core, dropped.user, logins)
    for address in (*proofs, *(a for a in addresses if a not in proofs)):
        new = _with_address(core, new, address)
    if proofs or (is_proved(new) and not is_proved(user)):
        new = evolve(new, epoch=user.epoch + 1, keys_epoch=user.keys_epoch + 1)
    new = cancelled(new, ("change-address",), core.now())
    return Gained(left_to_worker(core, new), codes, detail)


def told_apart(core: Core, user: User, identities: tuple[Identity, ...]) -> tuple[Identity, ...]:
    """Return *identities* that *user* is about to gain, each with an id that no other of hers of
    the same provider has: sessions and events name them by it, and several issuers may give the
    same. The login key leads to it as before."""
    taken = {(identity.provider, identity.id) for identity in user.identities}
    apart: list[Identity] = []
    for identity in identities:
        if (identity.provider, identity.id) in taken:
            identity = evolve(identity, id=core.mint_id())
        taken.add((identity.provider, identity.id))
        apart.append(identity)
    return tuple(apart)


def _is_first_proof(user: User, proved: Address) -> bool:
    return proved.proved_at is not None and any(
        a.canonical == proved.canonical and a.proved_at is None for a in user.addresses
    )


def _with_address(core: Core, user: User, address: Address) -> User:
    known = next((a for a in user.addresses if a.canonical == address.canonical), None)
    if known is not None and known.proved_at is None and address.proved_at is not None:
        same = evolve(known, proved_at=address.proved_at, proved_by=address.proved_by)
        others = tuple(same if a is known else a for a in user.addresses)
        return evolve(user, addresses=others)
    logs_in = any(is_login(core, i, address.canonical) for i in user.identities)
    if known is None and (address.proved_at is not None or logs_in or not user.addresses):
        return evolve(user, addresses=(*user.addresses, address))
    return user
