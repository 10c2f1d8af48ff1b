"""Signed tokens of our own (RFC 7519, HS256): made and verified by the engine alone.

Written by hand because whoever signs is whoever verifies: the header of a token is compared with
the few headers that this engine writes, so there is no algorithm to choose, no `none`, no key
named by the token (RFC 8725 §3.1; security.md J1, J4) – and it costs 4 µs where a general library
takes 24 (performance.md §5). Other people's tokens are a library's business.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ._base64url import base64url
from ._keys import KeyRing
from .errors import SessionInvalid

PURPOSE: Final = "session tokens 1"
"""Names the sub-key; the number is its generation."""

_encode_json: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


class TokenSigner:
    """Signs and verifies with the engine's sub-keys: the newest signs, all verify."""

    def __init__(self, keys: KeyRing) -> None:
        self._by_header: dict[str, bytes] = {}
        for key_id, sub_key in zip(keys.ids, keys.sub_keys(PURPOSE), strict=True):
            header = {"alg": "HS256", "kid": f"{key_id}.1", "typ": "JWT"}
            self._by_header[base64url(_encode_json(header).encode())] = sub_key
        self._header, self._key = next(iter(self._by_header.items()))

    def sign(self, claims: Mapping[str, object]) -> str:
        """Return *claims* as a token."""
        body = f"{self._header}.{base64url(_encode_json(claims).encode())}"
        return f"{body}.{base64url(hmac.digest(self._key, body.encode('ascii'), 'sha256'))}"

    def verify(self, token: str, *, kind: str, now: datetime) -> Mapping[str, Any]:
        """Return the claims of a token of ours whose `typ` is *kind* and whose `exp` is ahead.

        Raises:
            SessionInvalid: anything else; `because` tells expired ones apart.
        """
        if not isinstance(token, str) or len(token) > 65536 or not token.isascii():
            raise SessionInvalid("malformed")
        body, dot, signature = token.rpartition(".")
        header, _, payload = body.partition(".")
        key = self._by_header.get(header)
        if key is None or not dot:
            raise SessionInvalid("malformed")
        expected = base64url(hmac.digest(key, body.encode("ascii"), "sha256"))
        if not hmac.compare_digest(expected, signature):
            raise SessionInvalid("bad signature")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
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
