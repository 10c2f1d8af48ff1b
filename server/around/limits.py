"""How much at once, and how often from one network: more is told to come back."""

from __future__ import annotations

import functools
import ipaddress
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..answers import told
from ..clients import address_of, networks
from ..hosting import Applications
from ..refusals import RequestRefused, TooBusy, TooManyRequests
from ..settings import ServerSettings

WINDOW_SECONDS: Final = 60.0
MOST_NETWORKS: Final = 100_000
"""Counted at once; of more, those not heard of for longest are forgotten."""
REMEMBERED: Final = 4096
"""Addresses whose network need not be found again."""
OF_ONE_NETWORK: Final = 10
"""One network may let a tenth of the requests at once wait for their bodies."""
ALWAYS: Final = "/health/live"
"""Who asks whether the server lives is answered in any case."""


class Limits:
    """Refuses a request before anything is done for it. Counted in this process."""

    def __init__(
        self,
        app: ASGIApp,
        applications: Applications,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._applications = applications
        self._under_way = 0
        self._awaited: Counter[str] = Counter()
        """Bodies that have not come yet, by network."""
        self._rates = Rates(monotonic)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or refuse it."""
        if scope["type"] != "http" or scope["path"] == ALWAYS:
            await self._app(scope, receive, send)
            return
        settings = self._applications.all[0].settings
        if self._under_way >= settings.requests_at_once:
            await _refused(TooBusy())(scope, receive, send)
            return
        network = _network(Request(scope), settings)
        wait = self._rates.hit(network, settings.requests_a_minute)
        if wait is not None:
            await _refused(TooManyRequests(wait))(scope, receive, send)
            return
        self._under_way += 1
        try:
            most = max(1, settings.requests_at_once // OF_ONE_NETWORK)
            await self._app(scope, self._arriving(receive, network, most), send)
        finally:
            self._under_way -= 1

    def _arriving(self, receive: Receive, network: str, most: int) -> Receive:
        """Return *receive*, which waits for *most* bodies of a network at once: else one client
        could take every place with bodies that never end."""
        is_complete = False

        async def received() -> Message:
            nonlocal is_complete
            if is_complete:
                return await receive()
            if self._awaited[network] >= most:
                raise TooManyRequests(1)
            self._awaited[network] += 1
            try:
                message = await receive()
            finally:
                self._awaited[network] -= 1
                if not self._awaited[network]:
                    del self._awaited[network]
            is_complete = not message.get("more_body", False)
            return message

        return received


class Rates:
    """Counts requests by network, in windows of a minute."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._counts: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def hit(self, network: str, limit: int) -> float | None:
        """Count one. Return None, or the seconds until the next is welcome."""
        now = self._monotonic()
        began, count = self._counts.pop(network, (now, 0))
        if now - began >= WINDOW_SECONDS:
            began, count = now, 0
        self._counts[network] = (began, count + 1)
        if len(self._counts) > MOST_NETWORKS:
            self._counts.popitem(last=False)
        return None if count < limit else WINDOW_SECONDS - (now - began)


def _network(request: Request, settings: ServerSettings) -> str:
    """Return whom a request is counted for: its IPv4 address, or an IPv6 /64."""
    peer = None if request.client is None else request.client.host
    trusted = networks(settings.trusted_proxies)
    return _counted(address_of(peer, request.headers.getlist("x-forwarded-for"), trusted) or "")


@functools.lru_cache(REMEMBERED)
def _counted(found: str) -> str:
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return found
    if address.version == 4:
        return found
    return str(ipaddress.ip_network(f"{found}/64", strict=False))


def _refused(refusal: RequestRefused) -> ASGIApp:
    body = {
        "error": refusal.sentence,
        "error_code": refusal.code,
        "next_step": refusal.next_step,
    }
    seconds = max(1, round(getattr(refusal, "seconds", 1)))
    return told(body, refusal.status, {"retry-after": str(seconds)})
