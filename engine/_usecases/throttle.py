"""Counting what strangers ask for, before anything is looked up (security.md E2)."""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import Final

from .._commits import TRIES, commit
from .._core import Core
from ..clock import from_text, to_text
from ..errors import TryLater
from ..stores import Change, KeyTaken, Label, Put, Remove, VersionMoved

MOST: Final = 100_000
"""Records of one kind that strangers may leave, but for some hundreds: beyond it those go that end
soonest."""

LOOKED_AT: Final = 64
"""One new counter in so many lets them be counted: some stores read them all to count them."""


def network_of(address: str) -> str:
    """Return the network that one client has: an IPv4 address, an IPv6 /64 – a household's or a
    server's own, of which it may use any address –, or the text itself if it is neither."""
    import ipaddress  # 3 ms that an engine without a public face does not need

    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


def hit(core: Core, purpose: str, subject: str, *, limit: int, window: timedelta) -> None:
    """Count one request about *subject*; let *limit* pass in *window*.

    The subject – a canonical address, a client's network address – is kept as an HMAC only.

    Raises:
        TryLater: the limit is reached, or others kept counting at the same instant.
    """
    if window <= timedelta(0):
        return
    digest = hmac.digest(core.keys.sub_key("throttles"), f"{purpose}:{subject}".encode(), "sha256")
    for _ in range(TRIES):
        if _counted(core, digest, limit, window):
            return
    raise TryLater("this was asked for a moment ago", window)


def _counted(core: Core, digest: bytes, limit: int, window: timedelta) -> bool:
    """Count once; False when somebody else counted at the same instant."""
    key = f"throttle:{digest.hex()}"
    now = core.now()
    record = core.store.find(key)
    count, until = 0, now + window
    if record is not None and from_text(record.body["until"]) > now:
        count, until = record.body["count"], from_text(record.body["until"])
    if count >= limit:
        raise TryLater("this was asked for a moment ago", until - now)
    put = Put(
        "throttle",
        core.mint_id() if record is None else record.id,
        {"count": count + 1, "until": to_text(until)},
        None if record is None else record.version,
        (key,),
        (Label("until", to_text(until)),),
    )
    remove = overflow(core, "throttle", digest) if record is None else ()
    try:
        commit(core, Change(put=(put,), remove=remove), settle=False)
    except (KeyTaken, VersionMoved):
        return False
    return True


def overflow(core: Core, kind: str, digest: bytes) -> tuple[Remove, ...]:
    """Return what has to go before one more record of *kind*, with this digest, may be written."""
    # Who asks does not know the digest, so nobody can choose subjects that are never looked at.
    if digest[0] % LOOKED_AT or core.store.count(kind, "until") < MOST:
        return ()
    page = core.store.page(kind, "until", None, 2 * LOOKED_AT)
    return tuple(Remove(kind, record.id) for record in page.items)
