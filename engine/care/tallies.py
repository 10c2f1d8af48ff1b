"""Counting and digesting what a store holds, in whatever order it comes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from .._copy_mark import KindTally, Tallies
from ..stores import Record, StoredEvent

EVENT: Final = "event"
_MODULUS: Final = 1 << 256

_canonical_json: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Tally:
    """Counts and digests of the kinds of records, and of events.

    Each item's SHA-256 is added up, so two stores compare equal in whichever order they are
    walked; it finds slips of software and disks. Forgery is what seals are for.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._sums: Counter[str] = Counter()

    def record(self, record: Record) -> int:
        """Count a record in. Returns how long it is as text."""
        keys, labels = sorted(record.keys), sorted(record.labels)
        return self._add(record.kind, [record.id, record.version, record.body, keys, labels])

    def event(self, event: StoredEvent) -> int:
        """Count an event in. Returns how long it is as text."""
        parts = [event.id, event.body, event.user, event.version, event.detail, event.sequence]
        return self._add(EVENT, parts)

    def _add(self, kind: str, parts: Sequence[object]) -> int:
        text = _canonical_json(parts).encode("ascii")
        self._counts[kind] += 1
        added = self._sums[kind] + int.from_bytes(hashlib.sha256(text).digest(), "big")
        self._sums[kind] = added % _MODULUS
        return len(text)

    def result(self) -> Tallies:
        """Return what was counted so far, by kind."""
        return {k: KindTally(n, f"{self._sums[k]:064x}") for k, n in sorted(self._counts.items())}
