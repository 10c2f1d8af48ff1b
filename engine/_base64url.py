"""Bytes as text that can stand in a URL and in a signed token."""

from __future__ import annotations

from binascii import b2a_base64
from typing import Final

_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def base64url(raw: bytes) -> str:
    """Return *raw* in base64's URL form, without padding (RFC 4648 §5, RFC 7515 §2)."""
    return b2a_base64(raw, newline=False).translate(_URL_SAFE).rstrip(b"=").decode("ascii")
