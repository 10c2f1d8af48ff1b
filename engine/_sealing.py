"""Secrets that are kept in a store: sealed with the engine's key (design.md §7).

AES-256-GCM by `cryptography`, an extra; what is not sealed here – digests, MACs – needs none.
"""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING, Final

from ._base64url import base64url
from ._keys import KeyRing
from .errors import MissingExtra, StoreDamaged
from .masked import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PURPOSE: Final = "sealed values 1"
"""Names the sub-key; the number is its generation."""
NONCES: Final = "nonces of sealed values 1"
_NONCE_BYTES: Final = 12


def seal(keys: KeyRing, secret: Secret, *, about: str) -> str:
    """Return *secret* sealed, as text. It opens only as the secret *about* the same thing, so that
    nobody who writes to a store can put one in the place of another.

    Raises:
        MissingExtra: `cryptography` is not installed.
    """
    cipher = _cipher(keys.sub_key(PURPOSE))
    raw, name = secret.reveal().encode(), about.encode()
    # Computed of what is sealed, not drawn: a copy that is sealed again is the same each time, and
    # the same nonce never meets two secrets.
    message = len(name).to_bytes(4, "big") + name + raw
    nonce = hmac.digest(keys.sub_key(NONCES), message, "sha256")[:_NONCE_BYTES]
    sealed = cipher.encrypt(nonce, raw, name)
    return f"{keys.id}.{base64url(nonce + sealed)}"


def unseal(keys: KeyRing, sealed: str, *, about: str) -> Secret:
    """Return what was sealed.

    Raises:
        StoreDamaged: it was changed, is about something else, or sealed with a key that is gone.
        MissingExtra: `cryptography` is not installed.
    """
    key_id, _, text = sealed.partition(".")
    if key_id not in keys.ids:
        raise StoreDamaged(
            f"A sealed value needs the engine key {key_id[:8]!r}.",
            "Open with the key that sealed it as well: key=[new, old].",
        )
    cipher = _cipher(keys.sub_keys(PURPOSE)[keys.ids.index(key_id)])
    from cryptography.exceptions import InvalidTag

    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        opened = cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], about.encode())
    except (InvalidTag, ValueError):
        raise StoreDamaged("A sealed value was changed.", "Put a backup in place.") from None
    return Secret(opened.decode())


def _cipher(key: bytes) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise MissingExtra("Keeping a secret in the store", "cryptography", "oidc") from None
    return AESGCM(key)
