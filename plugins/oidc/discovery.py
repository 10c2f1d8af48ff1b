"""What an issuer says of itself: its endpoints and keys (OpenID Connect Discovery 1.0)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from admit.errors import ProviderFailed

from ..fetching import Fetcher, check_url, may_follow
from ..key_sets import KeySet

PATH: Final = "/.well-known/openid-configuration"
FRESH_FOR: Final = timedelta(hours=12)
AGAIN_AFTER: Final = timedelta(minutes=1)
"""How long after a failure the same failure is told without asking again."""


@attrs.frozen(kw_only=True)
class Issuer:
    """One issuer's endpoints and keys."""

    name: str
    """As it stands in the `iss` of its tokens."""
    authorization_endpoint: str
    token_endpoint: str
    revocation_endpoint: str | None
    answers_with_issuer: bool
    """Whether its answers in the browser name it (RFC 9207): then one that does not is refused."""
    token_auth_methods: tuple[str, ...]
    keys: KeySet


class Discovery:
    """Finds issuers and remembers the last one found. Safe to use from several threads."""

    def __init__(self, provider: str, fetcher: Fetcher) -> None:
        self._provider = provider
        self._fetcher = fetcher
        self._lock = threading.Lock()
        self._found: tuple[str, Issuer, datetime] | None = None
        self._failed: tuple[str, datetime, ProviderFailed] | None = None

    def find(self, setting: str, issuer: str, now: datetime, seconds: float) -> Issuer:
        """Return the issuer of this URL.

        Raises:
            InvalidSetting: the URL is no https one; *setting* is named.
            ProviderFailed: its document cannot be had, names another issuer, or endpoints that
                are not https.
        """
        check_url(setting, issuer)
        found = self._remembered(issuer, now)
        if found is not None:
            return found
        with self._lock:
            found = self._remembered(issuer, now)
            if found is None:
                found = self._ask(issuer, now, seconds)
            return found

    def _remembered(self, issuer: str, now: datetime) -> Issuer | None:
        found = self._found
        if found is not None and found[0] == issuer and now < found[2] + FRESH_FOR:
            return found[1]
        return None

    def _ask(self, issuer: str, now: datetime, seconds: float) -> Issuer:
        failed, old = self._failed, self._found
        known = old[1] if old is not None and old[0] == issuer else None
        try:
            if failed is not None and failed[0] == issuer and now < failed[1] + AGAIN_AFTER:
                raise ProviderFailed(self._provider, failed[2].because)
            fetched = self._fetcher.get(issuer.rstrip("/") + PATH, seconds=seconds)
            if fetched.status != 200:
                raise self._unusable(f"no document there (status {fetched.status})")
            answer = self._read(issuer, fetched.content, seconds)
        except ProviderFailed as problem:
            if failed is None or failed[0] != issuer or now >= failed[1] + AGAIN_AFTER:
                self._failed = (issuer, now, problem)
            if known is None:
                raise
            return known  # endpoints rarely move, and its keys have a clock of their own
        # Keys stay with the same URL: to forget them with the document would let strangers who
        # come at that moment have them fetched again.
        if known is not None and known.keys.url == answer.keys.url:
            answer = attrs.evolve(answer, keys=known.keys)
        self._found, self._failed = (issuer, answer, now), None
        return answer

    def _read(self, issuer: str, content: Mapping[str, Any], seconds: float) -> Issuer:
        named = content.get("issuer")
        if named != issuer and named != issuer.rstrip("/"):
            raise self._unusable("it names another issuer")  # Discovery §4.3, the mix-up defence
        endpoints = {}
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            endpoints[name] = content.get(name)
            if not may_follow(endpoints[name], issuer):
                raise self._unusable(f"its {name} is missing or no https URL")
        revocation = content.get("revocation_endpoint")
        methods = content.get("token_endpoint_auth_methods_supported")
        jwks_uri = str(endpoints["jwks_uri"])
        return Issuer(
            name=str(named),
            authorization_endpoint=str(endpoints["authorization_endpoint"]),
            token_endpoint=str(endpoints["token_endpoint"]),
            revocation_endpoint=str(revocation) if may_follow(revocation, issuer) else None,
            answers_with_issuer=content.get("authorization_response_iss_parameter_supported")
            is True,
            token_auth_methods=tuple(m for m in methods if isinstance(m, str))
            if isinstance(methods, list)
            else ("client_secret_basic",),
            keys=KeySet(
                self._provider,
                jwks_uri,
                lambda: self._fetched_keys(jwks_uri, seconds),
            ),
        )

    def _fetched_keys(self, url: str, seconds: float) -> Mapping[str, Any]:
        fetched = self._fetcher.get(url, seconds=seconds)
        if fetched.status != 200:
            raise ProviderFailed(self._provider, f"no key set there (status {fetched.status})")
        return fetched.content

    def _unusable(self, because: str) -> ProviderFailed:
        return ProviderFailed(self._provider, f"its discovery document cannot be used: {because}")
