"""The engine's verbs for admin keys: who may administer the application from outside."""

from __future__ import annotations

from datetime import datetime

from ._core import Core
from ._events import Acting
from ._ids import check_id
from ._passwords import as_secret
from ._text import check_text
from ._usecases import admin_keys, admin_sessions
from .masked import Secret
from .records import AdminAccess, AdminKey, AdminLogIn, AdminScope, NewAdminKey


class AdminKeys:
    """Keys that open the Admin API, `/api/v1` and the remote command line.

    While there is none, nobody comes in there (security.md N1). A key has a scope – `viewer` reads,
    `support` acts on users, too, `owner` changes settings and keys, too – and may expire. Each
    log-in opens a session of its own, with tokens that no verb for users takes, nor the reverse.
    """

    def __init__(self, core: Core, by: Acting) -> None:
        self._core = core
        self._by = by

    def create(
        self, name: str, *, scope: AdminScope, expires_at: datetime | None = None
    ) -> NewAdminKey:
        """Make a key. Its private half is in the answer, and nowhere else; its id is the public
        half.

        Raises:
            AdminKeyNameTaken: another one has this name.
            InvalidInput: the name, the scope, or an *expires_at* that is not in the next ten years.
        """
        wanted = admin_keys.asked(self._core, name, scope, expires_at)
        return admin_keys.create(self._core, self._by, wanted)

    def all(self) -> tuple[AdminKey, ...]:
        """Return all keys, oldest first."""
        return admin_keys.all_of(self._core)

    def get(self, key_id: str) -> AdminKey:
        """Return a key. Raises AdminKeyNotFound."""
        return admin_keys.get(self._core, check_id(key_id, "key_id"))

    def disable(self, key_id: str) -> AdminKey:
        """Switch a key off, and end its sessions for good. Raises AdminKeyNotFound."""
        found = check_id(key_id, "key_id")
        return admin_keys.set_disabled(self._core, self._by, found, disabled=True)

    def enable(self, key_id: str) -> AdminKey:
        """Take `disable` back. Raises AdminKeyNotFound."""
        found = check_id(key_id, "key_id")
        return admin_keys.set_disabled(self._core, self._by, found, disabled=False)

    def delete(self, key_id: str) -> None:
        """Delete a key, and end its sessions. Raises AdminKeyNotFound."""
        admin_keys.delete(self._core, self._by, check_id(key_id, "key_id"))

    # --- coming in -----------------------------------------------------------------------------

    def log_in(self, public_key: str, private_key: str | Secret) -> AdminLogIn:
        """Open a session of a key: an access token for half an hour, and a refresh token for 60
        days, or as long as the key.

        Raises:
            WrongCredentials: there is no such key, it is disabled or has expired; the event says
                which, the answer does not.
            NoAdminKeys: there is none at all. Nothing was counted.
            TryLater: too many wrong keys came from this network.
        """
        name = check_text(public_key, "public_key")
        private = as_secret(private_key, "private_key").reveal()
        return admin_sessions.log_in(self._core, self._by, name, private)

    def refresh(self, refresh_token: str | Secret) -> AdminLogIn:
        """Return a session with a new access token; the refresh token stays.

        Raises:
            SessionInvalid: malformed, forged, expired, or ended with its session or key.
        """
        return admin_sessions.refresh(self._core, refresh_token)

    def log_out(self, refresh_token: str | Secret) -> None:
        """End a session, and its access tokens at once. Raises SessionInvalid."""
        admin_sessions.log_out(self._core, self._by, refresh_token)

    def verify(self, access_token: str | Secret, *, scope: AdminScope = "viewer") -> AdminAccess:
        """Return which admin an access token stands for.

        Raises:
            SessionInvalid: malformed, forged, expired, or ended with its session or key.
            ScopeMissing: its key is not good for what needs this *scope*. It is recorded.
        """
        needed = admin_keys.check_scope(scope)
        return admin_sessions.verify(self._core, self._by, access_token, needed)

    def verify_key(self, private_key: str | Secret, *, scope: AdminScope = "viewer") -> AdminAccess:
        """Return which admin a private key stands for: for a script that sends the key itself.

        Raises:
            WrongCredentials, NoAdminKeys, TryLater: as `log_in`.
            ScopeMissing: as `verify`.
        """
        private = as_secret(private_key, "private_key").reveal()
        needed = admin_keys.check_scope(scope)
        return admin_sessions.verify_key(self._core, self._by, private, needed)
