"""Password hashes that users bring along from other systems: each verified until its user logs in,
then replaced by one of the engine's own. argon2 needs none of this, whatever its parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from admit.hashes import HashFormat
from admit.hookspecs import hookimpl

from .imported_bcrypt import Bcrypt
from .imported_pbkdf2 import Pbkdf2
from .imported_scrypt import FirebaseScrypt, ImportedHashSettings, Scrypt


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `imported-hashes`."""
    return {"imported-hashes": ImportedHashSettings}


@hookimpl
def register_hash_formats() -> Iterable[HashFormat]:
    """Offer bcrypt, PBKDF2, scrypt and Firebase's variant of it."""
    return [Bcrypt(), Pbkdf2(), Scrypt(), FirebaseScrypt()]
