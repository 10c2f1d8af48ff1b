"""The sealer: gives committed events their place in one order, and seals them in batches.

An HMAC of the engine key over each batch, and over the seal before it: whoever has no key cannot
edit or remove anything before the last seal unnoticed (security.md A3).
"""

from __future__ import annotations

import hmac
import json
from typing import Final

import attrs

from .._commits import commit
from .._core import Core
from .._events import digest
from ..clock import to_text
from ..stores import Change, Cursor, KeyTaken, Label, Put, Record, StoredEvent, VersionMoved

BATCH: Final = 200
_HEAD_KEY: Final = "seal:head"


@attrs.frozen(kw_only=True)
class Audit:
    """What verifying the audit trail found."""

    sealed: int
    unsealed: int
    erased: int
    """Details that were erased, as they may be."""
    forgotten: int
    """Sealed events whose retention was over."""
    problems: tuple[str, ...]


def seal(core: Core) -> int:
    """Seal the events committed since the last seal. Returns how many; 0 also when another
    process seals at this moment."""
    events = core.store.events(unsealed=True, limit=BATCH).items
    if not events:
        return 0
    head = core.store.find(_HEAD_KEY)
    last = 0 if head is None else head.body["last"]
    before = "" if head is None else head.body["mac"]
    digests = [[event.id, digest(event.body)] for event in events]
    mac = _mac(core.keys.sub_key("seal"), before, last + 1, digests)
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
            (_HEAD_KEY,),
        ),
    )
    sequence = {event.id: last + 1 + place for place, event in enumerate(events)}
    try:
        commit(core, Change(put=put, sequence=sequence))
    except (KeyTaken, VersionMoved):
        return 0
    return len(events)


def verify(core: Core) -> Audit:
    """Check every seal, every sealed event, and every user's chain; see `Engine.events`."""
    problems: list[str] = []
    keys = dict(zip(core.keys.ids, core.keys.sub_keys("seal"), strict=True))
    expected: dict[str, tuple[int, str]] = {}
    before, next_first = "", 1
    after: Cursor | None = None
    while True:
        page = core.store.page("seal", "seal", after, 100)
        for record in page.items:
            problems += _check_seal(record, keys, before, next_first)
            before = record.body["mac"]
            for place, (event_id, event_digest) in enumerate(record.body["events"]):
                expected[event_id] = (record.body["first"] + place, event_digest)
            next_first = record.body["first"] + len(record.body["events"])
        after = page.next
        if after is None:
            break
    head = core.store.find(_HEAD_KEY)
    if head is not None and (head.body["last"], head.body["mac"]) != (next_first - 1, before):
        problems.append("The newest seals are missing.")
    return _check_events(core, expected, problems)


def _check_seal(record: Record, keys: dict[str, bytes], before: str, next_first: int) -> list[str]:
    body = record.body
    name = f"The seal from {body['first']} on"
    if body["first"] != next_first:
        return [f"{name} does not follow the one before: seals are missing."]
    key = keys.get(body["key"])
    if key is None:
        return [f"{name} was made with the key {body['key']}, which is not given."]
    if not hmac.compare_digest(_mac(key, before, body["first"], body["events"]), body["mac"]):
        return [f"{name} does not fit what it seals."]
    return []


def _check_events(core: Core, expected: dict[str, tuple[int, str]], problems: list[str]) -> Audit:
    erased = 0
    seen: set[str] = set()
    sequence = 0
    while True:
        page = core.store.events(sequence_after=sequence, limit=200)
        for event in page.items:
            sequence = event.sequence or sequence + 1
            seen.add(event.id)
            problems += _check_event(event, expected.get(event.id))
            erased += "detail_digest" in event.body and event.detail is None
        if not page.items or page.next is None:
            break
    unsealed = 0
    after: Cursor | None = None
    while True:
        page = core.store.events(unsealed=True, after=after, limit=200)
        unsealed += len(page.items)
        for event in page.items:
            problems += _check_detail(event)
        after = page.next
        if after is None:
            break
    gone = _forgotten(core)
    problems += _check_missing(expected, seen, gone)
    return Audit(
        sealed=len(seen),
        unsealed=unsealed,
        erased=erased,
        forgotten=len(expected.keys() & gone),
        problems=tuple(problems),
    )


def _check_event(event: StoredEvent, expected: tuple[int, str] | None) -> list[str]:
    if expected is None:
        return [f"Event {event.id} has a sequence, but no seal covers it."]
    if expected != (event.sequence, digest(event.body)):
        return [f"Event {event.id} was changed after it was sealed."]
    return _check_detail(event)


def _check_detail(event: StoredEvent) -> list[str]:
    if event.detail is not None and digest(event.detail) != event.body.get("detail_digest"):
        return [f"The detail of event {event.id} was changed."]
    return []


def _check_missing(
    expected: dict[str, tuple[int, str]], seen: set[str], forgotten: set[str]
) -> list[str]:
    """A sealed event may be gone only because the engine forgot it, and said so with its key."""
    gone = sorted(expected.keys() - seen - forgotten, key=lambda name: expected[name])
    return [f"Event {name}, number {expected[name][0]}, was removed." for name in gone]


def forgotten(core: Core, events: list[str]) -> Put:
    """Return the record that says the engine itself forgot these events, under its key."""
    mac = hmac.digest(core.keys.sub_key("forgotten"), " ".join(events).encode(), "sha256").hex()
    body = {"events": events, "key": core.keys.id, "mac": mac}
    label = Label("forgotten", to_text(core.now()))
    return Put("forgotten", core.mint_id(), body, None, (), (label,))


def _forgotten(core: Core) -> set[str]:
    keys = dict(zip(core.keys.ids, core.keys.sub_keys("forgotten"), strict=True))
    found: set[str] = set()
    after: Cursor | None = None
    while True:
        page = core.store.page("forgotten", "forgotten", after, 100)
        for record in page.items:
            key = keys.get(record.body["key"], b"")
            mac = hmac.digest(key, " ".join(record.body["events"]).encode(), "sha256").hex()
            if key and hmac.compare_digest(mac, record.body["mac"]):
                found.update(record.body["events"])
        after = page.next
        if after is None:
            return found


def _mac(key: bytes, before: str, first: int, digests: list[list[str]]) -> str:
    text = json.dumps([before, first, digests], separators=(",", ":"))
    return hmac.digest(key, text.encode(), "sha256").hex()
