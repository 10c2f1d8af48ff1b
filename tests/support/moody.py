"""A flow that answers what it is told to, and the end of a process."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from admit import Entry, Outcome, Services, hookimpl
from admit.flows import Answer, ConfirmationFlow, ResetFlow


class Crash(BaseException):
    """The process ends here."""


class Moody:
    """A flow that answers what it is told to, and remembers what it was called with last."""

    name = "moody"

    def __init__(self) -> None:
        self.mood = "pending"
        self.listen()

    def listen(self) -> None:
        """Forget who called last, and let the next one hang until it is woken."""
        self.entry: Entry | None = None
        self.wakes = threading.Event()

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    @hookimpl
    def register_reset_flows(self) -> Iterable[ResetFlow]:
        return [self]

    def limit_seconds(self, services: Services) -> float:
        """Only who hangs is cut off, however busy the machine is."""
        return 0.02 if self.mood == "hang" else 60

    def begin(self, entry: Entry, services: Services) -> Answer:
        self.entry = entry
        match self.mood:
            case "success" | "proved":
                return Outcome.success(proved=self.mood == "proved")
            case "pending":
                return {"status": "pending"}
            case "fail":
                return Outcome.fail("no")
            case "raise":
                raise LookupError
            case "hang":
                self.wakes.wait(10)
        return {"status": "perhaps"}
