"""What an authentication provider is: credentials in, identity out."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

import attrs

from .masked import Secret
from .records import Client, Identity, User, UserId
from .services import Services
from .settings import setting

Credentials = Mapping[str, Any]
"""What the caller handed to `log_in`, by name. Secrets in it are plain text: do not keep it."""


@attrs.frozen
class ProviderSettings:
    """What rules every provider; the engine offers it once for each, under the provider's name."""

    enabled: bool = setting(True, "Whether users register and log in with this provider.")
    allow_new_users: bool = setting(True, "Whether it lets in who has no account yet.")
    allowed_domains: tuple[str, ...] = setting(
        (), "Domains whose addresses it lets in, *.example.com for all below it; none: every one."
    )
    refused_domains: tuple[str, ...] = setting((), "Domains whose addresses it lets in never.")
    metadata_fields: tuple[str, ...] = setting(
        ("*",), "What a log-in keeps of what the provider says of a user; *: all of it."
    )


Way = Literal["register", "log-in", "link"]
"""The ways in."""


@attrs.frozen(kw_only=True)
class Admission:
    """What a `before_admission` hook sees: somebody who is about to be let in."""

    way: Way
    provider: str
    user: User | None
    """None for somebody who has no account yet."""
    address: str | None
    """What the provider says, as typed; None when it says none."""
    address_proved: bool
    """Whether the provider vouches for it."""
    data: Mapping[str, object]
    """What would be kept of what the provider says."""
    client: Client | None


@attrs.frozen(kw_only=True, slots=False)  # see _evolve.py
class Claim:
    """What some credentials say, before it is known whose they are."""

    login_key: str
    """Leads to the one user who holds it at this provider."""
    proved: bool = False
    """True when the credentials prove themselves (a signed token, a verdict of your own). False
    when they have to be compared with what the identity keeps: then `check` decides."""
    creates_users: bool = False
    """Whether the first log-in makes a user. Only together with `proved`."""
    identity_id: str | None = None
    """The identity's own id; one is made when None."""
    user: UserId | None = None
    """The user whom these credentials belong to, when they are no identity of their own: an API
    key. Only together with `proved`; `identify` is asked once more when the session is written, so
    that credentials which died meanwhile open nothing."""
    good_until: datetime | None = None
    """When these credentials die; a session that they open ends then at the latest."""
    data: Mapping[str, object] = attrs.field(factory=dict)
    """Shown to clients; replaces what the identity had at each log-in of a proved claim."""
    adds_data: bool = False
    """Whether `data` is added to what the identity had instead of replacing it: for a provider that
    tells some of it only once."""
    private: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Added to what the identity keeps and nobody is shown. A secret in it is sealed with
    `services.seal`."""
    address: str | None = None
    address_proved: bool = False
    """Whether this provider vouches for the address. Explicit, per provider (security.md H5)."""


@attrs.frozen(kw_only=True)
class Check:
    """What comparing the credentials with an identity gave."""

    accepted: bool
    private: Mapping[str, str] | None = attrs.field(default=None, repr=False)
    """New private data to keep (a hash under newer parameters), or None."""


@attrs.frozen(kw_only=True)
class NewIdentity:
    """What a registration asks for."""

    login_key: str
    address: str | None = None
    """Where messages go, as typed; None when this provider knows no address."""
    data: Mapping[str, object] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class RegistrationRequest:
    """What `register` was called with."""

    login: str
    password: Secret | None = attrs.field(default=None, repr=False)
    data: Mapping[str, object] = attrs.field(factory=dict)


class Provider(Protocol):
    """Who may log in. `inline = True` on the object says that it does no I/O but hashing.

    Else it runs in a thread of ours, each call for 30 seconds at most, or for what its method
    `limit_seconds(services)` says. It is asked from several threads at once. With
    `enabled_by_default = False` on it, users come in only once the setting `NAME.enabled` is true.
    A method `check_settings(services)` is asked when an engine opens, which it keeps from opening
    by raising InvalidSetting: quick, and without asking anybody.
    `admit.testing.contracts.ProviderContract` checks all that is said here.

    `repeatable = False` says that its credentials cannot be given a second time, as an anonymous
    user's: who has no other identity is asked for no fresh log-in (security.md O6). Those are never
    linked to a user; neither are credentials of a provider that says `linkable = False`.
    """

    name: str

    def identify(self, credentials: Credentials, services: Services) -> Claim | Awaitable[Claim]:
        """Say what the credentials claim.

        Raises:
            InvalidInput: a field is missing or malformed: whatever a stranger may send.
            WrongCredentials: they are wrong, whoever they were meant for. Not for a login that
                nobody holds: that is for `check` to refuse, at its usual cost.
            NotConfigured: it needs settings that are missing, which are named.
        """
        ...

    def check(
        self, credentials: Credentials, identity: Identity | None, services: Services
    ) -> Check | Awaitable[Check]:
        """Compare the credentials with the identity found, or with nobody's (None).

        Called for claims that are not `proved`. With None it must cost as much as with an identity
        and refuse (security.md E4).
        """
        ...


class RegisteringProvider(Protocol):
    """A provider whose users register before they can log in."""

    name: str

    def new_identity(self, request: RegistrationRequest, services: Services) -> NewIdentity:
        """Validate the request; quick, no hashing.

        Raises:
            InvalidInput: naming the field and the rule.
        """
        ...

    def private_data(self, password: Secret, services: Services) -> Mapping[str, str]:
        """Return what to keep of a password that was accepted: its hash. May be slow."""
        ...

    def imported_private(self, hashed: str, services: Services) -> Mapping[str, str]:
        """Return what to keep of a hash that a user brings along. May be left out: then users with
        this provider bring none.

        Raises:
            InvalidInput: it cannot be verified here; `services.check_hash` says so.
        """
        ...

    def exported_hash(self, identity: Identity) -> Secret | None:
        """Return the hash that its user takes along, which `imported_private` would take; None when
        nothing is kept of a password. May be left out: then users take none along."""
        ...

    def verify_private(
        self, password: Secret, identity: Identity | None, services: Services
    ) -> bool:
        """Return whether *password* is the one that this identity's private data was made of.

        Asked when a password is to prove who somebody is besides a log-in: to change it, to delete
        an account, to correct an address. With None, or when nothing is kept of a password, it must
        cost as much and answer no (security.md E4).
        """
        ...


@attrs.frozen(kw_only=True)
class RedirectTerms:
    """Where a redirecting provider lets browsers be sent. Exact URIs, compared as they are."""

    redirect_uris: tuple[str, ...]
    """Where the provider may send the browser back to: the application's callbacks."""
    return_uris: tuple[str, ...] = ()
    """Where the application may ask to send it on to after that."""
    posts_back: bool = False
    """Whether the browser comes back from another site with a form (POST): a cookie must then be
    `SameSite=None` to come with it."""


