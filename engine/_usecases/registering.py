"""Which providers have users who register, before they can log in."""

from __future__ import annotations

from .._core import Core
from .._plugins import Offer
from ..records import Identity


def registers(offer: Offer) -> bool:
    """Return whether users register with this provider, before they can log in."""
    # What isinstance(…, RegisteringProvider) looks at, at a twentieth of its cost; that it has all
    # three methods or none was seen when it was loaded.
    return hasattr(offer.value, "private_data")


def was_registered(core: Core, identity: Identity) -> bool:
    """Return whether this identity came of a registration, as far as this process can tell: not
    when its provider is not loaded."""
    offer = core.plugins.offers("register_providers").get(identity.provider)
    return offer is not None and registers(offer)


def is_login(core: Core, identity: Identity, *canonicals: str) -> bool:
    """Return whether one of these addresses is what this identity logs in with: it was registered
    with it. What another provider calls somebody may look like an address, and says nothing of its
    owner. A process that has not loaded the provider of passwords knows it by the setting."""
    if identity.login_key not in canonicals:
        return False
    offer = core.plugins.offers("register_providers").get(identity.provider)
    if offer is None:
        return identity.provider == core.settings.password_provider
    return registers(offer)
