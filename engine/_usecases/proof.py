"""A user's password: which identity it belongs to, and whether it is the one that is stored.

Only the provider of an identity knows what it keeps of a password, so it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._core import Core
from .._evolve import evolve
from ..errors import NotAllowed, WrongCredentials
from ..masked import Secret
from ..records import Identity, User
from .register import registering_provider
from .registering import registers


def password_identity(core: Core, user: User) -> Identity | None:
    """Return the identity whose password is *user*'s: the one of the setting `password_provider`,
    else the first of a loaded provider whose users register."""
    offers = core.plugins.offers("register_providers")
    own = [i for i in user.identities if i.provider in offers and registers(offers[i.provider])]
    chosen = core.settings.password_provider
    return next((i for i in own if i.provider == chosen), own[0] if own else None)


def is_password_of(core: Core, user: User | None, password: Secret) -> bool:
    """Return whether *password* is the one stored with *user*; nobody's, and that of a user who
    has none, costs as much as somebody's (security.md E4)."""
    identity = None if user is None else password_identity(core, user)
    offer = registering_provider(core, None if identity is None else identity.provider)
    answer: bool = core.plugins.call(
        offer,
        "verify_private",
        lambda: offer.value.verify_private(password, identity, core.services),
    )
    return answer and identity is not None


def check_password(core: Core, user: User, password: Secret) -> None:
    """Return if *password* is the one stored with *user*. Raises WrongCredentials."""
    if not is_password_of(core, user, password):
        raise WrongCredentials


def check_unchanged(core: Core, user: User, proved: User) -> None:
    """Return if *user* is the one whose password was *proved* a moment ago, and has it. Raises
    WrongCredentials."""
    known, found = password_identity(core, proved), password_identity(core, user)
    if user.id != proved.id or known is None or found is None or found.private != known.private:
        raise WrongCredentials


def hashed(core: Core, user: User, password: Secret) -> Mapping[str, str]:
    """Return what the provider of *user*'s password keeps of a new one. Raises NotAllowed."""
    offer = registering_provider(core, _own(core, user).provider)
    private: Mapping[str, str] = core.plugins.call(
        offer, "private_data", lambda: offer.value.private_data(password, core.services)
    )
    return private


def with_private(core: Core, user: User, private: Mapping[str, str]) -> User:
    """Return *user* with what is kept of her password replaced: the old hash is gone. Raises
    NotAllowed."""
    own = _own(core, user)
    return evolve(
        user,
        identities=tuple(
            evolve(identity, private=dict(private)) if identity is own else identity
            for identity in user.identities
        ),
    )


def _own(core: Core, user: User) -> Identity:
    identity = password_identity(core, user)
    if identity is None:
        raise NotAllowed(user.state, "set a password without a password identity", ())
    return identity
