"""Whether an id token is one: signature and claims (OpenID Connect Core §3.1.3.7, RFC 8725).

What is checked is written out here; the signature itself is joserfc's. Why a token was refused is
logged, and told to nobody: whoever sent it may be anybody.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from ..key_sets import VerifyingKey

SKEW: Final = timedelta(seconds=60)
"""How far another clock may be off (security.md J3)."""
LONGEST: Final = 16_384
"""Characters of an id token. Those in use have one or two thousand."""
LONGEST_SUBJECT: Final = 255
"""OpenID Connect Core §2."""

FindKeys = Callable[[str | None, str], Sequence[VerifyingKey]]
"""Returns the keys for a `kid` and an algorithm."""


class Refused(Exception):
    """This is no id token for us; its text says why, and quotes nothing of it."""


@attrs.frozen(kw_only=True)
class Expected:
    """What an id token has to say."""

    issuers: tuple[str, ...]
    """How this issuer writes its name: one way, or more."""
    audiences: frozenset[str]
    """The client ids that are ours."""
    algorithms: frozenset[str]
    now: datetime
    nonce: str | None = attrs.field(default=None, repr=False)
    """What it was asked with; None: it was not asked by us, so nothing is compared."""
    hashed_nonce: bool = False
    """Whether the SHA-256 of the nonce, in hex, is as good: Apple's own apps send that."""


def checked(token: str, expected: Expected, find_keys: FindKeys) -> Mapping[str, Any]:
    """Return the claims of *token*.

    Raises:
        Refused: its form, its signature or one of its claims is not as *expected*.
        ProviderFailed: *find_keys* raised it.
    """
    if not token.isascii() or len(token) > LONGEST or token.count(".") != 2:
        raise Refused("it is no signed token")
    algorithm, kid = _header(token)
    if algorithm not in expected.algorithms:
        raise Refused("its algorithm is not allowed")
    claims = _verified(token, algorithm, find_keys(kid, algorithm))
    _check_who(claims, expected)
    _check_when(claims, expected.now)
    if expected.nonce is not None:
        _check_nonce(claims, expected.nonce, hashed=expected.hashed_nonce)
    return claims


def _header(token: str) -> tuple[str, str | None]:
    """Return algorithm and key id of a token that nobody believes yet.

    `jku`, `x5u`, `jwk` and the like are never looked at (J4).
    """
    encoded = token.partition(".")[0]
    try:
        header = json.loads(base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", True))
    except (ValueError, RecursionError):
        raise Refused("its header is no JSON") from None
    if not isinstance(header, dict):
        raise Refused("its header is no JSON object")
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or not isinstance(kid, str | None):
        raise Refused("its header is malformed")
    if not isinstance(kind, str) or kind.upper() not in ("JWT", "APPLICATION/JWT"):
        raise Refused("it is a token of another kind")  # J2: an access or log-out token
    if "crit" in header or "b64" in header:
        raise Refused("its header asks for what is not understood")  # RFC 7515 §4.1.11
    return algorithm, kid


def _verified(token: str, algorithm: str, keys: Sequence[VerifyingKey]) -> Mapping[str, Any]:
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jws import JWSRegistry

    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    for candidate in keys:
        try:
            claims = jwt.decode(token, candidate.key, registry=registry).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
        return claims
    raise Refused("no key of its issuer verifies it" if keys else "its key is not known")


def _check_who(claims: Mapping[str, Any], expected: Expected) -> None:
    if claims.get("iss") not in expected.issuers:
        raise Refused("it is from another issuer")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise Refused("it names nobody")
    if not subject.isprintable():
        raise Refused("its subject cannot be printed")
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if not named or not all(isinstance(a, str) and a in expected.audiences for a in named):
        raise Refused("it is for another client")
    party = claims.get("azp")
    if party is None and len(named) > 1:
        raise Refused("it is for several clients and does not say who asked for it")
    if party is not None and (not isinstance(party, str) or party not in expected.audiences):
        raise Refused("another client asked for it")
    if "events" in claims:  # a log-out token (Back-Channel Logout §2.4) that lacks its type
        raise Refused("it is a token of another kind")


def _check_when(claims: Mapping[str, Any], now: datetime) -> None:
    present, skew = now.timestamp(), SKEW.total_seconds()
    if _instant(claims, "exp") + skew <= present:
        raise Refused("it has expired")
    if _instant(claims, "iat") - skew > present:
        raise Refused("it was issued in the future")
    if "nbf" in claims and _instant(claims, "nbf") - skew > present:
        raise Refused("it is not good yet")


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise Refused(f"its {name} is missing, or no time")
    return value


def _check_nonce(claims: Mapping[str, Any], nonce: str, *, hashed: bool) -> None:
    given = claims.get("nonce")
    if not isinstance(given, str) or not given.isascii():
        raise Refused("it lacks the nonce")
    wanted = [nonce, hashlib.sha256(nonce.encode()).hexdigest()] if hashed else [nonce]
    if not any(hmac.compare_digest(given.encode(), good.encode()) for good in wanted):
        raise Refused("its nonce is another one")
