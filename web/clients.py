"""Who is at the other end of a request: its address, through the proxies that are configured."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Sequence
from typing import Final

from admit.errors import InvalidInput

LONGEST_LOCALE: Final = 35
"""Characters of a language tag that is looked at (RFC 5646 §4.4.1)."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@functools.cache
def networks(texts: tuple[str, ...], field: str = "trusted_proxies") -> tuple[Network, ...]:
    """Return the networks that *texts* say. Raises InvalidInput: one of them is none."""
    try:
        return tuple(ipaddress.ip_network(text) for text in texts)
    except ValueError as problem:
        raise InvalidInput(field, f"{problem}.", "Write networks, as 10.0.0.0/8.") from None


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
    while here is not None and is_in(here, trusted) and hops:
        here = hops.pop()
    try:
        return None if here is None else str(ipaddress.ip_address(here))
    except ValueError:
        return peer


def locale_of(accept_language: str | None) -> str | None:
    """Return the language that is wanted most, or None if there is no usable one.

    >>> locale_of("de-CH, de;q=0.9, en;q=0.8")
    'de-CH'
    >>> locale_of("*") is None
    True
    """
    locale = (accept_language or "").split(",")[0].partition(";")[0].strip()
    usable = locale.replace("-", "").isalnum() and locale.isascii()
    return locale if usable and len(locale) <= LONGEST_LOCALE else None


def is_in(address: str, trusted: Sequence[Network]) -> bool:
    """Whether *address* is one, and in one of the networks."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in trusted)
