"""What is wrong or weak about an application, each with its remedy: `engine.doctor`."""

from __future__ import annotations

from ._core import Core
from ._usecases.examine import Advice, Severity, examine


class Doctor:
    """Looks at an engine that is open; `admit.examining` also at one that does not open."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def examine(self) -> tuple[Advice, ...]:
        """Return what is wrong, then what is weak: flows and transport – a mail server is asked
        whether it would take mail –, settings, clock, the queue, files. Nothing is changed.

        Raises:
            StoreError: the store cannot be read.
        """
        return tuple(examine(self._core))


__all__ = ["Advice", "Doctor", "Severity"]
