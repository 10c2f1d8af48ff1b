"""A flow that is told what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from admit import Entry, Outcome, Services, User, hookimpl
from admit.flows import ConfirmationFlow, ResetFlow


class ToldFlow:
    """The flow `told`, which does `act` and keeps what it was entered with; a veto on request."""

    name = "told"
    inline = resends = False

    def __init__(self) -> None:
        self.act: Callable[[Entry], Outcome] = lambda entry: Outcome.pending()
        self.entries: list[Entry] = []
        self.veto: str | None = None
        self.proves_address = False

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    @hookimpl
    def register_reset_flows(self) -> Iterable[ResetFlow]:
        return [self]

    @hookimpl
    def before_confirm(self, user: User) -> str | None:
        return self.veto

    def begin(self, entry: Entry, services: Services) -> Outcome:
        self.entries.append(entry)
        return self.act(entry)

    @property
    def link(self) -> dict[str, str]:
        """The keyword arguments of `confirm` for the newest entry."""
        return {"token_id": self.entries[-1].token_id, "token": self.entries[-1].token.reveal()}
