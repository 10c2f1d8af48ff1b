"""The provider `anon-user`: whoever comes gets a user, and nothing is asked."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from typing import Final

from admit.hookspecs import hookimpl
from admit.providers import Check, Claim, Credentials, Provider
from admit.records import Identity
from admit.services import Services

_LETTERS: Final = 24


class AnonymousUser:
    """Each log-in makes another user, who comes back with the session alone – until an identity
    that proves itself is linked."""

    name = "anon-user"
    inline = True
    enabled_by_default = False
    repeatable = False

    def identify(self, credentials: Credentials, services: Services) -> Claim:
        """Return a claim to be somebody new. What else the caller sent is not looked at.

        The id has the shape that existing clients know (wire-contract.md §2): 24 hex digits and 24
        letters. It opens nothing.
        """
        letters = "".join(secrets.choice(string.ascii_lowercase) for _ in range(_LETTERS))
        identity_id = f"{secrets.token_hex(12)}-{letters}"
        return Claim(
            login_key=identity_id, identity_id=identity_id, proved=True, creates_users=True
        )

    def check(
        self, credentials: Credentials, identity: Identity | None, services: Services
    ) -> Check:
        """Refuse: these claims need no comparing."""
        return Check(accepted=False)


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Offer `anon-user`."""
    return [AnonymousUser()]
