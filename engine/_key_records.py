"""The records of keys that sign tokens: what is stored of each, and what it says of the others.

Of the first HS256 key nothing is stored. Each record replaces the keys of its algorithm before it:
it says from when it signs, and until when the tokens of those are good (security.md J7). So a
rotation is one write, and of two at the same time one is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from ._keys import KeyRing
from ._sealing import seal
from ._signatures import HS256, new_pair
from .clock import from_text, to_text
from .stores import Body, Label, Put, Record, Remove

LABEL: Final = "signing-key"
"""Where they are found, and what their keys begin with."""


@attrs.frozen
class KeyRecord:
    """What a record says of one key."""

    record: Record
    algorithm: str
    number: int
    signs_from: datetime
    elders_until: datetime
    """When tokens of the keys before it are refused."""

    @property
    def public(self) -> Mapping[str, str]:
        """The members of its JWK."""
        found: Mapping[str, str] = self.record.body["public"]
        return found

    @property
    def sealed(self) -> str | None:
        """Its private half; None when it signs no more."""
        return self.record.body.get("sealed")


def read(record: Record) -> KeyRecord:
    """Return what a record says. Raises KeyError, ValueError: it is none of these."""
    body = record.body
    return KeyRecord(
        record,
        str(body["algorithm"]),
        int(body["number"]),
        from_text(body["signs_from"]),
        from_text(body["elders_until"]),
    )


def places(body: Body) -> tuple[tuple[str, ...], tuple[Label, ...]]:
    """Return the keys and labels of such a record."""
    key = f"{LABEL}:{body['algorithm']}:{body['number']}"
    return (key,), (Label(LABEL, body["signs_from"]),)


def new(
    ring: KeyRing,
    key_id: str,
    algorithm: str,
    number: int,
    *,
    now: datetime,
    signs_from: datetime,
    elders_until: datetime,
) -> Put:
    """Return the write of a new key.

    Raises:
        MissingExtra: it needs a package that is not installed.
    """
    body: dict[str, Any] = {
        "algorithm": algorithm,
        "number": number,
        "created_at": to_text(now),
        "signs_from": to_text(signs_from),
        "elders_until": to_text(elders_until),
    }
    if algorithm != HS256:
        pair = new_pair(algorithm)
        body["public"] = dict(pair.public)
        body["sealed"] = seal(ring, pair.private, about=key_id)
    return Put("secret", key_id, body, None, *places(body))


def elders_end(kept: Iterable[KeyRecord], algorithm: str, number: int) -> datetime | None:
    """Return when the tokens of a key are refused; None: it was not replaced."""
    later = (k for k in kept if k.algorithm == algorithm and k.number > number)
    return min((k.elders_until for k in later), default=None)


def done_with(
    kept: Iterable[KeyRecord], now: datetime
) -> tuple[tuple[Put, ...], tuple[Remove, ...]]:
    """Return what a sweep writes: private halves that sign no more go, and then the keys of which
    no token is good any more."""
    kept = tuple(kept)
    put, remove = [], []
    for one in kept:
        later = [k for k in kept if k.algorithm == one.algorithm and k.number > one.number]
        record = one.record
        if any(k.elders_until <= now and k.signs_from <= now for k in later):
            remove.append(Remove(record.kind, record.id, record.version))
        elif one.sealed is not None and any(k.signs_from <= now for k in later):
            body = {name: value for name, value in record.body.items() if name != "sealed"}
            put.append(
                Put(record.kind, record.id, body, record.version, record.keys, record.labels)
            )
    return tuple(put), tuple(remove)
