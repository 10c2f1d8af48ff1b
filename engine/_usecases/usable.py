"""Which identities somebody can log in with: the last one of a user stays (security.md O5)."""

from __future__ import annotations

from .._core import Core
from .._plugins import Offer
from ..records import Identity, User
from .registering import registers


def can_be_linked(offer: Offer) -> bool:
    """Return whether an identity of this provider can be one of several: not one whose credentials
    nobody can give a second time, nor one that is somebody's without a link, such as a key."""
    return _is_repeatable(offer) and bool(getattr(offer.value, "linkable", True))


def _is_repeatable(offer: Offer) -> bool:
    return bool(getattr(offer.value, "repeatable", True))


def usable(core: Core, user: User) -> tuple[Identity, ...]:
    """Return the identities that *user* could log in with now, were it not disabled.

    Not one whose provider is not loaded here, is switched off or makes a new user each time; nor
    one without a password, unless a reset could set one: its address was proved.
    """
    return tuple(identity for identity in user.identities if _is_usable(core, user, identity))


def _is_usable(core: Core, user: User, identity: Identity) -> bool:
    offer = core.plugins.offers("register_providers").get(identity.provider)
    if offer is None or identity.login_key is None or not _is_repeatable(offer):
        return False
    if not core.sources.of_provider(identity.provider).enabled:
        return False
    return not registers(offer) or bool(identity.private) or _is_proved(user, identity)


def _is_proved(user: User, identity: Identity) -> bool:
    return any(a.proved_at and a.canonical == identity.login_key for a in user.addresses)
