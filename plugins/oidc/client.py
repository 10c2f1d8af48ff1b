"""The client's side of OpenID Connect with one issuer: the way out, the code's exchange, the id
token, and taking a refresh token back."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import attrs

from admit.errors import ProviderFailed, WrongCredentials
from admit.masked import Secret
from admit.providers import RedirectRequest
from admit.services import Services

from ..fetching import Fetched, Fetcher
from ..signed_tokens import ALGORITHMS, Refused
from .discovery import Discovery, Issuer
from .id_tokens import Expected, checked
from .provider import error_code
from .settings import OpenIdSettings, SecretSettings, needed

_log: Final = logging.getLogger("admit.oidc")

ClientSecret = Callable[[Any, Services, str], Secret | None]
"""Returns the secret with which a client id of ours shows itself."""


def set_secret(settings: SecretSettings, services: Services, client_id: str) -> Secret | None:
    """Return the setting `client_secret`: what most providers ask for."""
    return settings.client_secret


def nothing(given: Mapping[str, Any]) -> Mapping[str, object]:
    """Return nothing: most providers say all there is in the token."""
    return {}


@attrs.frozen(kw_only=True)
class Dialect:
    """What one provider does in a way of its own."""

    name: str
    section: type[OpenIdSettings]
    login_key: Callable[[str, str], str]
    """Makes the login key of issuer and subject (security.md O1)."""
    client_secret: ClientSecret = set_secret
    short_issuer: bool = False
    """Whether `iss` may lack its scheme."""
    verified_as_text: bool = False
    """Whether `email_verified` may be the text "true"."""
    hashed_nonce: bool = False
    posts_back: bool = False
    """Whether the browser comes back with a form instead of a query."""
    said_beside: Callable[[Mapping[str, Any]], Mapping[str, object]] = nothing
    """Reads what is said of the user beside the token, unsigned: good for display alone."""
    tells_once: bool = False
    """Whether some of that is told at the first log-in only, and so must not be forgotten."""
    keeps_refresh_token: bool = False
    """Whether a refresh token is kept, sealed, to be taken back when the user is deleted."""


@attrs.frozen
class Tokens:
    """What a code was worth."""

    id_token: str = attrs.field(repr=False)
    refresh_token: Secret | None = None


class OpenIdClient:
    """Speaks with the issuer that the settings name. Safe to use from several threads."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._fetcher = Fetcher(dialect.name)
        self._discovery = Discovery(dialect.name, self._fetcher)

    def settings(self, services: Services) -> OpenIdSettings:
        """Return the settings in force. Raises NotConfigured: issuer or client id is missing."""
        settings: OpenIdSettings = services.settings(self.dialect.section)
        needed(
            f"The provider {self.dialect.name!r}",
            self.dialect.name,
            issuer=settings.issuer,
            client_id=settings.client_id,
        )
        return settings

    def issuer(self, services: Services) -> Issuer:
        """Return the issuer's endpoints and keys. Raises ProviderFailed, InvalidSetting."""
        settings = self.settings(services)
        return self._discovery.find(
            f"{self.dialect.name}.issuer",
            settings.issuer or "",
            services.clock.now(),
            settings.time_limit.total_seconds(),
        )

    def authorization_url(self, asked: RedirectRequest, services: Services) -> str:
        """Return where to send the browser. PKCE is S256, always (security.md O2)."""
        settings = self.settings(services)
        query = {
            "response_type": "code",
            "client_id": settings.client_id or "",
            "redirect_uri": asked.redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *settings.scopes))),
            "state": asked.state.reveal(),
            "nonce": asked.nonce,
            "code_challenge": asked.code_challenge,
            "code_challenge_method": "S256",
        }
        if self.dialect.posts_back:
            query["response_mode"] = "form_post"
        if asked.locale is not None:
            query["ui_locales"] = asked.locale
        endpoint = self.issuer(services).authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query, quote_via=quote)}"

    def exchange(
        self,
        code: str,
        services: Services,
        *,
        redirect_uri: str | None,
        code_verifier: Secret | None,
        client_id: str | None = None,
    ) -> Tokens:
        """Return what *code* is worth at the issuer.

        Raises:
            WrongCredentials: nothing: it is no code, was used, or belongs to somebody else.
            ProviderFailed: the issuer answered otherwise, or not at all.
        """
        form = {"grant_type": "authorization_code", "code": code}
        if redirect_uri is not None:
            form["redirect_uri"] = redirect_uri
        if code_verifier is not None:
            form["code_verifier"] = code_verifier.reveal()
        issuer = self.issuer(services)
        answer = self._post(issuer, issuer.token_endpoint, form, services, client_id)
        if answer.status != 200:
            self._refuse(answer)
        id_token, refresh = answer.content.get("id_token"), answer.content.get("refresh_token")
        if not isinstance(id_token, str):
            raise ProviderFailed(self.dialect.name, "it gave no id token for a code")
        kept = isinstance(refresh, str) and bool(refresh)
        return Tokens(id_token, Secret(str(refresh)) if kept else None)

    def claims_of(
        self,
        id_token: str,
        services: Services,
        *,
        nonce: str | None,
        audiences: frozenset[str],
    ) -> Mapping[str, Any]:
        """Return the claims of an id token for one of *audiences*.

        Raises:
            WrongCredentials: it is not one that this issuer made for us, now; the log says why.
            ProviderFailed: its keys cannot be had.
        """
        now = services.clock.now()
        issuer = self.issuer(services)
        short = (issuer.name.partition("://")[2],) if self.dialect.short_issuer else ()
        expected = Expected(
            issuers=(issuer.name, *short),
            audiences=audiences,
            algorithms=ALGORITHMS,
            now=now,
            nonce=nonce,
            hashed_nonce=self.dialect.hashed_nonce,
        )
        try:
            return checked(id_token, expected, lambda kid, a: issuer.keys.find(kid, a, now))
        except Refused as refused:
            _log.info("%s: an id token was refused: %s", self.dialect.name, refused)
            raise WrongCredentials from None

    def revoke(self, refresh_token: Secret, services: Services) -> None:
        """Take a refresh token back (RFC 7009). One that is dead already is let pass.

        Raises:
            ProviderFailed: it could not be; try again.
        """
        issuer = self.issuer(services)
        if issuer.revocation_endpoint is None:
            raise ProviderFailed(self.dialect.name, "it names no endpoint for revocations")
        form = {"token": refresh_token.reveal(), "token_type_hint": "refresh_token"}
        answer = self._post(issuer, issuer.revocation_endpoint, form, services, None)
        if answer.status != 200 and _error(answer) not in ("invalid_grant", "invalid_token"):
            raise ProviderFailed(self.dialect.name, f"it refused a revocation ({_error(answer)})")

    def _post(
        self,
        issuer: Issuer,
        url: str,
        form: Mapping[str, str],
        services: Services,
        client_id: str | None,
    ) -> Fetched:
        settings = self.settings(services)
        own = client_id or settings.client_id or ""
        secret = self.dialect.client_secret(settings, services, own)
        headers: dict[str, str] = {}
        shown = {"client_id": own}
        if secret is not None and "client_secret_post" in issuer.token_auth_methods:
            shown["client_secret"] = secret.reveal()
        elif secret is not None:  # RFC 6749 §2.3.1
            pair = f"{quote(own, safe='')}:{quote(secret.reveal(), safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            shown = {}
        seconds = settings.time_limit.total_seconds()
        return self._fetcher.post(url, {**form, **shown}, headers, seconds=seconds)

    def _refuse(self, answer: Fetched) -> None:
        code = _error(answer)
        if code == "invalid_grant":
            _log.info("%s: a code was refused: %s", self.dialect.name, code)
            raise WrongCredentials
        raise ProviderFailed(self.dialect.name, f"it refused to exchange a code ({code})")


def _error(answer: Fetched) -> str:
    """Return an OAuth error code, which comes from outside: of a few signs only."""
    return error_code(answer.content.get("error"))
