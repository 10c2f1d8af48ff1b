"""Password hashing: argon2id, Unicode made comparable, capped."""

from __future__ import annotations

import os
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from .errors import InvalidInput, PasswordRefused, TryLater
from .masked import Secret
from .settings import LONGEST_PASSWORD, Settings

LONGEST_HASH: Final = 1000
MOST_KIBIBYTES: Final = 1024 * 1024
MOST_PASSES: Final = 50
"""What an imported argon2 hash may cost: a gibibyte, some seconds."""


def as_secret(value: object, field: str = "password") -> Secret:
    """Return *value* as a secret. Raises InvalidInput: it is no text; its type alone is named."""
    text = value.reveal() if isinstance(value, Secret) else value
    if not isinstance(text, str):
        raise InvalidInput(field, f"must be text, not {type(text).__name__}.")
    return Secret(text)


def normal(password: Secret, *, max_length: int, field: str = "password") -> str:
    """Return the password as it is hashed: NFKC, never cut (security.md P1).

    Raises:
        PasswordRefused: it is longer than *max_length* characters, or no Unicode text.
        InvalidInput: it is no `Secret`.
    """
    if not isinstance(password, Secret) or not isinstance(password.reveal(), str):
        raise InvalidInput(field, "must be text.")
    text = password.reveal()
    if len(text) > max_length:
        raise PasswordRefused(
            field, f"has more than {max_length} characters.", "Choose a shorter one."
        )
    folded = unicodedata.normalize("NFKC", text)
    try:
        folded.encode()
    except UnicodeEncodeError:
        raise PasswordRefused(field, "is not valid Unicode text.") from None
    return folded


def is_own(hashed: str) -> bool:
    """Return whether *hashed* is argon2, whoever made it."""
    return hashed.startswith("$argon2")


def check_own(hashed: str) -> None:
    """Return if an argon2 hash that somebody else made can be verified in bounded time and memory.

    Raises:
        InvalidInput: it is malformed, or too dear.
    """
    try:
        made = argon2.extract_parameters(hashed)
    except InvalidHashError:
        raise InvalidInput("password_hash", "is no argon2 hash.", "Copy the whole of it.") from None
    if made.memory_cost > MOST_KIBIBYTES or made.time_cost > MOST_PASSES or made.parallelism > 64:
        raise InvalidInput(
            "password_hash", "is an argon2 hash that costs too much.", "Have it reset instead."
        )


class PasswordHashing:
    """argon2-cffi under a cap: 64 MiB a hash, so no more at once than there are cores – beyond that
    only latency and memory grow (performance.md §4; security.md P3, P4)."""

    def __init__(self, settings: Settings) -> None:
        default = argon2.PasswordHasher()
        self._argon2 = argon2.PasswordHasher(
            time_cost=settings.password_time_cost or default.time_cost,
            memory_cost=settings.password_memory_kibibytes or default.memory_cost,
            parallelism=settings.password_parallelism or default.parallelism,
        )
        self._turns = threading.Semaphore(settings.hashes_at_once or os.cpu_count() or 1)
        self._waiting = 0
        self._most_waiting = settings.hashes_waiting
        self._lock = threading.Lock()

    def hash(self, password: Secret) -> str:
        """Return the PHC string of *password*. Raises TryLater, PasswordRefused."""
        text = normal(password, max_length=LONGEST_PASSWORD)
        with self._turn():
            return self._argon2.hash(text)

    def verify(self, password: Secret, hashed: str | None) -> bool:
        """Return whether *password* belongs to *hashed*; None costs the same. Raises TryLater."""
        try:
            text = normal(password, max_length=LONGEST_PASSWORD)
        except PasswordRefused:
            return False  # it was never set; for known and unknown addresses alike
        with self._turn():
            if hashed is None:
                # One hash with today's parameters: what a verification costs (security.md E4).
                self._argon2.hash(text)
                return False
            try:
                return self._argon2.verify(hashed, text)
            except (VerificationError, InvalidHashError):
                return False

    def verify_otherwise(self, password: Secret, check: Callable[[bytes], bool]) -> bool:
        """Return whether *check* takes *password*: as it was typed or, where that differs, as NFKC
        makes it, for nobody knows what the system did that made the hash. Raises TryLater."""
        try:
            texts = (password.reveal(), normal(password, max_length=LONGEST_PASSWORD))
        except PasswordRefused:
            return False
        with self._turn():
            return any(check(text.encode()) for text in dict.fromkeys(texts))

    def needs_rehash(self, hashed: str) -> bool:
        """Return whether *hashed* was made with other parameters than today's, or elsewhere."""
        return not is_own(hashed) or self._argon2.check_needs_rehash(hashed)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(blocking=False):
            with self._lock:
                if self._waiting >= self._most_waiting:
                    raise TryLater("too many passwords are being checked")
                self._waiting += 1
            try:
                self._turns.acquire()
            finally:
                with self._lock:
                    self._waiting -= 1
        try:
            yield
        finally:
            self._turns.release()
