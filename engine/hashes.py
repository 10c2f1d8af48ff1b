"""What a format of password hashes is that another system made: verified once, then replaced."""

from __future__ import annotations

from typing import Protocol

from .services import Services


class HashFormat(Protocol):
    """Hashes that users bring along. At the next log-in with the right password each is replaced by
    one of the engine's own (security.md P3).

    It is asked from several threads at once, as often at once as hashes of the engine may be.
    """

    name: str

    def fits(self, hashed: str) -> bool:
        """Return whether *hashed* looks like one of these: by its first signs, quickly."""
        ...

    def check(self, hashed: str, services: Services) -> None:
        """Return if *hashed* can be verified here, in bounded time and memory; asked when it is
        imported.

        Raises:
            InvalidInput: it is malformed, or too dear.
            NotConfigured, MissingExtra: something that it needs is missing.
        """
        ...

    def verify(self, password: bytes, hashed: str, services: Services) -> bool:
        """Return whether *password* – as it was typed, in UTF-8 – belongs to *hashed*. Slow."""
        ...
