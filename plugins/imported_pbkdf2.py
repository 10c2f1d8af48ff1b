"""PBKDF2 hashes of other systems: Django's, passlib's and Werkzeug's way to write them."""

from __future__ import annotations

import hashlib
import re
from typing import Final

import attrs

from admit.services import Services

from .imported_forms import bounded, decoded, malformed, same

MOST_ROUNDS: Final = 10_000_000
"""Some four seconds."""
SHORTEST_BYTES: Final = 16
_FORMS: Final = (
    re.compile(
        r"(?P<by>pbkdf2)_(?P<digest>\w+)\$(?P<rounds>\d{1,9})\$(?P<salt>[^$]+)\$(?P<key>[^$]+)"
    ),
    re.compile(
        r"\$(?P<by>pbkdf2)(-(?P<digest>\w+))?\$(?P<rounds>\d{1,9})\$(?P<salt>[^$]+)\$(?P<key>[^$]+)"
    ),
    re.compile(
        r"(?P<by>pbkdf2):(?P<digest>\w+):(?P<rounds>\d{1,9})\$(?P<salt>[^$]+)\$(?P<key>([0-9a-f]{2})+)"
    ),
)
_DJANGO, _PASSLIB, _WERKZEUG = _FORMS


@attrs.frozen
class _Parts:
    digest: str
    rounds: int
    salt: bytes
    key: bytes


class Pbkdf2:
    """`pbkdf2_sha256$600000$salt$…` (Django), `$pbkdf2-sha256$…` (passlib), `pbkdf2:sha256:…`
    (Werkzeug); with SHA-1, SHA-256 or SHA-512."""

    name = "PBKDF2"

    def fits(self, hashed: str) -> bool:
        """Return whether it begins like one."""
        return hashed.removeprefix("$").startswith("pbkdf2")

    def check(self, hashed: str, services: Services) -> None:
        """Return if it can be verified. Raises InvalidInput."""
        parts = _read(hashed)
        if parts is None:
            raise malformed(self.name)
        bounded(self.name, parts.rounds, MOST_ROUNDS)

    def verify(self, password: bytes, hashed: str, services: Services) -> bool:
        """Return whether it is the password."""
        parts = _read(hashed)
        if parts is None:
            return False
        made = hashlib.pbkdf2_hmac(parts.digest, password, parts.salt, parts.rounds, len(parts.key))
        return same(made, parts.key)


def _read(hashed: str) -> _Parts | None:
    form = next((form for form in _FORMS if form.fullmatch(hashed)), None)
    shape = None if form is None else form.fullmatch(hashed)
    if form is None or shape is None:
        return None
    digest = shape["digest"] or "sha1"
    salt = decoded(shape["salt"]) if form is _PASSLIB else shape["salt"].encode()
    key = bytes.fromhex(shape["key"]) if form is _WERKZEUG else decoded(shape["key"])
    if digest not in ("sha1", "sha256", "sha512") or salt is None or key is None:
        return None
    if len(key) < SHORTEST_BYTES:
        return None
    return _Parts(digest, int(shape["rounds"]), salt, key)
