"""Who is at the other end of a request: its address, through the proxies that are configured."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request

import admit
from admit.errors import InvalidInput

LONGEST_LOCALE: Final = 35
"""Characters of a language tag that is looked at (RFC 5646 §4.4.1)."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@functools.cache
def networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks of the setting `server.trusted_proxies`. Raises InvalidInput."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as problem:
        raise InvalidInput(
            "server.trusted_proxies", f"{problem}.", "Write networks, as 10.0.0.0/8."
        ) from None


def address_of(
    peer: str | None, forwarded: Sequence[str], trusted: Sequence[Network]
) -> str | None:
    """Return the client's address: the peer's, or – where that is a trusted proxy – the last one of
    X-Forwarded-For that is none (security.md N4). What stands before that anybody may have written.

    >>> proxies = networks(("10.0.0.0/8",))
    >>> address_of("203.0.113.9", ["198.51.100.1"], proxies)
    '203.0.113.9'
    >>> address_of("10.0.0.1", ["192.0.2.7, 198.51.100.1, 10.0.0.2"], proxies)
    '198.51.100.1'
    """
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    here = peer
    while here is not None and _is_in(here, trusted) and hops:
        here = hops.pop()
    try:
        return None if here is None else str(ipaddress.ip_address(here))
    except ValueError:
        return peer


def client_of(
    request: Request, trusted: Sequence[Network], device: str | None, device_id: str | None
) -> admit.Client:
    """Return who asks, as the engine records it."""
    peer = None if request.client is None else request.client.host
    locale = request.headers.get("accept-language", "").split(",")[0].partition(";")[0].strip()
    usable = locale.replace("-", "").isalnum() and locale.isascii()
    return admit.Client(
        address=address_of(peer, request.headers.getlist("x-forwarded-for"), trusted),
        device=device,
        device_id=device_id,
        locale=locale if usable and len(locale) <= LONGEST_LOCALE else None,
    )


def _is_in(address: str, trusted: Sequence[Network]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in trusted)


def comes_directly_from(request: Request, allowed: Sequence[Network]) -> bool:
    """Whether the peer itself is in one of the networks: what a proxy passes on is not."""
    peer = None if request.client is None else request.client.host
    forwarded = {"x-forwarded-for", "forwarded", "x-real-ip"} & set(request.headers)
    return peer is not None and not forwarded and _is_in(peer, allowed)
