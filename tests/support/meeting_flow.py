"""A flow that shows whether several users are in it at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from admit import Entry, Outcome, Services, hookimpl
from admit.flows import ConfirmationFlow

LIMIT_SECONDS = 30


class Meeting:
    """The flow `meeting`, which lets nobody through until so many are in it at once; it refuses
    Eve."""

    name = "meeting"

    def __init__(self, parties: int) -> None:
        self.together = threading.Barrier(parties)

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    def begin(self, entry: Entry, services: Services) -> Outcome:
        self.together.wait(LIMIT_SECONDS)
        return Outcome.fail() if entry.username.startswith("eve") else Outcome.success()
