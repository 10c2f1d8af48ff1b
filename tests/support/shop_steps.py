"""A shop with erase steps that can be broken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import admit
from admit import Left, hookimpl

PASSWORD = "correct horse battery staple"


class Shop:
    """A plugin with two steps; each can be broken."""

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.words = "ada@example.com is not known here"
        self.called: list[str] = []
        self.left: list[Left] = []

    @hookimpl
    def register_erase_steps(self) -> Mapping[str, Any]:
        return {"orders": self.orders, "ledger": self}

    def orders(self, user: admit.User) -> None:
        self._do("orders")

    def erase(self, left: Left, services: admit.Services) -> None:
        self.left.append(left)
        self._do("ledger")

    def _do(self, name: str) -> None:
        self.called.append(name)
        if name in self.broken:
            raise ConnectionError(self.words)


def deleted(engine: admit.Engine) -> admit.User:
    """A user who was deleted this moment."""
    ada = engine.create("ada@example.com", PASSWORD)
    engine.custom_data.set(ada, {"customer": "c-42"})
    engine.delete(ada)
    return ada


def steps_of(engine: admit.Engine, user: admit.User) -> dict[str, tuple[str | None, int]]:
    """Each step, how it ended, and after how many tries."""
    return {step.name: (step.ended, step.tries) for step in engine.users.erasure(user).steps}
