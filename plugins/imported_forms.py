"""What the formats of imported hashes share: the errors, the bounds, base64 as each writes it."""

from __future__ import annotations

import base64
import binascii
import hmac

from admit.errors import InvalidInput


def malformed(name: str) -> InvalidInput:
    """Return the error for a hash that only begins like one; it is not quoted."""
    return InvalidInput("password_hash", f"is no {name} hash.", "Copy the whole of it.")


def bounded(name: str, cost: int, most: int) -> None:
    """Return if a hash is not too dear. Raises InvalidInput: each log-in would pay for it."""
    if not 0 < cost <= most:
        raise InvalidInput(
            "password_hash", f"is a {name} hash that costs too much.", "Have it reset instead."
        )


def decoded(text: str) -> bytes | None:
    """Return what a text in base64 says, whichever alphabet and padding it has; None: nothing."""
    plain = text.rstrip("=").replace(".", "+").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def same(made: bytes, kept: bytes) -> bool:
    """Compare in constant time; a hash of nothing is nobody's."""
    return bool(kept) and hmac.compare_digest(made, kept)
