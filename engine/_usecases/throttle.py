"""Counting what strangers ask for, before anything is looked up (security.md E2)."""

from __future__ import annotations

import contextlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from .._commits import TRIES, commit
from .._core import Core
from ..clock import from_text, to_text
from ..errors import TryLater
from ..stores import Change, KeyTaken, Label, Put, Record, Remove, VersionMoved

MOST: Final = 100_000
"""Records of one kind that strangers may leave, but for some hundreds: beyond it those go that end
soonest."""

LOOKED_AT: Final = 64
"""One new counter in so many lets them be counted: some stores read them all to count them."""


def network_of(address: str) -> str:
    """Return the network that one client has: an IPv4 address, an IPv6 /64 – a household's or a
    server's own, of which it may use any address –, or the text itself if it is neither."""
    return _network(address, 32, 64)


def neighbourhood_of(address: str) -> str:
    """Return the networks that somebody who wants many can easily have: an IPv4 /24, an IPv6 /48,
    or the text itself if it is neither."""
    return _network(address, 24, 48)


def _network(address: str, bits_4: int, bits_6: int) -> str:
    import ipaddress  # 3 ms that an engine without a public face does not need

    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, ipaddress.IPv4Address):
        network = ipaddress.ip_network((parsed, bits_4), strict=False)
        return str(parsed) if bits_4 == 32 else str(network)
    return str(ipaddress.ip_network((parsed, bits_6), strict=False))


def hit(core: Core, purpose: str, subject: str, *, limit: int, window: timedelta) -> None:
    """Count one request about *subject*; let *limit* pass in *window*.

    Raises:
        TryLater: the limit is reached, or others kept counting at the same instant.
    """
    if window <= timedelta(0):
        return
    wait = counted(core, purpose, subject, limit=limit, window=window)
    if wait is not None:
        raise TryLater("this was asked for a moment ago", wait)


def counted(
    core: Core, purpose: str, subject: str, *, limit: int, window: timedelta
) -> timedelta | None:
    """Count one request about *subject*. Returns None, or – it was not counted, since *limit* is
    reached or others kept counting at the same instant – how long until it can be.

    The subject – a canonical address, a client's network address – is kept as an HMAC only.
    """
    digest = _digest(core, purpose, subject)
    for _ in range(TRIES):
        now = core.now()
        record = core.store.find(_key(digest))
        count, until = _state(record, now, window)
        if count >= limit:
            return until - now
        put = _put(core, digest, record, count + 1, until)
        remove = overflow(core, "throttle", digest) if record is None else ()
        try:
            commit(core, Change(put=(put,), remove=remove), settle=False)
        except (KeyTaken, VersionMoved):
            continue  # somebody else counted at the same instant
        return None
    return window


def wait_for(core: Core, purpose: str, subject: str, *, limit: int) -> timedelta | None:
    """Return how long until *subject* may be counted again, or None: it may. Nothing is counted."""
    record = core.store.find(_key(_digest(core, purpose, subject)))
    now = core.now()
    count, until = _state(record, now, timedelta(0))
    return until - now if count >= limit else None


def take_back(
    core: Core, subjects: Iterable[tuple[str, str]], *, cleared: Iterable[tuple[str, str]]
) -> None:
    """Count one less of each of *subjects* (purpose, subject), and none any more of *cleared*.
    Where others count at the same instant, their count stands."""
    now = core.now()
    put, remove = [], []
    for purpose, subject in subjects:
        digest = _digest(core, purpose, subject)
        record = core.store.find(_key(digest))
        if record is not None and record.body["count"] > 0:
            count, until = _state(record, now, timedelta(0))
            put.append(_put(core, digest, record, max(0, count - 1), until))
    for purpose, subject in cleared:
        record = core.store.find(_key(_digest(core, purpose, subject)))
        if record is not None:
            remove.append(Remove(record.kind, record.id, record.version))
    if put or remove:
        with contextlib.suppress(VersionMoved):
            commit(core, Change(put=tuple(put), remove=tuple(remove)), settle=False)


def _digest(core: Core, purpose: str, subject: str) -> bytes:
    key = core.keys.sub_key("throttles")
    return hmac.digest(key, f"{purpose}:{subject}".encode(), "sha256")


def _key(digest: bytes) -> str:
    return f"throttle:{digest.hex()}"


def _state(record: Record | None, now: datetime, window: timedelta) -> tuple[int, datetime]:
    """Return how often was counted, and until when that counts: a new window begins after it."""
    if record is not None:
        until = from_text(record.body["until"])
        if until > now:
            return record.body["count"], until
    return 0, now + window


def _put(core: Core, digest: bytes, record: Record | None, count: int, until: datetime) -> Put:
    return Put(
        "throttle",
        core.mint_id() if record is None else record.id,
        {"count": count, "until": to_text(until)},
        None if record is None else record.version,
        (_key(digest),),
        (Label("until", to_text(until)),),
    )


def overflow(core: Core, kind: str, digest: bytes) -> tuple[Remove, ...]:
    """Return what has to go before one more record of *kind*, with this digest, may be written."""
    # Who asks does not know the digest, so nobody can choose subjects that are never looked at.
    if digest[0] % LOOKED_AT or core.store.count(kind, "until") < MOST:
        return ()
    page = core.store.page(kind, "until", None, 2 * LOOKED_AT)
    return tuple(Remove(kind, record.id) for record in page.items)
