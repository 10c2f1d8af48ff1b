"""Who is at the other end of a request: its address, through the proxies that are configured."""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Sequence
from typing import Final

from admit.errors import InvalidInput

LONGEST_LOCALE: Final = 35
"""Characters of a language tag that is looked at (RFC 5646 §4.4.1)."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


Address = ipaddress.IPv4Address | ipaddress.IPv6Address

REMEMBERED: Final = 4096
"""Addresses that need not be read again."""
_LONGEST: Final = 80
"""Characters of an address that is looked at, with its zone, brackets and port."""
_WITH_PORT: Final = re.compile(r"\[([^\]]+)\](?::\d{1,5})?|([^:\[\]]+):\d{1,5}")


@functools.cache
def networks(texts: tuple[str, ...], field: str = "trusted_proxies") -> tuple[Network, ...]:
    """Return the networks that *texts* say. Raises InvalidInput: one of them is none."""
    try:
        return tuple(_unwrapped(ipaddress.ip_network(text)) for text in texts)
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
    while here is not None and hops and trusted and is_in(here, trusted):
        here = hops.pop()
    return None if here is None else (_normal(here) or _normal(peer) or peer)


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
    found = _read(address)
    return found is not None and any(found in network for network in trusted)


def _normal(text: str | None) -> str | None:
    """Return an address as it is always written, or None if it is none."""
    found = None if text is None else _read(text)
    return None if found is None else str(found)


def _read(text: str) -> Address | None:
    return _parsed(text) if len(text) <= _LONGEST else None


@functools.lru_cache(REMEMBERED)
def _parsed(text: str) -> Address | None:
    """Return an address without what proxies add to it: a port, brackets, quotes (RFC 7239 §6), a
    zone, and what makes an IPv6 address of an IPv4 one (RFC 4291 §2.5.5.2)."""
    text = text.strip('"')
    with_port = _WITH_PORT.fullmatch(text)
    try:
        found = ipaddress.ip_address(text if with_port is None else with_port[1] or with_port[2])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return found
    return found.ipv4_mapped or ipaddress.IPv6Address(int(found))


def _unwrapped(network: Network) -> Network:
    """Return a network of IPv4 addresses written as IPv6 as what it is."""
    first = network.network_address
    if network.prefixlen < 96 or isinstance(first, ipaddress.IPv4Address):
        return network
    mapped = first.ipv4_mapped
    return network if mapped is None else ipaddress.ip_network((mapped, network.prefixlen - 96))
