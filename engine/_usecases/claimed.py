"""What a proved claim makes of a user: the identity, and the address that the provider says."""

from __future__ import annotations

from datetime import datetime

from .._core import Core
from ..addresses import canonical
from ..providers import Claim
from ..records import Address, Identity, User


def identity_of(user: User, provider: str, claim: Claim) -> Identity | None:
    """Return which of *user*'s identities a claim of *provider* is about, or None."""
    mine = (i for i in user.identities if i.provider == provider)
    return next((i for i in mine if i.login_key == claim.login_key), None)


def new_identity(core: Core, provider: str, claim: Claim, now: datetime) -> Identity:
    """Return the identity that a claim of *provider* is about, as somebody gets it *now*."""
    return Identity(
        provider=provider,
        id=claim.identity_id or core.ids.mint(now),
        login_key=claim.login_key,
        data=claim.data,
        private=claim.private,
        added_at=now,
    )


def claimed_addresses(provider: str, claim: Claim, now: datetime) -> tuple[Address, ...]:
    """Return what *provider* says of an address: proved only if it vouches for it (H5)."""
    if claim.address is None:
        return ()
    return (
        Address(
            typed=claim.address,
            canonical=canonical(claim.address),
            proved_at=now if claim.address_proved else None,
            proved_by=provider if claim.address_proved else None,
        ),
    )
