"""The parts of an open engine, put into the hands of every use case."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING, Final

import attrs

from ._api_keys import KeyFinder
from ._events import Acting
from ._ids import IdSource
from ._jwt import TokenSigner
from ._keys import KeyRing
from ._passwords import PasswordHashing
from ._plugins import Plugins
from ._setting_sources import SettingSources
from .clock import Clock
from .records import Actor
from .services import Services
from .settings import Settings
from .stores import Cursor, Store

if TYPE_CHECKING:
    from ._usecases.enter import ResetRequest

SYSTEM: Final = Acting(Actor("system"))
"""Who acts when nobody asked: the worker, expiry."""


@attrs.frozen
class Core:
    """The parts of one open engine. Use cases take it as their first argument."""

    store: Store
    clock: Clock
    ids: IdSource
    keys: KeyRing
    signer: TokenSigner
    plugins: Plugins
    sources: SettingSources
    passwords: PasswordHashing
    api_keys: KeyFinder
    services: Services
    sessions_end_at_once: bool = True
    """Whether `verify` looks up session and user: fixed when the engine opens, because in the other
    mode not even the settings are looked at."""
    work_waits: threading.Event = attrs.field(factory=threading.Event)
    """Set when a commit queued something, so that the worker need not poll for it."""
    waiting_resets: dict[str, ResetRequest] = attrs.field(factory=dict, repr=False)
    """Run id → what a reset function is called with besides the token: kept in memory only."""

    sweep_places: dict[str, Cursor] = attrs.field(factory=dict, repr=False)
    """List → how far the last sweep came that could not look through all of it."""

    @property
    def settings(self) -> Settings:
        """The engine's settings in force now."""
        return self.sources.current(Settings)

    def now(self) -> datetime:
        """The present instant."""
        return self.clock.now()

    def mint_id(self) -> str:
        """A new id."""
        return self.ids.mint(self.clock.now())
