"""The engine key: where it comes from, and the sub-keys made of it."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .errors import InvalidInput, WrongKey
from .masked import Secret

KEY_BYTES: Final = 32
ENVIRONMENT: Final = "ADMIT_KEY"
KEY_RECORD: Final = "secret:engine-key"
"""The key of the record that says which engine key a store was made with."""

Key = bytes | str | Secret


def hkdf(key: bytes, purpose: str, length_bytes: int = 32) -> bytes:
    """Return a sub-key of *key* for *purpose*: HKDF with SHA-256 and no salt (RFC 5869)."""
    pseudo_random = hmac.digest(bytes(32), key, "sha256")
    output, block, counter = b"", b"", 0
    while len(output) < length_bytes:
        counter += 1
        block = hmac.digest(
            pseudo_random, block + purpose.encode() + counter.to_bytes(1, "big"), "sha256"
        )
        output += block
    return output[:length_bytes]


class KeyRing:
    """The engine's keys, newest first, and where they came from. Shows no key in its `repr`."""

    def __init__(self, keys: Sequence[bytes], source: str) -> None:
        self._keys = tuple(keys)
        self.source = source
        self._sub_keys: dict[str, tuple[bytes, ...]] = {}

    def __repr__(self) -> str:
        return f"KeyRing(id={self.id!r}, source={self.source!r})"

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, newest first: 8 hex digits of each key's digest."""
        return tuple(hashlib.sha256(key).hexdigest()[:8] for key in self._keys)

    @property
    def id(self) -> str:
        """The id of the key that new things are made with."""
        return self.ids[0]

    def sub_keys(self, purpose: str) -> tuple[bytes, ...]:
        """Return the sub-key for *purpose* of each key, newest first."""
        found = self._sub_keys.get(purpose)
        if found is None:
            found = tuple(hkdf(key, f"admit {purpose}") for key in self._keys)
            self._sub_keys[purpose] = found
        return found

    def sub_key(self, purpose: str) -> bytes:
        """Return the newest sub-key for *purpose*."""
        return self.sub_keys(purpose)[0]


def parse_key(key: Key, field: str = "key") -> bytes:
    """Return the 32 bytes of a key given as bytes, as 64 hex digits, or as base64.

    Raises:
        InvalidInput: it is none of these; the key is not quoted.
    """
    raw = key.reveal() if isinstance(key, Secret) else key
    if isinstance(raw, str):
        text = raw.strip()
        try:
            raw = (
                bytes.fromhex(text)
                if len(text) == 2 * KEY_BYTES
                else base64.b64decode(text.replace("-", "+").replace("_", "/") + "==")
            )
        except (ValueError, binascii.Error):
            raw = b""
    if not isinstance(raw, bytes) or len(raw) != KEY_BYTES:
        raise InvalidInput(
            field, f"must be {KEY_BYTES} bytes, as hex or base64.", "Make one: openssl rand -hex 32"
        )
    return raw


def find_keys(
    given: Key | Sequence[Key] | None, store_path: Path | None, *, may_create: bool
) -> KeyRing:
    """Return the engine's keys: those given, else `ADMIT_KEY`, else the file beside a local store,
    which is made if *may_create* (only together with an empty store, never for reading).

    Raises:
        WrongKey: there is none.
        InvalidInput: what is there is no key.
    """
    if given is not None:
        keys = [given] if isinstance(given, bytes | str | Secret) else given
        if not isinstance(keys, Sequence) or not keys:
            raise InvalidInput("key", "must be a key, or a list of keys.")
        return KeyRing([parse_key(key) for key in keys], "key=")
    if text := os.environ.get(ENVIRONMENT):
        return KeyRing([parse_key(text, ENVIRONMENT)], ENVIRONMENT)
    if store_path is None:
        raise WrongKey(f"key= or {ENVIRONMENT}", None, None)
    file = store_path.with_name(store_path.name + ".key")
    if not file.exists():
        if not may_create:
            raise WrongKey(str(file.name), None, None)
        _create(file)
    return KeyRing([parse_key(file.read_text("ascii"), file.name)], file.name)


def _create(file: Path) -> None:
    """Write a new key so that of two processes which try, both then read the same one."""
    temporary = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as out:
            out.write(secrets.token_hex(KEY_BYTES) + "\n")
            out.flush()
            os.fsync(out.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: its key is the one
            file.hardlink_to(temporary)
    finally:
        temporary.unlink()
