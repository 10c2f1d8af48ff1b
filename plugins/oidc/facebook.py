"""The provider `oauth2-facebook`: log in with Facebook.

Facebook's log-in is OAuth 2.0 without an id token: what proves who somebody is are two answers of
its Graph API about an access token – for which application it was made, and whose it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from admit.errors import InvalidInput, ProviderRefused
from admit.hookspecs import hookimpl
from admit.masked import Secret
from admit.providers import (
    Check,
    Claim,
    Credentials,
    Provider,
    RedirectAnswer,
    RedirectRequest,
    RedirectTerms,
)
from admit.records import Identity
from admit.services import Services
from admit.settings import NOT_IN_STORE, setting

from .provider import (
    LONGEST_CODE,
    data_of,
    error_code,
    optional,
    readable_address,
    required,
)
from .settings import BrowserSettings, call_seconds, needed

if TYPE_CHECKING:
    from .graph import Graph

NAME: Final = "oauth2-facebook"


@attrs.frozen
class FacebookSettings(BrowserSettings):
    """The section `oauth2-facebook`."""

    client_id: str | None = setting(None, "The app id that Facebook gave you.", where=NOT_IN_STORE)
    client_secret: Secret | None = setting(None, "The app secret.", where=NOT_IN_STORE)
    graph_url: str = setting(
        "https://graph.facebook.com/v23.0", "Where its Graph API is.", where=NOT_IN_STORE
    )
    dialog_url: str = setting(
        "https://www.facebook.com/v23.0/dialog/oauth",
        "Where browsers are sent to log in.",
        where=NOT_IN_STORE,
    )
    scopes: tuple[str, ...] = setting(
        ("email", "public_profile"), "What the user is asked to share."
    )


class FacebookProvider:
    """Logs in users of Facebook. The first log-in makes the user.

    It never proves an address: Facebook does not say whether it verified one (security.md H5).
    """

    name = NAME
    enabled_by_default = False

    def __init__(self) -> None:
        self._kept_graph: Graph | None = None

    def limit_seconds(self, services: Services) -> float:
        """Return the time for one call: it asks for a token, what it is, and whose."""
        return call_seconds(services.settings(FacebookSettings))

    def identify(self, credentials: Credentials, services: Services) -> Claim:
        """Return whose an `access_token` is, or the one that an `auth_code` is worth.

        With a code may come its `code_verifier` and its `redirect_uri`, one of the setting
        `redirect_uris`.

        Raises:
            InvalidInput: neither is given, or a field is no text.
            WrongCredentials: the token or code is not good, or was made for another application.
            ProviderFailed: Facebook cannot be asked. NotConfigured.
        """
        settings, graph = self._settings(services), self._graph()
        code = optional(credentials, "auth_code", "authCode", most=LONGEST_CODE)
        if code is None:
            token = Secret(required(credentials, "access_token", "accessToken", most=LONGEST_CODE))
            return self._claim(graph, token, services)
        redirect_uri = optional(credentials, "redirect_uri", most=2000)
        if redirect_uri is not None and redirect_uri not in settings.redirect_uris:
            raise InvalidInput("redirect_uri", "is not one of this provider's redirect URIs.")
        verifier = optional(credentials, "code_verifier", most=200)
        token = graph.exchange(
            settings, code, redirect_uri or "", None if verifier is None else Secret(verifier)
        )
        return self._claim(graph, token, services)

    def check(
        self, credentials: Credentials, identity: Identity | None, services: Services
    ) -> Check:
        """Accept nothing: these claims prove themselves."""
        return Check(accepted=False)

    def redirect_terms(self, services: Services) -> RedirectTerms:
        """Return where browsers may be sent. Raises NotConfigured."""
        settings = self._settings(services)
        needed(f"Sending browsers to {NAME!r}", NAME, redirect_uris=settings.redirect_uris)
        return RedirectTerms(redirect_uris=settings.redirect_uris, return_uris=settings.return_uris)

    def begin_redirect(self, asked: RedirectRequest, services: Services) -> str:
        """Return the URL to send the browser to. Without an id token there is no place for a nonce:
        PKCE binds the code to this request. Raises NotConfigured, InvalidSetting."""
        return self._graph().dialog_url(self._settings(services), asked)

    def end_redirect(self, answer: RedirectAnswer, services: Services) -> Claim:
        """Return whom the answer is about.

        Raises:
            ProviderRefused: Facebook, or the user there, said no.
            InvalidInput, WrongCredentials, ProviderFailed: as `identify`.
        """
        if "error" in answer.parameters:
            raise ProviderRefused(error_code(answer.parameters["error"]))
        code = required(answer.parameters, "code", most=LONGEST_CODE)
        settings, graph = self._settings(services), self._graph()
        token = graph.exchange(settings, code, answer.redirect_uri, answer.code_verifier)
        return self._claim(graph, token, services)

    def _settings(self, services: Services) -> FacebookSettings:
        settings = services.settings(FacebookSettings)
        needed(
            f"The provider {NAME!r}",
            NAME,
            client_id=settings.client_id,
            client_secret=settings.client_secret,
        )
        return settings

    def _graph(self) -> Graph:
        if self._kept_graph is None:
            from .graph import Graph

            self._kept_graph = Graph(NAME)
        return self._kept_graph

    def _claim(self, graph: Graph, token: Secret, services: Services) -> Claim:
        settings = self._settings(services)
        person = graph.person(settings, token, services.clock.now())
        picture = person.get("picture")
        shown = picture.get("data") if isinstance(picture, Mapping) else None
        said = {
            "name": person.get("name"),
            "given_name": person.get("first_name"),
            "family_name": person.get("last_name"),
            "email": person.get("email"),
            "picture": shown.get("url") if isinstance(shown, Mapping) else None,
        }
        return Claim(
            login_key=str(person["id"]),
            proved=True,
            creates_users=True,
            identity_id=str(person["id"]),
            data=data_of(said),
            address=readable_address(person.get("email")),
        )


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `oauth2-facebook`."""
    return {NAME: FacebookSettings}


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Offer `oauth2-facebook`."""
    return [FacebookProvider()]
