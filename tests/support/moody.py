"""A flow that answers what it is told to, and the end of a process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from admit import Engine, Entry, Outcome, Services, hookimpl
from admit.flows import Answer, ConfirmationFlow, ResetFlow


class Crash(BaseException):
    """The process ends here."""


class Moody:
    """A flow that answers what it is told to, and remembers what it was called with last."""

    name = "moody"

    def __init__(self) -> None:
        self.mood = "pending"
        self.wakes = threading.Event()
        self.listen()

    def listen(self) -> None:
        """Forget who called last, and let the next one hang until it is woken."""
        self.wakes.set()
        self.entry: Entry | None = None
        self.wakes = threading.Event()

    def hear_out(self, engine: Engine) -> None:
        """Wake who hangs, and wait until every call has ended: one that was given up before its
        first line ran would else be remembered later, as another's."""
        self.wakes.set()
        while engine._core.plugins.calls.hanging():
            time.sleep(0.001)

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
