"""scrypt hashes of other systems: passlib's, Werkzeug's and Django's, and Firebase's variant."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

import attrs

from admit.errors import MissingExtra, NotConfigured
from admit.masked import Secret
from admit.services import Services
from admit.settings import NOT_IN_STORE, setting

from .imported_forms import bounded, decoded, malformed, same

MOST_BYTES: Final = 256 * 1024 * 1024
"""Of memory that one may take."""
SHORTEST_BYTES: Final = 16
_PASSLIB: Final = re.compile(
    r"\$scrypt\$ln=(?P<ln>\d{1,2}),r=(?P<r>\d{1,4}),p=(?P<p>\d{1,4})\$(?P<salt>[^$]+)\$(?P<key>[^$]+)"
)
_WERKZEUG: Final = re.compile(
    r"scrypt:(?P<n>\d{1,9}):(?P<r>\d{1,4}):(?P<p>\d{1,4})\$(?P<salt>[^$]+)\$(?P<key>([0-9a-f]{2})+)"
)
_DJANGO: Final = re.compile(
    r"scrypt\$(?P<n>\d{1,9})\$(?P<salt>[^$]+)\$(?P<r>\d{1,4})\$(?P<p>\d{1,4})\$(?P<key>[^$]+)"
)
_FIREBASE: Final = re.compile(
    r"\$firebase-scrypt\$ln=(?P<ln>\d{1,2}),r=(?P<r>\d{1,4})\$(?P<salt>[^$]*)\$(?P<key>[^$]+)"
)


@attrs.frozen
class ImportedHashSettings:
    """The section `imported-hashes`: what of Firebase's hashes stands in the project's parameters
    and not in them."""

    firebase_signer_key: Secret | None = setting(
        None, "base64_signer_key of the Firebase project's hash parameters.", where=NOT_IN_STORE
    )
    firebase_salt_separator: Secret | None = setting(
        None, "base64_salt_separator of the same.", where=NOT_IN_STORE
    )


@attrs.frozen
class _Parts:
    n: int
    r: int
    p: int
    salt: bytes
    key: bytes

    @property
    def cost_bytes(self) -> int:
        """What it takes of memory, once for each lane: they are computed one after the other."""
        return 128 * self.n * self.r * self.p

    def made(self, password: bytes, length_bytes: int) -> bytes:
        """Return the key of a password under these parameters."""
        return hashlib.scrypt(
            password,
            salt=self.salt,
            n=self.n,
            r=self.r,
            p=self.p,
            maxmem=2 * MOST_BYTES,
            dklen=length_bytes,
        )


class Scrypt:
    """`$scrypt$ln=14,r=8,p=1$…` (passlib), `scrypt:32768:8:1$…` (Werkzeug), `scrypt$16384$salt$…`
    (Django)."""

    name = "scrypt"

    def fits(self, hashed: str) -> bool:
        """Return whether it begins like one."""
        return hashed.startswith(("$scrypt$", "scrypt:", "scrypt$"))

    def check(self, hashed: str, services: Services) -> None:
        """Return if it can be verified. Raises InvalidInput."""
        _checked(self.name, _read(hashed))

    def verify(self, password: bytes, hashed: str, services: Services) -> bool:
        """Return whether it is the password."""
        parts = _read(hashed)
        return parts is not None and same(parts.made(password, len(parts.key)), parts.key)


class FirebaseScrypt:
    """`$firebase-scrypt$ln=14,r=8$salt$hash`: made of `mem_cost` and `rounds` of the project, and
    of `salt` and `passwordHash` of a user, as `firebase auth:export` has them.

    Its scrypt makes a key, by which the project's signer key is encrypted: that is the hash.
    """

    name = "Firebase scrypt"

    def fits(self, hashed: str) -> bool:
        """Return whether it begins like one."""
        return hashed.startswith("$firebase-scrypt$")

    def check(self, hashed: str, services: Services) -> None:
        """Return if it can be verified. Raises InvalidInput, NotConfigured, MissingExtra."""
        _project(services)
        _checked(self.name, _read_firebase(hashed))
        _ciphers()

    def verify(self, password: bytes, hashed: str, services: Services) -> bool:
        """Return whether it is the password. Raises NotConfigured, MissingExtra."""
        signer_key, separator = _project(services)
        parts = _read_firebase(hashed)
        if parts is None:
            return False
        made = attrs.evolve(parts, salt=parts.salt + separator).made(password, 64)[:32]
        ciphers = _ciphers()
        cipher = ciphers.Cipher(ciphers.algorithms.AES(made), ciphers.modes.CTR(bytes(16)))
        encryptor = cipher.encryptor()
        return same(encryptor.update(signer_key) + encryptor.finalize(), parts.key)


def _checked(name: str, parts: _Parts | None) -> None:
    if parts is None:
        raise malformed(name)
    bounded(name, parts.cost_bytes, MOST_BYTES)


def _read(hashed: str) -> _Parts | None:
    for form in (_PASSLIB, _WERKZEUG, _DJANGO):
        shape = form.fullmatch(hashed)
        if shape is not None:
            salt = decoded(shape["salt"]) if form is _PASSLIB else shape["salt"].encode()
            key = bytes.fromhex(shape["key"]) if form is _WERKZEUG else decoded(shape["key"])
            n = 2 ** int(shape["ln"]) if form is _PASSLIB else int(shape["n"])
            return _parts(n, int(shape["r"]), int(shape["p"]), salt, key)
    return None


def _read_firebase(hashed: str) -> _Parts | None:
    shape = _FIREBASE.fullmatch(hashed)
    if shape is None:
        return None
    salt, key = decoded(shape["salt"]), decoded(shape["key"])
    return _parts(2 ** int(shape["ln"]), int(shape["r"]), 1, salt, key)


def _parts(n: int, r: int, p: int, salt: bytes | None, key: bytes | None) -> _Parts | None:
    if salt is None or key is None or len(key) < SHORTEST_BYTES:
        return None
    if n < 2 or n & (n - 1) or not r or not p:  # RFC 7914 §2: a power of two
        return None
    return _Parts(n, r, p, salt, key)


def _project(services: Services) -> tuple[bytes, bytes]:
    """Return the project's signer key and salt separator. Raises NotConfigured."""
    settings = services.settings(ImportedHashSettings)
    found = [
        None if secret is None else decoded(secret.reveal())
        for secret in (settings.firebase_signer_key, settings.firebase_salt_separator)
    ]
    if not found[0] or found[1] is None:
        names = ["firebase_signer_key", "firebase_salt_separator"]
        raise NotConfigured("A Firebase hash", [f"imported-hashes.{name}" for name in names])
    return found[0], found[1]


def _ciphers() -> Any:
    try:
        from cryptography.hazmat.primitives import ciphers
    except ImportError:
        raise MissingExtra("A Firebase hash", "cryptography", "imports") from None
    return ciphers
