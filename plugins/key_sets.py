"""Other people's public keys: a JWKS behind a URL, kept for a while, and fetched with restraint.

A `kid` in a token is a look-up key and nothing else (security.md J4). One that is unknown has the
set fetched again, for a provider may have changed its keys – but once in `AGAIN_AFTER` at most,
whatever strangers put into their tokens (J6).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from admit.errors import ProviderFailed

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    PublicKey = RSAKey | ECKey | OKPKey

FRESH_FOR: Final = timedelta(hours=1)
"""How long a set is believed without asking again: so long does a withdrawn key live on."""
STALE_FOR: Final = timedelta(hours=1)
"""How much longer it is believed while its server cannot be reached."""
AGAIN_AFTER: Final = timedelta(minutes=1)
"""How long after a fetch, or a failure, an unknown `kid` causes no other one."""
MOST_KEYS: Final = 100
SMALLEST_RSA_BITS: Final = 2048


@attrs.frozen
class VerifyingKey:
    """One public key of a set, and the algorithms that it may be used with (security.md J1)."""

    kid: str | None
    algorithms: frozenset[str]
    key: PublicKey = attrs.field(repr=False)


@attrs.frozen
class _Kept:
    keys: tuple[VerifyingKey, ...]
    at: datetime


class KeySet:
    """The keys behind one URL. Safe to use from several threads; one of them fetches."""

    def __init__(self, provider: str, url: str, fetch: Callable[[], Mapping[str, Any]]) -> None:
        self._provider = provider
        self.url = url
        self._fetch = fetch
        self._lock = threading.Lock()
        self._kept: _Kept | None = None
        self._failed: tuple[datetime, ProviderFailed] | None = None

    def find(self, kid: str | None, algorithm: str, now: datetime) -> Sequence[VerifyingKey]:
        """Return the keys that a token with this header may be signed with: none, if there is none.

        Without a *kid* all are returned that fit the algorithm.

        Raises:
            ProviderFailed: there are no keys that could be looked at.
        """
        found = _fitting(self._keys(now), kid, algorithm)
        if not found and kid is not None:
            found = _fitting(self._keys(now, unknown=True), kid, algorithm)
        return found

    def _keys(self, now: datetime, *, unknown: bool = False) -> tuple[VerifyingKey, ...]:
        kept = self._kept
        if kept is not None and now < kept.at + (AGAIN_AFTER if unknown else FRESH_FOR):
            return kept.keys
        with self._lock:  # one fetches, the others find what it fetched
            kept = self._kept
            if kept is not None and now < kept.at + (AGAIN_AFTER if unknown else FRESH_FOR):
                return kept.keys
            return self._fetched(now, kept)

    def _fetched(self, now: datetime, kept: _Kept | None) -> tuple[VerifyingKey, ...]:
        try:
            if self._failed is not None and now < self._failed[0] + AGAIN_AFTER:
                raise ProviderFailed(self._provider, self._failed[1].because)
            keys = read_keys(self._provider, self._fetch())
        except ProviderFailed as problem:
            if self._failed is None or now >= self._failed[0] + AGAIN_AFTER:
                self._failed = (now, problem)
            if kept is not None and now < kept.at + FRESH_FOR + STALE_FOR:
                return kept.keys
            raise
        self._failed = None
        self._kept = _Kept(keys, now)
        return keys


def _fitting(
    keys: Sequence[VerifyingKey], kid: str | None, algorithm: str
) -> tuple[VerifyingKey, ...]:
    return tuple(
        key for key in keys if algorithm in key.algorithms and (kid is None or key.kid == kid)
    )


def read_keys(provider: str, content: Mapping[str, Any]) -> tuple[VerifyingKey, ...]:
    """Return the keys of a JWKS (RFC 7517) that verify signatures. Those of other uses, of unknown
    types, secret ones and RSA keys below 2,048 bits are left out.

    Raises:
        ProviderFailed: it is no key set, has more than 100 keys, or none that can be used.
    """
    listed = content.get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise ProviderFailed(provider, "its key set is none")
    keys = tuple(key for key in map(_read_key, listed) if key is not None)
    if not keys:
        raise ProviderFailed(provider, "its key set has no key that could verify a signature")
    return keys


def _read_key(listed: object) -> VerifyingKey | None:
    from joserfc.errors import JoseError

    if not isinstance(listed, dict) or listed.get("use", "sig") != "sig" or "d" in listed:
        return None
    if "verify" not in listed.get("key_ops", ["verify"]):
        return None
    kid, declared = listed.get("kid"), listed.get("alg")
    if not isinstance(kid, str | None):
        return None
    possible = _algorithms_of(listed)
    if not possible or (declared is not None and declared not in possible):
        return None
    # Only what the key is made of: what else a document says of it is not for the library.
    parts = {name: listed[name] for name in _PARTS if name in listed}
    try:
        key = _imported(parts)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return VerifyingKey(kid, possible if declared is None else frozenset({declared}), key)


def _imported(parts: Mapping[str, Any]) -> PublicKey:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    if parts["kty"] == "RSA":
        return RSAKey.import_key(dict(parts))
    if parts["kty"] == "EC":
        return ECKey.import_key(dict(parts))
    return OKPKey.import_key(dict(parts))


_PARTS: Final = ("kty", "n", "e", "crv", "x", "y")
_OF_CURVE: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


def _algorithms_of(listed: Mapping[str, Any]) -> frozenset[str]:
    """Return the algorithms that a key of this type can verify; no symmetric one among them."""
    kind, curve = listed.get("kty"), str(listed.get("crv"))
    if kind == "RSA" and len(str(listed.get("n"))) * 6 >= SMALLEST_RSA_BITS:  # base64url
        return frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
    if kind == "EC" and curve in _OF_CURVE:
        return frozenset({_OF_CURVE[curve]})
    if kind == "OKP" and curve == "Ed25519":
        return frozenset({"EdDSA", "Ed25519"})
    return frozenset()
