"""What users do to their own API keys: each verb asks for an access token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from ._core import Core
from ._events import Acting
from ._ids import check_id
from ._usecases import api_keys, fresh
from .masked import Secret
from .records import ApiKey, NewApiKey


class PublicApiKeys:
    """What a logged-in user may do to her keys. *access_token* is hers, looked up now; what gives
    access for longer than her session needs a fresh log-in, which a key is not (security.md O6).

    Every method raises SessionInvalid, TryLater – called too often – and ApiKeyNotFound for a key
    that is not hers.
    """

    def __init__(self, core: Core, by: Acting, count_client: Callable[[], None]) -> None:
        self._core = core
        self._by = by
        self._count_client = count_client

    def create(
        self,
        *,
        access_token: str | Secret,
        name: str,
        scopes: Sequence[str] = (),
        lifetime: timedelta | None = None,
    ) -> NewApiKey:
        """Make a key, and show it: this once. Needs a fresh log-in.

        Raises:
            FreshLogInNeeded, InvalidInput, TooManyApiKeys, ApiKeyNameTaken: as `ApiKeys.create`.
        """
        wanted = api_keys.asked(name, scopes, lifetime)
        self._count_client()
        user, session = fresh.caller(self._core, access_token, fresh=True)
        return api_keys.create_for_user(self._core, self._by, user.id, wanted, asks=session)

    def of(self, access_token: str | Secret) -> tuple[ApiKey, ...]:
        """Return one's keys, oldest first."""
        return api_keys.of_user(self._core, self._caller(access_token))

    def disable(self, key_id: str, *, access_token: str | Secret) -> ApiKey:
        """Switch one of one's keys off, and end the sessions that it opened."""
        found, user = check_id(key_id, "key_id"), self._caller(access_token)
        return api_keys.set_disabled(self._core, self._by, found, user, disabled=True)

    def enable(self, key_id: str, *, access_token: str | Secret) -> ApiKey:
        """Take `disable` back. Needs a fresh log-in. Raises FreshLogInNeeded."""
        found, user = check_id(key_id, "key_id"), self._caller(access_token, needs_fresh=True)
        return api_keys.set_disabled(self._core, self._by, found, user, disabled=False)

    def delete(self, key_id: str, *, access_token: str | Secret) -> None:
        """Delete one of one's keys, and end the sessions that it opened."""
        found, user = check_id(key_id, "key_id"), self._caller(access_token)
        api_keys.delete(self._core, self._by, found, user)

    def _caller(self, access_token: str | Secret, *, needs_fresh: bool = False) -> str:
        self._count_client()
        return fresh.caller(self._core, access_token, fresh=needs_fresh)[0].id
