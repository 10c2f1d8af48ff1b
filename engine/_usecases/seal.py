"""The sealer: gives committed events their place in one order, and seals them in batches.

An HMAC of the engine key over each batch, and over the seal before it: whoever has no key cannot
edit or remove anything before the last seal unnoticed (security.md A3).
"""

from __future__ import annotations

import hmac
import json
from typing import Final

from .._commits import commit
from .._core import Core
from .._events import digest
from ..clock import to_text
from ..stores import Change, KeyTaken, Label, Put, VersionMoved

BATCH: Final = 200
HEAD_KEY: Final = "seal:head"
FORGOTTEN: Final = "forgotten"
"""The kind of the records that name events whose retention was over."""


def seal(core: Core) -> int:
    """Seal the events committed since the last seal. Returns how many; 0 also when another
    process seals at this moment."""
    # The head comes first: whoever seals after it was read moves it, and this seal is refused. Read
    # the other way round, events that somebody sealed in between would be sealed twice.
    head = core.store.find(HEAD_KEY)
    events = core.store.events(unsealed=True, limit=BATCH).items
    if not events:
        return 0
    last = 0 if head is None else head.body["last"]
    before = "" if head is None else head.body["mac"]
    digests = [[event.id, digest(event.body)] for event in events]
    mac = seal_mac(core.keys.sub_key("seal"), before, last + 1, digests)
    at = to_text(core.now())
    seal_id = core.mint_id()
    put = (
        Put(
            "seal",
            seal_id,
            {"first": last + 1, "events": digests, "key": core.keys.id, "mac": mac, "at": at},
            None,
            (),
            (Label("seal", f"{last + 1:016d}"),),
        ),
        Put(
            "seal",
            core.mint_id() if head is None else head.id,
            {"last": last + len(events), "mac": mac},
            None if head is None else head.version,
            (HEAD_KEY,),
        ),
    )
    sequence = {event.id: last + 1 + place for place, event in enumerate(events)}
    try:
        commit(core, Change(put=put, sequence=sequence))
    except (KeyTaken, VersionMoved):
        return 0
    return len(events)


def forgotten(core: Core, events: list[str]) -> Put:
    """Return the record that says the engine itself forgot these events, under its key."""
    mac = forgotten_mac(core.keys.sub_key(FORGOTTEN), events)
    body = {"events": events, "key": core.keys.id, "mac": mac}
    label = Label(FORGOTTEN, to_text(core.now()))
    return Put(FORGOTTEN, core.mint_id(), body, None, (), (label,))


def forgotten_mac(key: bytes, events: list[str]) -> str:
    """Return what shows that the engine itself forgot *events*."""
    return hmac.digest(key, " ".join(events).encode(), "sha256").hex()


def seal_mac(key: bytes, before: str, first: int, digests: list[list[str]]) -> str:
    """Return what seals *digests*, the first of which has the number *first*, and the seal before
    it."""
    text = json.dumps([before, first, digests], separators=(",", ":"))
    return hmac.digest(key, text.encode(), "sha256").hex()
