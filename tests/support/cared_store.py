"""A store with a bit of everything in it, and what two stores are compared by."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import attrs

import admit
from admit.errors import AdmitError
from admit.storage import TinyStore
from admit.stores import Record, Store, StoredEvent
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine
from admit.upkeep import Upkeep

PASSWORD: Final = "correct horse battery staple"


@attrs.frozen
class Lived:
    """What a store has seen: an engine on it, and who is in it."""

    engine: admit.Engine
    clock: SettableClock
    inbox: Inbox
    ada: admit.User
    """Confirmed, and logged in."""
    grace: admit.User
    """Pending: her link is the inbox's last."""
    login: admit.LogIn
    """Ada's."""

    def let_a_year_pass(self) -> None:
        """Do what is due, and forget what is past its time more than a year later."""
        while self.engine.work_once():
            pass
        self.clock.advance(timedelta(days=500))
        self.engine.sweep()


def live(store: Store, clock: SettableClock | None = None, inbox: Inbox | None = None) -> Lived:
    """Do to *store* what an application does in its life; leave some of the events unsealed."""
    clock, inbox = clock or SettableClock(), inbox or Inbox()
    engine = open_engine(store, clock=clock, inbox=inbox)
    ada = engine.register("ada@example.com", PASSWORD)
    engine.confirm(**inbox.last_link().credentials)
    login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    gone = engine.create("gone@example.com", PASSWORD)
    engine.disable(engine.create("mary@example.com", PASSWORD))
    engine.delete(gone)
    engine.settings.set("email.subject", "Hello")
    with contextlib.suppress(AdmitError):
        engine.log_in("local-userpass", username="ada@example.com", password="wrong")
    engine.public.register("nobody@example.com", PASSWORD)
    admins = engine.admin_keys.create("desk", scope="support")
    engine.admin_keys.log_in(admins.key.id, admins.private_key)
    while engine.work_once():
        pass
    list(engine.events.follow("billing", limit=3))
    grace = engine.register("grace@example.com", PASSWORD)
    return Lived(engine, clock, inbox, engine.users.get(ada.id), grace, login)


class StaysOpen(MemoryStore):
    """A store in memory that an engine does not take with it when it closes."""

    def close(self) -> None:
        pass


Held = Mapping[str, list[Record] | list[StoredEvent]]


def held(store: Upkeep) -> Held:
    """Return all that a store holds, but for the mark of a copy, by id."""
    with store.view() as view:
        found: dict[str, list[Record] | list[StoredEvent]] = {
            kind: [
                r._replace(keys=tuple(sorted(r.keys)), labels=tuple(sorted(r.labels)))
                for r in view.records(kind)
                if r.keys != ("job:store-copy",)
            ]
            for kind in view.kinds()
        }
        found["event"] = sorted(view.events(), key=lambda event: event.id)
    return {kind: items for kind, items in found.items() if items}


def tiny(folder: Path, name: str) -> TinyStore:
    """Open a TinyDB store."""
    return TinyStore(folder / f"{name}.json")
