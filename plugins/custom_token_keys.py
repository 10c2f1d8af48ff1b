"""The keys that a custom token may be signed with: a shared secret, keys as text, keys behind a
URL – each kind with algorithms of its own, so that none can stand in for another (security.md J1).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from admit.errors import InvalidSetting, ProviderFailed
from admit.masked import Secret

from .fetching import Fetcher, check_url
from .key_sets import SMALLEST_RSA_BITS, KeySet, VerifyingKey, read_keys

if TYPE_CHECKING:
    from joserfc.jwk import Key

LEAST_SECRET_BYTES: Final = 32
"""256 bits: what HS256 needs at least (RFC 7518 §3.2, security.md J5)."""
_PEM: Final = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)


@attrs.frozen
class Sources:
    """Where the keys come from, as the settings say."""

    secrets: tuple[Secret, ...] = attrs.field(repr=False)
    keys: str | None
    jwks_url: str | None
    seconds: float


class CustomTokenKeys:
    """Finds the keys of one provider; reads and fetches each source once for a while."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._fetcher = Fetcher(provider)
        self._given: tuple[str, tuple[VerifyingKey, ...]] | None = None
        self._set: KeySet | None = None

    def find(self, sources: Sources, kid: str | None, algorithm: str, now: datetime) -> list[Key]:
        """Return the keys that a token with this header may be signed with: none, if there is none.

        A *kid* picks among keys that have one; it is a look-up key and nothing else (J4).

        Raises:
            InvalidSetting: the keys that are given as text are none.
            ProviderFailed: the key set behind the URL cannot be had.
        """
        if algorithm == "HS256":
            return _shared(sources.secrets)
        found: list[Key] = [
            given.key
            for given in self._read(sources.keys)
            if algorithm in given.algorithms and (given.kid in (None, kid) or kid is None)
        ]
        if not found and sources.jwks_url is not None:
            behind = self._behind(sources.jwks_url, sources.seconds)
            found = [fetched.key for fetched in behind.find(kid, algorithm, now)]
        return found

    def _read(self, text: str | None) -> Sequence[VerifyingKey]:
        if text is None:
            return ()
        given = self._given
        if given is None or given[0] != text:
            given = self._given = (text, read_text(self._provider, text))
        return given[1]

    def _behind(self, url: str, seconds: float) -> KeySet:
        check_url("custom-token.jwks_url", url)
        found = self._set
        if found is None or found.url != url:
            found = self._set = KeySet(self._provider, url, lambda: self._fetched(url, seconds))
        return found

    def _fetched(self, url: str, seconds: float) -> Mapping[str, Any]:
        fetched = self._fetcher.get(url, seconds=seconds)
        if fetched.status != 200:
            raise ProviderFailed(self._provider, f"no key set there (status {fetched.status})")
        return fetched.content


def check_secret(setting: str, secret: Secret | None) -> None:
    """Return if *secret* is long enough and no public key, or there is none. Raises
    InvalidSetting."""
    if secret is not None and _PEM.search(secret.reveal()):
        raise InvalidSetting(setting, "is a key in PEM.", "Set it as custom-token.keys.")
    if secret is not None and len(secret.reveal().encode()) < LEAST_SECRET_BYTES:
        raise InvalidSetting(
            setting,
            f"has fewer than {LEAST_SECRET_BYTES} bytes.",
            "Make one: python -c 'import secrets; print(secrets.token_urlsafe(48))'",
        )


def _shared(secrets: Sequence[Secret]) -> list[Key]:
    from joserfc.jwk import OctKey

    return [OctKey.import_key(secret.reveal().encode()) for secret in secrets]


def read_text(provider: str, text: str) -> tuple[VerifyingKey, ...]:
    """Return the keys of a text: public keys or certificates in PEM, one JWK, or a JWKS.

    Raises:
        InvalidSetting: it is none of these, or one of the keys is private or too weak.
    """
    try:
        listed = _listed(text.strip())
        found = read_keys(provider, {"keys": listed})
    except (ProviderFailed, ValueError, TypeError, RecursionError):
        # What a library says may quote the text, which may be a private key.
        raise _no_keys() from None
    if len(found) != len(listed):
        raise _no_keys()
    return found


def _listed(text: str) -> list[Any]:
    """Return the keys of a text as JWKs."""
    if not text.startswith("{"):
        return [_from_pem(match[0], match[1]) for match in _PEM.finditer(text)]
    content = json.loads(text)
    return list(content["keys"]) if "keys" in content else [content]


def _from_pem(block: str, kind: str) -> Mapping[str, Any]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.x509 import load_pem_x509_certificate
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    certificate = kind == "CERTIFICATE"
    load = load_pem_x509_certificate if certificate else serialization.load_pem_public_key
    loaded: Any = load(block.encode())
    public = loaded.public_key() if certificate else loaded
    if isinstance(public, RSAPublicKey) and public.key_size < SMALLEST_RSA_BITS:
        raise ValueError(kind)
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for key_type in (RSAKey, ECKey, OKPKey):
        try:
            return key_type.import_key(pem).as_dict(private=False)
        except (JoseError, ValueError, TypeError):
            continue  # a key of another type
    raise ValueError(kind)


def _no_keys() -> InvalidSetting:
    return InvalidSetting(
        "custom-token.keys",
        "must be public keys in PEM, a JWK or a JWKS: RSA of 2,048 bits or more, P-256, P-384, "
        "P-521 or Ed25519, and no private one.",
    )