@attrs.frozen(kw_only=True)
class RedirectRequest:
    """What a browser is sent to a provider with."""

    redirect_uri: str
    state: Secret
    nonce: str
    code_challenge: str
    """PKCE, S256 (RFC 7636)."""
    locale: str | None = None


@attrs.frozen(kw_only=True)
class RedirectAnswer:
    """What a browser came back with. Its state was this browser's, and is used up."""

    parameters: Mapping[str, str] = attrs.field(repr=False)
    redirect_uri: str
    """The one that the browser was sent away with."""
    nonce: Secret
    code_verifier: Secret


class RedirectingProvider(Protocol):
    """A provider to which browsers can be sent to log in. State, nonce and PKCE are the engine's;
    exchanging the code and checking what it is worth is the provider's."""

    name: str

    def redirect_terms(self, services: Services) -> RedirectTerms:
        """Return where browsers may be sent. Quick. Raises NotConfigured."""
        ...

    def begin_redirect(self, asked: RedirectRequest, services: Services) -> str | Awaitable[str]:
        """Return the URL to send the browser to. Raises ProviderFailed, NotConfigured."""
        ...

    def end_redirect(self, answer: RedirectAnswer, services: Services) -> Claim | Awaitable[Claim]:
        """Return whom the answer is about.

        Raises:
            RedirectInvalid: the answer is from another provider than the one asked.
            ProviderRefused: the provider, or the user there, said no.
            InvalidInput, WrongCredentials, ProviderFailed.
        """
        ...
