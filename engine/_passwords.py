"""Password hashing: argon2id, Unicode made comparable, capped."""

from __future__ import annotations

import os
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from .errors import InvalidInput, PasswordRefused, TryLater
from .masked import Secret
from .settings import LONGEST_PASSWORD, Settings


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

    def needs_rehash(self, hashed: str) -> bool:
        """Return whether *hashed* was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(hashed)

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
