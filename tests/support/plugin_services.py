"""The services of a real engine, for a test that calls a plugin by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from admit.flows import ConfirmationFlow, Entry, Outcome
from admit.hookspecs import hookimpl
from admit.services import Services


class MakeServices(Protocol):
    """Make the services of an engine with these settings, by their dotted names, and these
    functions. Its transport `inbox` keeps what is sent."""

    def __call__(
        self,
        settings: Mapping[str, object] | None = None,
        *,
        functions: Mapping[str, Callable[..., Any]] | None = None,
    ) -> Services: ...


class Probe:
    """A stranger's flow, which keeps the services that it is called with."""

    name = "probe"
    inline = True

    def __init__(self) -> None:
        self.services: Services | None = None

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    def begin(self, entry: Entry, services: Services) -> Outcome:
        self.services = services
        return Outcome.pending()
