"""Whose request it is: the address, however the network in between writes it."""

from __future__ import annotations

import pytest

from admit.errors import InvalidInput
from admit.web.clients import address_of, is_in, networks

PROXIES = networks(("10.0.0.0/8", "2001:db8:f::/48"))
PROXY = "10.0.0.1"


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("198.51.100.1:49152", "198.51.100.1"),
        ("2001:db8::7", "2001:db8::7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("[2001:db8::7]:49152", "2001:db8::7"),
        ('"[2001:db8::7]:49152"', "2001:db8::7"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("[::ffff:198.51.100.1]:80", "198.51.100.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("fe80::1%\x1b[2Jx", "fe80::1"),
    ],
)
def test_n4_an_address_is_one_however_a_proxy_writes_it(hop: str, address: str) -> None:
    """Given a trusted proxy that adds a port, brackets, or what stands for an IPv4 address in IPv6,
    then it is the client that is seen, written in one way: whoever is counted is counted once."""
    assert address == address_of(PROXY, [hop], PROXIES)


@pytest.mark.parametrize(
    "proxy", ["10.0.0.2:443", "::ffff:10.0.0.2", "[2001:db8:f::1]:443", "2001:db8:f::1%eth0"]
)
def test_n4_a_trusted_proxy_is_one_however_it_is_written(proxy: str) -> None:
    """As the peer, and as a hop before the peer; an address that merely looks alike is none."""
    assert "198.51.100.1" == address_of(PROXY, [f"198.51.100.1, {proxy}"], PROXIES)
    assert "198.51.100.1" == address_of(proxy, ["198.51.100.1"], PROXIES)
    assert "11.0.0.2" == address_of("::ffff:11.0.0.2", ["198.51.100.1"], PROXIES)


def test_n4_networks_may_be_written_as_ipv4_in_ipv6() -> None:
    """As whoever listens on both sees their addresses."""
    assert is_in("10.1.2.3", networks(("::ffff:10.0.0.0/104",)))
    assert not is_in("11.1.2.3", networks(("::ffff:10.0.0.0/104",)))


@pytest.mark.parametrize("hop", ["unknown", "_hidden", "", "10.0.0.1:x", "[::1", "::1]", "1:2:3"])
def test_n4_a_hop_that_is_no_address_leaves_the_peer(hop: str) -> None:
    """What cannot be read is nobody's address."""
    assert PROXY == address_of(PROXY, [f"198.51.100.1, {hop}"], PROXIES)


def test_networks_that_are_none_are_refused() -> None:
    """With the setting's name."""
    with pytest.raises(InvalidInput, match="trusted_proxies"):
        networks(("10.0.0.0/33",))
