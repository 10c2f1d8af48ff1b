"""An engine for tests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from .. import opening
from ..clock import Clock
from ..engine import Engine
from ..settings import Settings, fields
from ..stores import Store
from .clock import SettableClock
from .inbox import Inbox
from .memory import MemoryStore

KEY: Final = bytes(range(32))
"""An engine key that is no secret."""
CHEAP_HASHING: Final[Mapping[str, object]] = {
    "password_time_cost": 1,
    "password_memory_kibibytes": 8,
    "password_parallelism": 1,
}
"""The cheapest argon2id there is: 0.06 ms instead of 95 (performance.md §4). Never for real."""


def open(  # like `admit.open`
    store: str | os.PathLike[str] | Store | None = None,
    *,
    settings: Mapping[str, object] | None = None,
    fixed: Mapping[str, object] | None = None,
    plugins: Iterable[object] = (),
    discover: bool | Iterable[str] = True,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    clock: Clock | None = None,
    inbox: Inbox | None = None,
    worker: bool = False,
) -> Engine:
    """Open an engine for a test: memory store, settable clock, inbox, cheap hashing, no worker.

    Each part can be given instead. *settings* are set as an admin would, in the code's stead as
    defaults, so that a test can change them while the engine runs; those of the engine that an
    admin cannot set, by code – as *fixed*, those of plugins that an admin cannot set.
    """
    own = fields(Settings)
    by_code = {
        name: value
        for name, value in (settings or {}).items()
        if name in own and "store" not in own[name][1].where
    }
    engine = opening.open(
        MemoryStore() if store is None else store,
        key=KEY,
        settings={**CHEAP_HASHING, **by_code, **(fixed or {})},
        plugins=[inbox or Inbox(), *plugins],
        discover=discover,
        functions=functions,
        clock=clock or SettableClock(),
        worker=worker,
    )
    wanted = {
        "transport": "inbox",
        "email.sender": "admit@example.com",
        "email.link_base": "https://app.example.com/confirm",
        **(settings or {}),
    }
    known = {info.name for info in engine.settings.all()}
    for name, value in wanted.items():
        if (name in known or name in (settings or {})) and name not in by_code:
            engine.settings.set(name, value)
    return engine
