"""Whose credentials can be given a second time: not an anonymous user's."""

from __future__ import annotations

from .._core import Core
from ..records import User


def can_prove_again(core: Core, user: User) -> bool:
    """Return whether a user has an identity whose credentials can be given again."""
    return any(can_repeat(core, identity.provider) for identity in user.identities)


def can_repeat(core: Core, provider: str) -> bool:
    """Return whether a provider's credentials can be given again; so it is taken to be if it is not
    loaded here."""
    offer = core.plugins.offers("register_providers").get(provider)
    return offer is None or bool(getattr(offer.value, "repeatable", True))
