"""The provider `local-userpass`: users who log in with an e-mail address and a password."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Final

from admit.addresses import canonical
from admit.errors import InvalidAddress, InvalidInput, PasswordRefused, TryLater
from admit.hookspecs import hookimpl
from admit.masked import Secret
from admit.providers import Check, Claim, Credentials, NewIdentity, Provider, RegistrationRequest
from admit.records import Identity
from admit.services import Services

HASH: Final = "hash"
"""Where an identity's private data keeps the argon2id hash, a PHC string."""

NOBODY: Final = "@"
"""A login key that no canonical address can be: those have a name before and a domain after."""


class LocalUserpass:
    """E-mail and password. The login key is the canonical address."""

    name = "local-userpass"
    inline = True

    def identify(self, credentials: Credentials, services: Services) -> Claim:
        """Return whom `username` claims to be.

        A text that is no address claims to be nobody, and goes on to cost a hash like an unknown
        address: log-in answers both alike (security.md E1, E4).

        Raises:
            InvalidInput: `username` or `password` is missing or no text.
        """
        username = credentials.get("username")
        if username is None:
            raise InvalidInput("username", "is missing.", "Give the e-mail address.")
        if not isinstance(username, str):
            raise InvalidInput("username", f"must be text, not {type(username).__name__}.")
        _password(credentials)
        try:
            return Claim(login_key=canonical(username))
        except InvalidAddress:
            return Claim(login_key=NOBODY)

    def check(
        self, credentials: Credentials, identity: Identity | None, services: Services
    ) -> Check:
        """Compare the password with the identity's hash; nobody's costs as much (E4).

        A right password whose hash was made with other parameters than today's is hashed again
        (P3), unless the hashes are queueing: then another log-in will do it.

        Raises:
            InvalidInput: `password` is missing or no text.
            TryLater: too many hashes wait already (P4).
        """
        password = _password(credentials)
        if identity is None or HASH not in identity.private:
            return Check(accepted=self.verify_private(password, None, services))
        kept = identity.private
        if not self.verify_private(password, identity, services):
            return Check(accepted=False)
        if services.needs_rehash(kept[HASH]):
            with contextlib.suppress(TryLater):
                return Check(
                    accepted=True, private={**kept, HASH: services.hash_password(password)}
                )
        return Check(accepted=True)

    def new_identity(self, request: RegistrationRequest, services: Services) -> NewIdentity:
        """Return the identity of an address, which is also shown to clients as `email`.

        Without a password nobody can log in until a reset has set one (P6).

        Raises:
            InvalidAddress: it cannot be registered (T9).
            PasswordRefused: the password has half a character in it.
        """
        login_key = canonical(request.login)
        if request.password is not None:
            _must_be_unicode(request.password)
        return NewIdentity(
            login_key=login_key,
            address=request.login,
            data={**request.data, "email": request.login},
        )

    def private_data(self, password: Secret, services: Services) -> Mapping[str, str]:
        """Return the password's hash. Takes about 0.1 s.

        Raises:
            PasswordRefused: it has half a character in it, or is too long.
            TryLater: too many hashes wait already (P4).
        """
        _must_be_unicode(password)
        return {HASH: services.hash_password(password)}

    def imported_private(self, hashed: str, services: Services) -> Mapping[str, str]:
        """Return a hash that somebody brings along, which the next log-in replaces (P3).

        Raises:
            InvalidInput: it cannot be verified here. NotConfigured, MissingExtra.
        """
        if hashed.startswith("argon2$"):  # as Django writes it
            hashed = hashed.removeprefix("argon2")
        services.check_hash(hashed)
        return {HASH: hashed}

    def exported_hash(self, identity: Identity) -> Secret | None:
        """Return the hash that is kept, in whichever format it is."""
        return Secret(identity.private[HASH]) if HASH in identity.private else None

    def verify_private(
        self, password: Secret, identity: Identity | None, services: Services
    ) -> bool:
        """Return whether *password* belongs to the hash; without one: no, at the same cost (E4).

        Raises:
            TryLater: too many hashes wait already (P4).
        """
        hashed = None if identity is None else identity.private.get(HASH)
        return services.verify_password(password, hashed) and hashed is not None


def _password(credentials: Credentials) -> Secret:
    given = credentials.get("password")
    if given is None:
        raise InvalidInput("password", "is missing.", "Give it.")
    if not isinstance(given, str | Secret):
        raise InvalidInput("password", f"must be text, not {type(given).__name__}.")
    password = given if isinstance(given, Secret) else Secret(given)
    if not _is_unicode(password):
        raise InvalidInput("password", _NO_UNICODE)
    return password


def _must_be_unicode(password: Secret) -> None:
    if not _is_unicode(password):
        raise PasswordRefused("password", _NO_UNICODE)


_NO_UNICODE: Final = "has half of a surrogate pair, which is no character."


def _is_unicode(password: Secret) -> bool:
    # JSON can smuggle in a lone surrogate, "\ud800"; it has no UTF-8 form, so no hash.
    try:
        password.reveal().encode()
    except UnicodeEncodeError:
        return False
    return True


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Offer `local-userpass`."""
    return [LocalUserpass()]
