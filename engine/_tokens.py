"""Link tokens and typed codes: how they are minted, shaped and digested."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

from ._base64url import base64url
from .errors import InvalidInput, TokenMalformed
from .masked import Secret
from .records import RunId, UserId

_TOKEN: Final = re.compile(r"[0-9a-fA-F]{128}")
_TOKEN_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
_RANDOM_BYTES: Final = 52
"""416 random bits behind the user id; the shape is the one existing clients know
(wire-contract.md §5)."""

CODE_LETTERS: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""32 signs without 0/O and 1/I: a person reads and types them."""
CODE_LENGTH: Final = 8
"""Eight of 32 signs are 40 bits; security.md T2 asks for at least 20."""
_LETTER_OF_BYTE: Final = (CODE_LETTERS * (256 // len(CODE_LETTERS))).encode("ascii")
"""Each letter stands for as many bytes as any other, so random bytes are random letters."""


def mint_token(user: UserId) -> Secret:
    """Return a token for *user*: 128 hex digits, the user's id and 416 random bits."""
    return Secret(user + secrets.token_hex(_RANDOM_BYTES))


def mint_code() -> Secret:
    """Return a typed code, as people should see it: `ABCD-2345`."""
    letters = secrets.token_bytes(CODE_LENGTH).translate(_LETTER_OF_BYTE).decode("ascii")
    return Secret(f"{letters[:4]}-{letters[4:]}")


def letters_of(code: Secret) -> str:
    """Return what `read_code` reads from a code that `mint_code` returned."""
    return code.reveal().replace("-", "")


def read_token(token_id: object, token: object) -> tuple[RunId, UserId, str]:
    """Return run, user and token text of a link. Case is ignored.

    Raises:
        TokenMalformed: not the shape of a token – told apart from a dead one.
    """
    raw = token.reveal() if isinstance(token, Secret) else token
    if not isinstance(token_id, str) or not _TOKEN_ID.fullmatch(token_id):
        raise TokenMalformed("token_id")
    if not isinstance(raw, str) or not _TOKEN.fullmatch(raw):
        raise TokenMalformed("token")
    text = raw.lower()
    return RunId(token_id.lower()), UserId(text[:24]), text


def read_code(code: object) -> str:
    """Return a typed code without what people add: case, dashes and spaces are ignored.

    Raises:
        InvalidInput: it cannot be a code; no try is counted.
    """
    raw = code.reveal() if isinstance(code, Secret) else code
    if not isinstance(raw, str) or len(raw) > 4 * CODE_LENGTH:
        raise InvalidInput("code", "must be the code from the message.")
    letters = re.sub(r"[\s\-–_.]", "", raw).upper()
    if len(letters) != CODE_LENGTH or not letters.isascii() or not letters.isalnum():
        raise InvalidInput(
            "code", f"must have {CODE_LENGTH} letters and digits.", "Type it as in the message."
        )
    return letters


def token_digest(token: str) -> str:
    """Return what is kept of a token: SHA-256, base64url. Enough for 416 bits (security.md T3)."""
    return base64url(hashlib.sha256(token.encode()).digest())


def code_digest(key: bytes, run: RunId, code: str) -> str:
    """Return what is kept of a code: an HMAC, since 40 bits could be tried out (T3)."""
    return base64url(hmac.digest(key, f"{run}:{code}".encode(), "sha256"))


def same(left: str, right: str) -> bool:
    """Compare two digests in constant time."""
    return hmac.compare_digest(left, right)
