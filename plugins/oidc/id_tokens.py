"""Whether an id token is one: its claims (OpenID Connect Core §3.1.3.7) over what every signed
token of others has to be (`signed_tokens`)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from ..key_sets import VerifyingKey
from ..signed_tokens import Refused, check_times, read_header, verified

LONGEST: Final = 16_384
"""Characters of an id token. Those in use have one or two thousand."""
LONGEST_SUBJECT: Final = 255
"""OpenID Connect Core §2."""

FindKeys = Callable[[str | None, str], Sequence[VerifyingKey]]
"""Returns the keys for a `kid` and an algorithm."""


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
    algorithm, kid = read_header(token, kinds=("jwt",), longest=LONGEST)
    if algorithm not in expected.algorithms:
        raise Refused("its algorithm is not allowed")
    claims = verified(token, algorithm, [found.key for found in find_keys(kid, algorithm)])
    _check_who(claims, expected)
    check_times(claims, expected.now, needed=("exp", "iat"))
    if expected.nonce is not None:
        _check_nonce(claims, expected.nonce, hashed=expected.hashed_nonce)
    return claims


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


def _check_nonce(claims: Mapping[str, Any], nonce: str, *, hashed: bool) -> None:
    given = claims.get("nonce")
    if not isinstance(given, str) or not given.isascii():
        raise Refused("it lacks the nonce")
    wanted = [nonce, hashlib.sha256(nonce.encode()).hexdigest()] if hashed else [nonce]
    if not any(hmac.compare_digest(given.encode(), good.encode()) for good in wanted):
        raise Refused("its nonce is another one")
