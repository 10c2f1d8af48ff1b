"""Signed tokens of our own (RFC 7519): made here, and verified by the engine.

Written by hand because whoever signs is whoever verifies: the header of a token is compared with
the few headers that this engine writes, so there is no algorithm to choose, no `none`, no key
named by the token (RFC 8725 §3.1; security.md J1, J4) – and HS256 costs 4 µs where a general
library takes 24 (performance.md §5). Other people's tokens are a library's business.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import attrs

from ._base64url import base64url
from ._signatures import TokenKey, encode_json
from ._token_keys import TokenKeys
from .errors import SessionInvalid

LONGEST: Final = 65536
"""Characters of a token that is looked at."""


AdminToken = Literal["admin-access", "admin-refresh"]
"""Kinds of their own, so that no token of a user opens what an admin's does, nor the reverse
(security.md J2)."""
REPLACED: Final = "signed with a key that was replaced"


@attrs.frozen
class TokenSigner:
    """Signs and verifies with the engine's keys.

    Access tokens are signed by the algorithm of the setting, refresh tokens by HS256, since only
    the engine reads them.
    """

    keys: TokenKeys
    issuer: str | None = None
    audience: str | None = None

    def sign_access(self, claims: Mapping[str, object], now: datetime) -> str:
        """Return an access token: *claims*, and who it is from and for, if that is set.

        Raises:
            MissingExtra, StoreError: the key cannot be made, or opened.
        """
        whole = {**claims, "typ": "access"}
        if self.issuer is not None:
            whole["iss"] = self.issuer
        if self.audience is not None:
            whole["aud"] = self.audience
        return _signed(self.keys.signing(now), whole)

    def sign_refresh(self, claims: Mapping[str, object], now: datetime, generation: int = 0) -> str:
        """Return *claims* as a refresh token, as the engine key of this *generation* made it."""
        key = self.keys.signing_by_hmac(now, generation)
        return _signed(key, {**claims, "typ": "refresh"})

    def sign_admin(self, claims: Mapping[str, object], kind: AdminToken, now: datetime) -> str:
        """Return *claims* as a token of an admin: by HS256, since only the engine reads it."""
        return _signed(self.keys.signing_by_hmac(now, 0), {**claims, "typ": kind})

    def verify_access(self, token: str, now: datetime) -> Mapping[str, Any]:
        """Return the claims of an access token of ours that has not expired.

        Raises:
            SessionInvalid: anything else; `because` tells expired ones apart.
        """
        header, body, signature = _parts(token)
        key = self.keys.verifying(header, now)
        if key is None and self.keys.knows(header):
            raise SessionInvalid(REPLACED)
        claims = _verified(key, body, signature, "access", now)
        if self.issuer is not None and claims.get("iss") != self.issuer:
            raise SessionInvalid("from another issuer")
        if self.audience is not None and claims.get("aud") != self.audience:
            raise SessionInvalid("for another audience")
        return claims

    def verify_refresh(self, token: str, now: datetime) -> Mapping[str, Any]:
        """Return the claims of a refresh token of ours that has not expired; whether it is the
        one of its session, its digest says. Raises SessionInvalid."""
        header, body, signature = _parts(token)
        key = self.keys.verifying_by_hmac(header)
        if key is None and self.keys.knows(header):
            raise SessionInvalid("incorrect token type")
        return _verified(key, body, signature, "refresh", now)

    def verify_admin(self, token: str, kind: AdminToken, now: datetime) -> Mapping[str, Any]:
        """Return the claims of an admin's token of this kind that has not expired. Of a refresh
        token its digest decides, of both whether session and key live. Raises SessionInvalid."""
        header, body, signature = _parts(token)
        if kind == "admin-refresh":
            key = self.keys.verifying_by_hmac(header)
        else:
            key = self.keys.verifying(header, now)
        if key is None and self.keys.knows(header):
            because = "incorrect token type" if kind == "admin-refresh" else REPLACED
            raise SessionInvalid(because)
        return _verified(key, body, signature, kind, now)


def _signed(key: TokenKey, claims: Mapping[str, object]) -> str:
    body = f"{key.header}.{base64url(encode_json(claims).encode())}"
    return f"{body}.{key.sign(body.encode('ascii'))}"


def _parts(token: str) -> tuple[str, str, str]:
    """Return the header, what is signed, and the signature. Raises SessionInvalid."""
    if not isinstance(token, str) or len(token) > LONGEST or not token.isascii():
        raise SessionInvalid("malformed")
    body, dot, signature = token.rpartition(".")
    if not dot:
        raise SessionInvalid("malformed")
    return body.partition(".")[0], body, signature


def _verified(
    key: TokenKey | None, body: str, signature: str, kind: str, now: datetime
) -> Mapping[str, Any]:
    if key is None:
        raise SessionInvalid("malformed")
    if not key.verifies(body.encode("ascii"), signature):
        raise SessionInvalid("bad signature")
    payload = body.partition(".")[2]
    # As text, which `json` need not look for its encoding in.
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode())
    if claims.get("typ") != kind:
        raise SessionInvalid("incorrect token type")
    if claims["exp"] <= now.timestamp():
        raise SessionInvalid("expired")
    return claims  # type: ignore[no-any-return]  # signed by us: an object, by construction


def seconds(instant: datetime) -> int:
    """Return *instant* as whole seconds since 1970, as `iat` and `exp` want it."""
    return int(instant.timestamp())


def instant(value: int) -> datetime:
    """Return seconds since 1970 as an aware instant."""
    return datetime.fromtimestamp(value, UTC)
