"""What holds for every request: paths, methods, bodies, tokens, and what a refusal looks like."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

import admit
from admit.testing import SettableClock

APP = "/api/client/v2.0/app/shop-abcde"
REGISTER = f"{APP}/auth/providers/local-userpass/register"
PROFILE = "/api/client/v2.0/auth/profile"
PASSWORD = "correct horse battery staple"
JSON = {"content-type": "application/json"}

Serve = Callable[..., TestClient]


def test_a_client_finds_out_where_the_application_is(serve: Serve) -> None:
    """Given a configured URL, when a client asks under any Host, then it is told that one (T7)."""
    client = serve(fixed={"server.public_url": "https://accounts.shop.example"})

    there = client.get(f"{APP}/location", headers={"host": "evil.example"})

    assert 200 == there.status_code
    assert "application/json" == there.headers["content-type"]
    assert "https://accounts.shop.example" == there.json()["hostname"]
    assert "wss://accounts.shop.example" == there.json()["ws_hostname"]


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {
            "host": "evil.example:8000",
            "x-forwarded-host": "evil.example",
            "x-forwarded-proto": "https",
        },
        {"forwarded": "host=evil.example;proto=https"},
    ],
)
def test_t7_without_a_configured_url_no_header_names_where_the_application_is(
    serve: Serve, headers: dict[str, str]
) -> None:
    """Given no URL, then the address that was connected to is told, in answers and in links of
    refusals: a client keeps what it is told, and sends passwords there."""
    client = serve()
    there = client.get(f"{APP}/location", headers=headers).json()
    refused = client.get("/api/client/v2.0/nothing", headers=headers).json()

    assert ("http://testserver", "ws://testserver") == (there["hostname"], there["ws_hostname"])
    assert refused["link"].startswith("http://testserver/groups/")


@pytest.mark.parametrize(
    ("server", "url"),
    [
        (("192.0.2.1", 8000), "http://192.0.2.1:8000"),
        (("2001:db8::1", 8000), "http://[2001:db8::1]:8000"),
        (("/run/admit.sock", None), "http://127.0.0.1:8000"),
        (None, "http://127.0.0.1:8000"),
    ],
)
def test_the_address_that_was_connected_to_is_written_as_a_url(
    serve: Serve, server: tuple[str, int | None] | None, url: str
) -> None:
    """Of a socket that is a file there is none, so the settings say where it listens."""
    client = serve()

    async def arrived(scope: Any, receive: Any, send: Any) -> None:
        await client.app({**scope, "server": server}, receive, send)

    assert url == TestClient(arrived).get(f"{APP}/location").json()["hostname"]


def test_slashes_at_the_beginning_are_one(serve: Serve) -> None:
    """A client whose base URL ends in a slash asks for `//api/…`."""
    assert 200 == serve().get(f"http://testserver/{APP}/location").status_code


def test_an_unknown_application_is_said_to_be_none(serve: Serve) -> None:
    """404, in the words that clients compare."""
    refused = serve().get("/api/client/v2.0/app/other-abcde/location")

    assert 404 == refused.status_code
    assert "cannot find app using Client App ID 'other-abcde'" == refused.json()["error"]


def test_a_path_without_a_route_and_a_method_without_a_handler(serve: Serve) -> None:
    """404 and 405, as JSON like any other error; the second says what would do."""
    client = serve()
    nothing, wrong = client.get("/api/client/v2.0/nothing"), client.delete(f"{APP}/location")

    assert (404, 405) == (nothing.status_code, wrong.status_code)
    assert "GET" == wrong.headers["allow"]
    assert {"error", "error_code", "link"} == set(wrong.json())


@pytest.mark.parametrize(
    ("path", "is_ours"),
    [
        ("/api/v1/apps/shop-abcde/nothing", True),
        ("/api/v1/apps/-/nothing", True),
        ("/api/v1/nothing", True),
        ("/api/v1", True),
        ("/api/v10/nothing", False),
        ("/api/admin/v3.0/nothing", False),
        ("/nothing", False),
    ],
)
def test_where_there_is_no_route_the_api_of_the_path_says_so(
    serve: Serve, path: str, is_ours: bool
) -> None:
    """Our own API in its words, with what to do; every other path in those of the contract."""
    nothing = serve().get(path)

    assert 404 == nothing.status_code
    assert is_ours == ("next_step" in nothing.json())
    assert is_ours != ("link" in nothing.json())


@pytest.mark.parametrize(
    ("body", "headers", "status", "names"),
    [
        (b"{", JSON, 400, "body"),
        (b"\xff\xfe", JSON, 400, "body"),
        (b"[" * 100_000, JSON, 400, "body"),
        (b'{"email":1,"password":"x"}', JSON, 400, "email"),
        (b'{"email":"ada@example.com"}', JSON, 400, "password"),
        (b'{"email":"ada@example.com","password":null}', JSON, 400, "password"),
        (b"[]", JSON, 400, "body"),
        (b"", JSON, 400, "email"),
        (b'{"email":"a","password":"b"}', {"content-type": "text/plain"}, 415, "text/plain"),
        (b" " * 2_000_000, JSON, 413, "1,500,000 bytes"),
    ],
)
def test_a_bad_body_is_named(
    serve: Serve, body: bytes, headers: dict[str, str], status: int, names: str
) -> None:
    """Given one that is no JSON, or not as the route wants it, then a 4xx names what is wrong."""
    refused = serve().post(REGISTER, content=body, headers=headers)

    assert status == refused.status_code
    assert names in refused.json()["error"]


def test_a_body_without_a_length_is_cut_off_too(serve: Serve) -> None:
    """Chunks are counted as they come."""
    chunks = (b" " * 100_000 for _ in range(20))

    assert 413 == serve().post(REGISTER, content=chunks, headers=JSON).status_code


def test_who_is_logged_in_sees_her_profile(
    serve: Serve, served_engine: Callable[[TestClient], admit.Engine]
) -> None:
    """Given a user registered over HTTP and confirmed, when she asks with her access token, then
    she sees her identities and data."""
    client = serve(settings={"confirmation_flow": "auto"})
    registered = client.post(REGISTER, json={"email": "Ada@example.com", "password": PASSWORD})
    engine = served_engine(client)
    login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    bearer = {"authorization": f"Bearer {login.access_token.reveal()}"}

    profile = client.get(PROFILE, headers=bearer).json()

    assert (201, b"{}") == (registered.status_code, registered.content)
    assert login.user.id == profile["user_id"]
    assert "normal" == profile["type"]
    assert ["local-userpass"] == [one["provider_type"] for one in profile["identities"]]
    assert {"email": "Ada@example.com"} == profile["data"]


def test_without_a_token_one_is_asked_for(serve: Serve) -> None:
    """401 in the words that clients compare."""
    refused = serve().get(PROFILE)

    assert 401 == refused.status_code
    assert "must authenticate first" == refused.json()["error"]


def test_an_expired_token_sends_the_client_to_refresh(
    serve: Serve, served_engine: Callable[[TestClient], admit.Engine]
) -> None:
    """With `InvalidSession`, on which clients refresh and repeat (wire-contract.md §1, rule 1)."""
    clock = SettableClock()
    client = serve(settings={"confirmation_flow": "auto"}, clock=clock)
    engine = served_engine(client)
    engine.register("ada@example.com", PASSWORD)
    login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    clock.advance(timedelta(minutes=30))

    refused = client.get(
        PROFILE, headers={"authorization": f"Bearer {login.access_token.reveal()}"}
    )

    assert (401, "InvalidSession") == (refused.status_code, refused.json()["error_code"])
    assert "invalid session: access token expired" == refused.json()["error"]


def test_head_is_a_get_without_a_body(serve: Serve) -> None:
    """As HTTP wants it."""
    head = serve().head(f"{APP}/location")

    assert (200, b"") == (head.status_code, head.content)


def test_pages_of_other_origins_may_call_unless_some_are_named(serve: Serve) -> None:
    """Given no configured origin, all may, without credentials; given some, only they, with."""
    anywhere = serve()
    only = serve(settings={"server.allowed_origins": "https://shop.example"})
    asks = {"access-control-request-method": "POST"}

    def origin_of(client: TestClient, origin: str) -> str | None:
        answer = client.options(REGISTER, headers={"origin": origin, **asks})
        allowed: str | None = answer.headers.get("access-control-allow-origin")
        return allowed

    assert "*" == origin_of(anywhere, "https://any.example")
    assert "https://shop.example" == origin_of(only, "https://shop.example")
    assert origin_of(only, "https://any.example") is None
    assert (
        "access-control-allow-origin"
        not in anywhere.get("/health/live", headers={"origin": "https://any.example"}).headers
    )
    assert (
        "true"
        == (
            only.get(f"{APP}/location", headers={"origin": "https://shop.example"}).headers[
                "access-control-allow-credentials"
            ]
        )
    )
