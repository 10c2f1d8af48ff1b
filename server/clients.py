"""Who is at the other end of a request: its address, through the proxies that are configured."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

import admit
from admit.web import clients
from admit.web.clients import Network, address_of, is_in, locale_of

__all__ = ["address_of", "client_of", "comes_directly_from", "networks"]


def networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Return the networks of the setting `server.trusted_proxies`. Raises InvalidInput."""
    return clients.networks(texts, "server.trusted_proxies")


def client_of(
    request: Request, trusted: Sequence[Network], device: str | None, device_id: str | None
) -> admit.Client:
    """Return who asks, as the engine records it."""
    peer = None if request.client is None else request.client.host
    return admit.Client(
        address=address_of(peer, request.headers.getlist("x-forwarded-for"), trusted),
        device=device,
        device_id=device_id,
        locale=locale_of(request.headers.get("accept-language")),
    )


def comes_directly_from(request: Request, allowed: Sequence[Network]) -> bool:
    """Whether the peer itself is in one of the networks: what a proxy passes on is not."""
    peer = None if request.client is None else request.client.host
    forwarded = {"x-forwarded-for", "forwarded", "x-real-ip"} & set(request.headers)
    return peer is not None and not forwarded and is_in(peer, allowed)
