"""Signed tokens of others (RFC 7519, RFC 8725): what has to be so before one is believed.

What is checked is written out here; the signature itself is joserfc's. Why a token was refused is
logged, and told to nobody: whoever sent it may be anybody.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from joserfc.jwk import Key
    from joserfc.jws import JWSRegistry

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
    | {"Ed25519"}
)
"""What is signed with a private key. No symmetric one: whoever could verify could sign."""
SKEW: Final = timedelta(seconds=60)
"""How far another clock may be off (security.md J3)."""


class Refused(Exception):
    """This is no token for us; its text says why, and quotes nothing of it."""


def read_header(token: str, *, kinds: Sequence[str], longest: int) -> tuple[str, str | None]:
    """Return algorithm and key id of a token that nobody believes yet.

    `jku`, `x5u`, `jwk` and the like are never looked at (J4); *kinds* are the values of `typ` that
    it may have, besides none (J2).

    Raises:
        Refused: it has not the form of a signed token, or asks for what is not understood.
    """
    if not token.isascii() or len(token) > longest or token.count(".") != 2:
        raise Refused("it is no signed token")
    encoded = token.partition(".")[0]
    try:
        header = json.loads(base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", True))
    except (ValueError, RecursionError):
        raise Refused("its header is no JSON") from None
    if not isinstance(header, dict):
        raise Refused("its header is no JSON object")
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", kinds[0])
    if not isinstance(algorithm, str) or not isinstance(kid, str | None):
        raise Refused("its header is malformed")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in kinds:
        raise Refused("it is a token of another kind")
    if "crit" in header or "b64" in header:
        raise Refused("its header asks for what is not understood")  # RFC 7515 §4.1.11
    return algorithm, kid


def verified(token: str, algorithm: str, keys: Sequence[Key]) -> Mapping[str, Any]:
    """Return the claims of a token that one of *keys* verifies with this one *algorithm* (J1).

    Raises:
        Refused: none does, or there is none.
    """
    from joserfc import jwt
    from joserfc.errors import JoseError

    for key in keys:
        try:
            claims = jwt.decode(token, key, registry=_registry(algorithm)).claims
        except (JoseError, ValueError, TypeError, RecursionError):
            continue
        return claims
    raise Refused("no key of its issuer verifies it" if keys else "its key is not known")


@functools.cache
def _registry(algorithm: str) -> JWSRegistry:
    """Return what lets joserfc take this algorithm and no other."""
    from joserfc.errors import UnsupportedAlgorithmError
    from joserfc.jws import JWSRegistry

    class OneAlgorithm(JWSRegistry):
        def get_alg(self, name: str) -> Any:
            # Its own warns, with each token, that the name EdDSA is old (RFC 9864). Issuers use it,
            # and which curve is meant is told by the key here, never by the name.
            if name != algorithm:
                raise UnsupportedAlgorithmError(f"Algorithm of {algorithm!r} is expected")
            return self.algorithms[name]

    return OneAlgorithm(algorithms=[algorithm], strict_check_header=False)


def check_times(claims: Mapping[str, Any], now: datetime, *, needed: Sequence[str]) -> None:
    """Return if a token is good now; *needed* are the claims of `exp`, `iat` and `nbf` that it must
    have.

    Raises:
        Refused: it has expired, is not good yet, or says no time where it should.
    """
    present, skew = now.timestamp(), SKEW.total_seconds()
    times = {
        name: _instant(claims, name)
        for name in ("exp", "iat", "nbf")
        if name in needed or name in claims
    }
    if "exp" in times and times["exp"] + skew <= present:
        raise Refused("it has expired")
    if "iat" in times and times["iat"] - skew > present:
        raise Refused("it was issued in the future")
    if "nbf" in times and times["nbf"] - skew > present:
        raise Refused("it is not good yet")


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        raise Refused(f"its {name} is missing, or no time")
    return value
