"""The engine's verbs for API keys: what programs log in with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from ._core import Core
from ._events import Acting
from ._ids import check_id
from ._passwords import as_secret
from ._usecases import api_keys
from .masked import Secret
from .preparing import user_id
from .records import AnyUser, ApiKey, NewApiKey


class ApiKeys:
    """Keys of users and of the application's servers. Their text is shown once, when they are made.

    Where a method takes a *user*, the key has to be hers: so a front door hands on who asks.
    """

    def __init__(self, core: Core, by: Acting) -> None:
        self._core = core
        self._by = by

    def create(
        self,
        user: AnyUser | None = None,
        *,
        name: str,
        address: str | None = None,
        scopes: Sequence[str] = (),
        lifetime: timedelta | None = None,
    ) -> NewApiKey:
        """Make a key that logs a user in. Its text is in the answer, and nowhere else.

        It dies with its user, with its *lifetime*, and when somebody proves the user's address for
        the first time or resets the password (security.md H2); not by a log-out.

        Raises:
            UserNotFound; NotAllowed: the user is not confirmed, or is about to be deleted.
            TooManyApiKeys: as many as the setting `api_keys_a_user` says are there.
            ApiKeyNameTaken: one of hers has this name.
            InvalidInput: the name, a scope, or a lifetime that is not from a minute to ten years.
        """
        wanted = api_keys.asked(name, scopes, lifetime)
        owner = user_id(self._core, user, address)
        return api_keys.create_for_user(self._core, self._by, owner, wanted)

    def create_server_key(
        self, *, name: str, scopes: Sequence[str] = (), lifetime: timedelta | None = None
    ) -> NewApiKey:
        """Make a key of the application's server, which logs in a user of type `server` of its own.

        Raises:
            TooManyApiKeys: as many as the setting `server_api_keys` says are there.
            ApiKeyNameTaken: another server key has this name.
            InvalidInput: as `create`.
        """
        wanted = api_keys.asked(name, scopes, lifetime)
        return api_keys.create_for_server(self._core, self._by, wanted)

    def of(self, user: AnyUser | None = None, *, address: str | None = None) -> tuple[ApiKey, ...]:
        """Return a user's keys, oldest first. Raises UserNotFound."""
        return api_keys.of_user(self._core, user_id(self._core, user, address))

    def of_server(self) -> tuple[ApiKey, ...]:
        """Return the server keys, oldest first."""
        return api_keys.of_server(self._core)

    def get(self, key_id: str, *, user: AnyUser | None = None) -> ApiKey:
        """Return a key. Raises ApiKeyNotFound: there is none, or it is not this user's."""
        return api_keys.get(self._core, check_id(key_id, "key_id"), self._owner(user))

    def disable(self, key_id: str, *, user: AnyUser | None = None) -> ApiKey:
        """Switch a key off, and end the sessions that it opened. Raises ApiKeyNotFound."""
        return self._set_disabled(key_id, user, True)

    def enable(self, key_id: str, *, user: AnyUser | None = None) -> ApiKey:
        """Take `disable` back. Raises ApiKeyNotFound."""
        return self._set_disabled(key_id, user, False)

    def delete(self, key_id: str, *, user: AnyUser | None = None) -> None:
        """Delete a key, and end the sessions that it opened; a server key's user goes with it.

        Raises:
            ApiKeyNotFound: there is none, or it is not this user's.
        """
        owner = self._owner(user)
        api_keys.delete(self._core, self._by, check_id(key_id, "key_id"), owner)

    def verify(self, text: str | Secret, *, scope: str | None = None) -> ApiKey:
        """Return the live key with this text: for an application that takes a key on each request.

        Raises:
            WrongCredentials: there is none, it is disabled or has expired, its user may not come
                in – disabled, or about to be deleted –, or it has not the *scope*.
            ProviderDisabled: no key logs anybody in, since the setting `api-key.enabled` is false.
        """
        return api_keys.verify(self._core, as_secret(text, "text"), scope)

    def _set_disabled(self, key_id: str, user: AnyUser | None, disabled: bool) -> ApiKey:
        found, owner = check_id(key_id, "key_id"), self._owner(user)
        return api_keys.set_disabled(self._core, self._by, found, owner, disabled=disabled)

    def _owner(self, user: AnyUser | None) -> str | None:
        return None if user is None else user_id(self._core, user, None)
