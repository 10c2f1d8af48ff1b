"""The provider `api-key`: programs that log in with a key, a user's own or the server's."""

from __future__ import annotations

from collections.abc import Iterable

from admit.errors import InvalidInput, WrongCredentials
from admit.hookspecs import hookimpl
from admit.masked import Secret
from admit.providers import Check, Claim, Credentials, Provider
from admit.records import Identity
from admit.services import Services


class ApiKeyProvider:
    """A key of `engine.api_keys`: a user's logs her in, a server's its own user."""

    name = "api-key"
    inline = True
    enabled_by_default = linkable = False

    def identify(self, credentials: Credentials, services: Services) -> Claim:
        """Return whose key it is.

        Raises:
            InvalidInput: `key` is missing or no text.
            WrongCredentials: no live key has this text.
        """
        given = credentials.get("key")
        if given is None:
            raise InvalidInput("key", "is missing.", "Give the whole key.")
        if not isinstance(given, str | Secret):
            raise InvalidInput("key", f"must be text, not {type(given).__name__}.")
        key = services.api_key(given if isinstance(given, Secret) else Secret(given))
        if key is None:
            raise WrongCredentials
        return Claim(
            login_key=key.id,
            identity_id=key.id,
            proved=True,
            user=key.user,
            good_until=key.expires_at,
            data={"name": key.name},
        )

    def check(
        self, credentials: Credentials, identity: Identity | None, services: Services
    ) -> Check:
        """Refuse: these claims need no comparing."""
        return Check(accepted=False)


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Offer `api-key`."""
    return [ApiKeyProvider()]
