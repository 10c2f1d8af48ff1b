"""A provider of OpenID Connect, by id token, by code, or by sending the browser there and back."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from admit.addresses import canonical
from admit.errors import (
    InvalidAddress,
    InvalidInput,
    MissingExtra,
    ProviderRefused,
    RedirectInvalid,
)
from admit.masked import Secret
from admit.providers import (
    Check,
    Claim,
    Credentials,
    RedirectAnswer,
    RedirectRequest,
    RedirectTerms,
)
from admit.records import Identity, User
from admit.services import Services

from .settings import call_seconds, needed

if TYPE_CHECKING:
    from .client import Dialect, OpenIdClient, Tokens

REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105  # a name
"""Where an identity's private data keeps the sealed refresh token."""
LONGEST_CODE: Final = 4096
LONGEST_VALUE: Final = 4096
"""Characters of one metadata field (wire-contract.md §3)."""
DATA: Final = {
    "name": "name",
    "given_name": "first_name",
    "family_name": "last_name",
    "email": "email",
    "picture": "picture",
    "preferred_username": "username",
    "locale": "locale",
}
"""The claims that become a user's data, and what they are called there. Which of them are kept, the
setting `metadata_fields` of each provider says."""


class OpenIdProvider:
    """Logs in users of one issuer. The first log-in makes the user.

    What it needs – a JOSE library, an HTTP client – is imported at the first log-in.
    """

    def __init__(
        self, name: str, dialect: Callable[[], Dialect], *, enabled_by_default: bool = False
    ) -> None:
        self.name = name
        self.enabled_by_default = enabled_by_default
        self._dialect = dialect
        self._client: OpenIdClient | None = None
        self._lock = threading.Lock()

    def limit_seconds(self, services: Services) -> float:
        """Return the time for one call: it may ask for discovery document, token and keys."""
        return call_seconds(services.settings(self.client().dialect.section))

    def client(self) -> OpenIdClient:
        """Return the client, made when it is first needed. Raises MissingExtra."""
        with self._lock:  # one for all: it keeps what was fetched
            if self._client is None:
                try:
                    import joserfc  # noqa: F401  # whether it is there
                except ImportError:
                    raise MissingExtra(f"The provider {self.name!r}", "joserfc", "oidc") from None
                from .client import OpenIdClient

                self._client = OpenIdClient(self._dialect())
            return self._client

    def identify(self, credentials: Credentials, services: Services) -> Claim:
        """Return whom an `id_token`, or an `auth_code`, is about; one of the two is given.

        With an id token may come the `nonce` that the app asked for it with. With a code may come
        the `code_verifier`, the `redirect_uri` – one of the setting `redirect_uris` – and the
        `client_id` of the app that asked for it.

        Raises:
            InvalidInput: neither is given, or a field is no text.
            WrongCredentials: the token or code is not good, or not for us.
            ProviderFailed: the provider's server cannot be asked. NotConfigured, MissingExtra.
        """
        client = self.client()
        settings = client.settings(services)
        own = str(settings.client_id)
        trusted = frozenset({own, *settings.other_client_ids})
        nonce = optional(credentials, "nonce", most=500)
        code = optional(credentials, "auth_code", "authCode", most=LONGEST_CODE)
        if code is None:
            token = required(credentials, "id_token", "idToken")
            claims = client.claims_of(token, services, nonce=nonce, audiences=trusted)
            return self._claim(claims, credentials, services)
        asked_by = optional(credentials, "client_id", most=500) or own
        redirect_uri = optional(credentials, "redirect_uri", most=2000)
        if asked_by not in trusted:
            raise InvalidInput("client_id", "is not one of this provider's client ids.")
        if redirect_uri and redirect_uri not in settings.redirect_uris:
            raise InvalidInput("redirect_uri", "is not one of this provider's redirect URIs.")
        verifier = optional(credentials, "code_verifier", most=200)
        tokens = client.exchange(
            code,
            services,
            redirect_uri=redirect_uri,
            code_verifier=None if verifier is None else Secret(verifier),
            client_id=asked_by,
        )
        claims = client.claims_of(
            tokens.id_token, services, nonce=nonce, audiences=frozenset({asked_by})
        )
        return self._claim(claims, credentials, services, tokens)

    def check(
        self, credentials: Credentials, identity: Identity | None, services: Services
    ) -> Check:
        """Accept nothing: these claims prove themselves."""
        return Check(accepted=False)

    # --- through the browser -------------------------------------------------------------------

    def redirect_terms(self, services: Services) -> RedirectTerms:
        """Return where browsers may be sent. Raises NotConfigured."""
        client = self.client()
        settings = client.settings(services)
        needed(
            f"Sending browsers to {self.name!r}", self.name, redirect_uris=settings.redirect_uris
        )
        return RedirectTerms(
            redirect_uris=settings.redirect_uris,
            return_uris=settings.return_uris,
            posts_back=client.dialect.posts_back,
        )

    def begin_redirect(self, asked: RedirectRequest, services: Services) -> str:
        """Return the URL to send the browser to. Raises ProviderFailed, NotConfigured."""
        return self.client().authorization_url(asked, services)

    def end_redirect(self, answer: RedirectAnswer, services: Services) -> Claim:
        """Return whom the provider's answer is about.

        Raises:
            RedirectInvalid: it comes from another issuer than the one asked (RFC 9207).
            ProviderRefused: the provider, or the user there, said no.
            InvalidInput: it carries no code.
            WrongCredentials, ProviderFailed: as `identify`.
        """
        client = self.client()
        issuer = client.issuer(services)
        named = answer.parameters.get("iss")
        if named != issuer.name and (named is not None or issuer.answers_with_issuer):
            raise RedirectInvalid("other-provider")
        if "error" in answer.parameters:
            raise ProviderRefused(error_code(answer.parameters["error"]))
        code = required(answer.parameters, "code", most=LONGEST_CODE)
        tokens = client.exchange(
            code,
            services,
            redirect_uri=answer.redirect_uri,
            code_verifier=answer.code_verifier,
        )
        own = frozenset({str(client.settings(services).client_id)})
        claims = client.claims_of(
            tokens.id_token, services, nonce=answer.nonce.reveal(), audiences=own
        )
        return self._claim(claims, answer.parameters, services, tokens)

    # --- going away ----------------------------------------------------------------------------

    def revoke(self, user: User, services: Services) -> None:
        """Take back what was kept to be taken back, of each of *user*'s identities here. Safe to
        repeat; nothing happens where nothing was kept.

        Raises:
            ProviderFailed: the provider could not be asked: try again.
            StoreDamaged: the engine's key that sealed it is gone.
        """
        for identity in user.identities:
            sealed = identity.private.get(REFRESH_TOKEN)
            if identity.provider == self.name and sealed is not None:
                about = self._about(identity.login_key)
                self.client().revoke(services.unseal(sealed, about=about), services)

    def _about(self, login_key: str | None) -> str:
        """What a sealed refresh token is bound to: it is that of one identity here."""
        return f"{REFRESH_TOKEN} of {self.name}:{login_key}"

    # --- what is claimed -----------------------------------------------------------------------

    def _claim(
        self,
        claims: Mapping[str, Any],
        given: Mapping[str, Any],
        services: Services,
        tokens: Tokens | None = None,
    ) -> Claim:
        client = self.client()
        settings, issuer = client.settings(services), client.issuer(services)
        dialect = client.dialect
        subject = str(claims["sub"])
        address = readable_address(claims.get("email"))
        says_verified = claims.get("email_verified")
        verified = says_verified is True or (dialect.verified_as_text and says_verified == "true")
        login_key = dialect.login_key(issuer.name, subject)
        private = {}
        if dialect.keeps_refresh_token and tokens is not None and tokens.refresh_token is not None:
            private[REFRESH_TOKEN] = services.seal(
                tokens.refresh_token, about=self._about(login_key)
            )
        return Claim(
            login_key=login_key,
            proved=True,
            creates_users=True,
            identity_id=subject,
            data=data_of({**dialect.said_beside(given), **claims}),
            adds_data=dialect.tells_once,
            private=private,
            address=address,
            address_proved=address is not None and verified and settings.trusts_addresses,
        )


