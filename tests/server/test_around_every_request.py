"""What surrounds every request: limits, ids, headers, health, counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from admit.server.around.limits import WINDOW_SECONDS, Rates
from admit.server.dev.mails import mails
from admit.server.health import KEPT_SECONDS, routes
from admit.server.hosting import Applications, hosted
from admit.server.metrics import Metrics
from admit.server.threads import Threads
from admit.testing import open as open_engine

APP = "/api/client/v2.0/app/shop-abcde"

Serve = Callable[..., TestClient]


def test_answers_are_kept_framed_and_guessed_at_by_nobody(serve: Serve) -> None:
    """As OWASP's cheat sheet for REST asks; over https also that it stays so."""
    headers = serve(fixed={"server.public_url": "https://a.example"}).get(f"{APP}/location").headers

    assert "no-store" == headers["cache-control"]
    assert "nosniff" == headers["x-content-type-options"]
    assert "no-referrer" == headers["referrer-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "max-age=31536000" == headers["strict-transport-security"]


def test_a_request_keeps_the_id_that_it_came_with_if_it_has_the_shape_of_one(serve: Serve) -> None:
    """Any other is replaced: ids stand in logs."""
    client = serve()

    def id_of(given: str) -> str:
        answer = client.get(f"{APP}/location", headers={"x-request-id": given})
        return str(answer.headers["x-request-id"])

    assert "0123-abcd-4567" == id_of("0123-abcd-4567")
    assert 24 == len(id_of("short"))
    assert 24 == len(id_of('"><script>alert(1)'))


def test_one_network_is_told_to_wait_and_others_are_not(serve: Serve) -> None:
    """Given ten requests a minute, then the eleventh is 429 with the seconds to wait; of who comes
    through a trusted proxy, the network behind it counts (security.md N4)."""
    client = serve(
        fixed={"server.requests_a_minute": 10, "server.trusted_proxies": "203.0.113.0/24"}
    )
    proxied = TestClient(client.app, client=("203.0.113.1", 1))

    def status(address: str) -> int:
        return proxied.get(f"{APP}/location", headers={"x-forwarded-for": address}).status_code

    assert [200] * 10 + [429] == [status("198.51.100.1") for _ in range(11)]
    assert 200 == status("198.51.100.2")
    waits = proxied.get(f"{APP}/location", headers={"x-forwarded-for": "198.51.100.1"})
    assert 0 < int(waits.headers["retry-after"]) <= WINDOW_SECONDS
    assert 200 == proxied.get("/health/live").status_code


def test_n4_an_address_from_an_untrusted_proxy_is_not_believed(serve: Serve) -> None:
    """Given no trusted proxy, when one client writes ever new addresses, it is counted as one."""
    client = serve(fixed={"server.requests_a_minute": 10})

    statuses = [
        client.get(f"{APP}/location", headers={"x-forwarded-for": f"198.51.100.{n}"}).status_code
        for n in range(11)
    ]

    assert 429 == statuses[-1]


def test_n4_a_client_is_counted_once_however_the_proxy_writes_its_address(serve: Serve) -> None:
    """Given ports that change, brackets, and IPv4 in IPv6, then the eleventh request of one client
    is refused; and a proxy that connects by IPv4 in IPv6 is the one that is trusted."""
    client = serve(
        fixed={"server.requests_a_minute": 10, "server.trusted_proxies": "203.0.113.0/24"}
    )
    proxied = TestClient(client.app, client=("::ffff:203.0.113.1", 1))

    def status(address: str) -> int:
        return proxied.get(f"{APP}/location", headers={"x-forwarded-for": address}).status_code

    written = [f"198.51.100.1:{port}" for port in range(5000, 5009)]
    assert [200] * 10 + [429] == [
        status(one) for one in [*written, "::ffff:198.51.100.1", "[::ffff:198.51.100.1]:80"]
    ]
    several = [f"[2001:db8::{number:x}]:443" for number in range(11)]
    assert 429 == [status(one) for one in several][-1]
    assert 200 == status("[2001:db8:0:1::1]:443")


def test_bodies_that_do_not_come_take_a_tenth_of_the_places(serve: Serve) -> None:
    """Given twenty requests at once, when one network sends twenty whose bodies do not end, then
    two of them wait, the others are told to come back, others are served; and the two are, too."""
    app = serve(fixed={"server.requests_at_once": 20}).app
    ended = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b'{"email": "ada@example.com", '
        await ended.wait()
        yield b'"password": "correct horse battery staple"}'

    async def scenario() -> tuple[list[int], list[int], list[int]]:
        register = f"http://testserver{APP}/auth/providers/local-userpass/register"
        transports = [httpx2.ASGITransport(app, client=(f"198.51.100.{n}", 1)) for n in (1, 2)]
        async with (
            httpx2.AsyncClient(transport=transports[0]) as one,
            httpx2.AsyncClient(transport=transports[1]) as other,
            asyncio.timeout(60),
        ):
            asked = [asyncio.create_task(one.post(register, content=slow())) for _ in range(20)]
            while sum(task.done() for task in asked) < 18:
                await asyncio.sleep(0)
            waiting = [task for task in asked if not task.done()]
            refused = [task.result().status_code for task in asked if task.done()]
            there = f"http://testserver{APP}/location"
            elsewhere = [
                (await other.get(there)).status_code,
                (await other.post(register, json={"email": "x"})).status_code,
            ]
            ended.set()
            waited = [(await task).status_code for task in waiting]
        return refused, elsewhere, waited

    refused, elsewhere, waited = asyncio.run(scenario())

    assert [429] * 18 == refused
    assert [200, 400] == elsewhere
    assert [201, 409] == sorted(waited)


def test_rates_forget_after_a_minute() -> None:
    """Counted anew in each window."""
    now = 0.0
    rates = Rates(lambda: now)

    assert rates.hit("here", 1) is None
    assert WINDOW_SECONDS == rates.hit("here", 1)
    now = WINDOW_SECONDS
    assert rates.hit("here", 1) is None


def test_whoever_asks_whether_it_lives_is_told(serve: Serve) -> None:
    """Live: the process answers. Ready: its store does."""
    client, closed = serve(), serve()
    closed.app_state["engine"].close()
    not_ready = closed.get("/health/ready")

    assert {"status": "live"} == client.get("/health/live").json()
    assert {"status": "ready"} == client.get("/health/ready").json()
    assert (503, "store-closed") == (not_ready.status_code, not_ready.json()["code"])


def test_whether_it_is_ready_is_asked_within_the_limits_and_once_a_second(serve: Serve) -> None:
    """Given somebody who asks without end, then the store is asked again only when the answer is a
    second old, and the eleventh request is refused; who asks whether it lives is told."""
    limited = serve(fixed={"server.requests_a_minute": 10})
    now = 0.0
    with open_engine() as engine:
        served = Applications([hosted(engine, app_id="shop-abcde")])
        app = Starlette(routes=routes(served, Threads(), Metrics(), monotonic=lambda: now))
        client = TestClient(app)

        assert 200 == client.get("/health/ready").status_code
        engine.close()
        assert 200 == client.get("/health/ready").status_code
        now = KEPT_SECONDS
        assert 503 == client.get("/health/ready").status_code

    statuses = [limited.get("/health/ready").status_code for _ in range(11)]
    assert [200] * 10 + [429] == statuses
    assert 200 == limited.get("/health/live").status_code


def test_counts_are_for_those_who_come_directly(serve: Serve) -> None:
    """Given the networks of the setting, others, and what a proxy passes on, find nothing."""
    client = serve()
    here = TestClient(client.app, client=("127.0.0.1", 1))
    there = TestClient(client.app, client=("198.51.100.1", 1))
    here.get(f"{APP}/location")

    counts = here.get("/metrics").text
    assert 'admit_requests_total{method="GET",route="/api/client/v2.0/app/{app}/location"' in counts
    assert 404 == here.get("/metrics", headers={"x-forwarded-for": "198.51.100.1"}).status_code
    assert 404 == there.get("/metrics").status_code


def test_the_inbox_is_there_in_development_mode_only(serve: Serve) -> None:
    """Elsewhere there is nothing at its path."""
    assert 404 == serve().get("/dev/inbox").status_code


def test_no_mail_yet_is_no_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The folder is made with the first one."""
    assert [] == mails(tmp_path_factory.mktemp("mail") / "none")
