"""Plugins that load, and some that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import admit
from admit.flows import ConfirmationFlow

OpenWith = Callable[..., admit.Engine]


MakeModule = Callable[[str], str]


class Flow:
    """A flow that is its own plugin."""

    def __init__(self, name: str = "slip") -> None:
        self.name = name

    @admit.hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    def begin(self, entry: admit.Entry, services: admit.Services) -> admit.Outcome:
        return admit.Outcome.success()
