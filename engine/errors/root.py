"""The root of every error."""

from __future__ import annotations

from typing import ClassVar


class AdmitError(Exception):
    """Root of every error admit raises on purpose. Catch it; it is never raised itself."""

    code: ClassVar[str]
    """Stable; a heading in docs/errors.md; HTTP and the CLI key on it."""
    exit_code: ClassVar[int] = 1
    """What the `admit` command exits with: 1 failed, 2 usage, 3 not found, 4 not now, 5 later."""
    sentence: str
    """For people; no secret, no address."""
    next_step: str

    def __init_subclass__(cls) -> None:
        """Show ours under the one name that people import them by, wherever they are written."""
        package = __name__.rpartition(".")[0]
        if cls.__module__.startswith(f"{package}."):
            cls.__module__ = package

    def __str__(self) -> str:
        return f"{self.sentence} {self.next_step} [{self.code}]"


AdmitError.__module__ = __name__.rpartition(".")[0]