def data_of(claims: Mapping[str, Any]) -> dict[str, object]:
    """Return what is told of the user, under the names that existing clients know."""
    found: dict[str, object] = {}
    for claim, name in DATA.items():
        value = claims.get(claim)
        if isinstance(value, str) and is_kept(value):
            found[name] = value
    return found


def is_kept(text: str) -> bool:
    """Return whether a text from outside is one that may be kept and shown."""
    return 0 < len(text) <= LONGEST_VALUE and text.isprintable()


def readable_address(value: object) -> str | None:
    """Return an address that messages could go to, or None: a provider may say anything."""
    try:
        canonical(value if isinstance(value, str) else "")
    except InvalidAddress:
        return None
    return str(value)


def required(given: Mapping[str, Any], *names: str, most: int = 20_000) -> str:
    """Return the text under the first of *names* that is given; the others are what existing
    clients call it. Raises InvalidInput, naming the first."""
    text = optional(given, *names, most=most)
    if text is None:
        raise InvalidInput(names[0], "is missing.")
    return text


def optional(given: Mapping[str, Any], *names: str, most: int) -> str | None:
    """Return the same, or None if it is not given. Raises InvalidInput: it is no such text."""
    value = next((given[name] for name in names if given.get(name) is not None), None)
    if isinstance(value, Secret):
        value = value.reveal()
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= most or not value.isprintable():
        raise InvalidInput(names[0], f"must be text of at most {most} characters.")
    return value


def error_code(found: object) -> str:
    """Return *found* if it looks like an OAuth error code, else `unknown_error`."""
    is_code = isinstance(found, str) and re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", found)
    return str(found) if is_code else "unknown_error"
