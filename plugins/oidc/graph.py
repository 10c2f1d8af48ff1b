"""Facebook's Graph API, as far as a log-in asks it: whose an access token is, and for whom."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from admit.errors import ProviderFailed, WrongCredentials
from admit.masked import Secret
from admit.providers import RedirectRequest

from ..fetching import Fetched, Fetcher, check_url

if TYPE_CHECKING:
    from .facebook import FacebookSettings

_log: Final = logging.getLogger("admit.oidc")
FIELDS: Final = "id,name,first_name,last_name,email,picture"
_ID: Final = re.compile(r"[0-9]{1,40}")


class Graph:
    """Asks the Graph API. Safe to use from several threads."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._fetcher = Fetcher(provider)

    def dialog_url(self, settings: FacebookSettings, asked: RedirectRequest) -> str:
        """Return where to send a browser. Raises InvalidSetting."""
        check_url(f"{self._provider}.dialog_url", settings.dialog_url)
        query = {
            "client_id": settings.client_id or "",
            "redirect_uri": asked.redirect_uri,
            "response_type": "code",
            "scope": ",".join(settings.scopes),
            "state": asked.state.reveal(),
            "code_challenge": asked.code_challenge,
            "code_challenge_method": "S256",
        }
        return f"{settings.dialog_url}?{urlencode(query, quote_via=quote)}"

    def exchange(
        self,
        settings: FacebookSettings,
        code: str,
        redirect_uri: str,
        code_verifier: Secret | None,
    ) -> Secret:
        """Return the access token that a code is worth. Raises WrongCredentials, ProviderFailed."""
        form = {
            "client_id": settings.client_id or "",
            "client_secret": _secret(settings),
            "redirect_uri": redirect_uri,
            "code": code,
        }
        if code_verifier is not None:
            form["code_verifier"] = code_verifier.reveal()
        answer = self._fetcher.post(
            self._url(settings, "oauth/access_token"),
            form,
            seconds=settings.time_limit.total_seconds(),
        )
        token = self._read(answer).get("access_token")
        if not isinstance(token, str) or not token:
            raise ProviderFailed(self._provider, "it gave no access token for a code")
        return Secret(token)

    def person(self, settings: FacebookSettings, token: Secret, now: datetime) -> Mapping[str, Any]:
        """Return what Facebook tells of the user whose token this is.

        Raises:
            WrongCredentials: it is not good, or was made for another application – one that
                anybody may run, and whose users must not be ours for the asking.
            ProviderFailed: Facebook cannot be asked.
        """
        # About the token, as the application; then with it, and a proof that we know the secret.
        found = self._get(
            settings,
            "debug_token",
            {
                "input_token": token.reveal(),
                "access_token": f"{settings.client_id}|{_secret(settings)}",
            },
        ).get("data")
        said = found if isinstance(found, Mapping) else {}
        problem = _problem(said, settings.client_id or "", now)
        if problem is not None:
            _log.info("%s: an access token was refused: %s", self._provider, problem)
            raise WrongCredentials
        proof = hmac.digest(_secret(settings).encode(), token.reveal().encode(), hashlib.sha256)
        person = self._get(
            settings,
            "me",
            {"fields": FIELDS, "access_token": token.reveal(), "appsecret_proof": proof.hex()},
        )
        if str(person.get("id")) != str(said["user_id"]):
            raise ProviderFailed(self._provider, "it names two people for one token")
        return person

    def _get(
        self, settings: FacebookSettings, path: str, query: Mapping[str, str]
    ) -> Mapping[str, Any]:
        url = self._url(settings, path)
        seconds = settings.time_limit.total_seconds()
        return self._read(self._fetcher.get(url, query, seconds=seconds))

    def _url(self, settings: FacebookSettings, path: str) -> str:
        check_url(f"{self._provider}.graph_url", settings.graph_url)
        return f"{settings.graph_url.rstrip('/')}/{path}"

    def _read(self, answer: Fetched) -> Mapping[str, Any]:
        if answer.status == 200:
            return answer.content
        error = answer.content.get("error")
        code = error.get("code") if isinstance(error, Mapping) else None
        # 100: what was sent is no token or code; 190: it is one no more.
        if code in (100, 190):
            _log.info("%s: a token or code was refused: error %s", self._provider, code)
            raise WrongCredentials
        shown = code if isinstance(code, int) else "unknown"
        raise ProviderFailed(self._provider, f"it answered with its error {shown}")


def _secret(settings: FacebookSettings) -> str:
    return "" if settings.client_secret is None else settings.client_secret.reveal()


def _problem(said: Mapping[str, Any], app_id: str, now: datetime) -> str | None:
    """Return what is wrong with a token of which Facebook says this, or None."""
    expires_at = said.get("expires_at", 0)
    if said.get("is_valid") is not True:
        return "it is not valid"
    if str(said.get("app_id")) != app_id:
        return "it was made for another application"
    if said.get("type", "USER") != "USER":
        return "it is no user's"
    if not isinstance(expires_at, int) or 0 < expires_at <= now.timestamp():
        return "it has expired"
    if not _ID.fullmatch(str(said.get("user_id"))):
        return "it is nobody's"
    return None
