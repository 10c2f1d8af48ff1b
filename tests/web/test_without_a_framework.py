"""`admit.web.asgi` and `admit.web.wsgi`: the bare interfaces, and what is answered."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from shops import Shop

import admit
from admit import errors
from admit.errors import AdmitError, InvalidInput, SessionInvalid
from admit.web import asgi, wsgi
from admit.web.refusals import NoToken, refusal


def test_an_asgi_application_without_a_framework_knows_who_asks(shop: Shop) -> None:
    """Given an application that is one function, then it serves who has a token, and tells others
    what is wrong."""
    callers = asgi.Callers(shop.engine, cookie="access")

    async def app(scope: asgi.Scope, receive: Any, send: Callable[[Any], Any]) -> None:
        try:
            status, body = 200, str((await callers.user(scope)).id)
        except AdmitError as problem:
            told = refusal(problem)
            status, body = told.status, told.body["error_code"]
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": body.encode()})

    def ask(*headers: tuple[bytes, bytes]) -> tuple[int, str]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "headers": list(headers)}
        asyncio.run(app(scope, None, send))
        return sent[0]["status"], sent[1]["body"].decode()

    token = shop.token().encode()
    assert (200, shop.ada.id) == ask((b"authorization", b"Bearer " + token))
    # HTTP/2 may split cookies over several headers (RFC 9113 §8.2.3).
    assert (200, shop.ada.id) == ask((b"cookie", b"a=b"), (b"cookie", b"access=" + token))
    assert (401, "no-token") == ask()


def test_a_wsgi_application_without_a_framework_knows_who_asks(shop: Shop) -> None:
    """Given an application that is one function, then it serves who has a token, and tells others
    what is wrong."""
    callers = wsgi.Callers(shop.engine)

    def app(environ: wsgi.Environ, start: Callable[..., object]) -> Iterable[bytes]:
        try:
            body: object = callers.user(environ).id
            start("200 OK", [])
        except AdmitError as problem:
            told = refusal(problem)
            body = told.body
            start(f"{told.status} No", list(told.headers.items()))
        return [json.dumps(body).encode()]

    def ask(**headers: str) -> tuple[str, Any]:
        environ: dict[str, Any] = {"wsgi.input": io.BytesIO(), **headers}
        setup_testing_defaults(environ)
        started: list[str] = []
        body = b"".join(app(environ, lambda status, headers: started.append(status)))
        return started[0], json.loads(body)

    assert ("200 OK", shop.ada.id) == ask(HTTP_AUTHORIZATION=f"Bearer {shop.token()}")
    status, body = ask(HTTP_AUTHORIZATION=f"Bearer {shop.ended()}")
    assert ("401 No", "session-invalid") == (status, body["error_code"])


def test_proxies_that_are_no_networks_are_refused_at_once(shop: Shop) -> None:
    """Given a slip in `trusted_proxies`, then the application does not start with it."""
    with pytest.raises(InvalidInput) as refused:
        asgi.Callers(shop.engine, trusted_proxies=["10.0.0.0/33"])

    assert "trusted_proxies" == refused.value.field


def test_an_asgi_server_without_a_peer_names_no_address(shop: Shop) -> None:
    """Given a Unix socket, whose peer has no address, then none is recorded."""
    client = asgi.Callers(shop.engine).client({"type": "http", "client": None, "headers": []})

    assert admit.Client() == client


TOLD = [
    (NoToken(), 401, "Bearer"),
    (SessionInvalid("ended"), 401, 'Bearer error="invalid_token"'),
    (errors.WrongCredentials(), 401, "Bearer"),
    (errors.ScopeMissing("owner", "viewer"), 403, 'Bearer error="insufficient_scope"'),
    (
        errors.FreshLogInNeeded(timedelta(minutes=5)),
        403,
        'Bearer error="insufficient_user_authentication", max_age="300"',
    ),
    (errors.UserNotFound("address"), 404, None),
    (errors.AddressTaken("pending"), 409, None),
    (errors.TokenExpired(), 409, None),
    (errors.StoreUnreachable("The database could not be reached."), 503, None),
]


@pytest.mark.parametrize(
    ("error", "status", "challenge"), TOLD, ids=[type(row[0]).__name__ for row in TOLD]
)
def test_each_error_has_its_status_and_challenge(
    error: AdmitError, status: int, challenge: str | None
) -> None:
    """Given an error, then what a client is told of it has the stable code and the right form."""
    told = refusal(error)

    assert (status, challenge) == (told.status, told.headers.get("www-authenticate"))
    assert error.code == told.body["error_code"]


@pytest.mark.parametrize(("after", "seconds"), [(timedelta(seconds=90), "90"), (None, "1")])
def test_who_has_to_wait_is_told_how_long(after: timedelta | None, seconds: str) -> None:
    """Given TryLater, then 429 with the seconds."""
    told = refusal(errors.TryLater("others are changing this user", after))

    assert (429, seconds) == (told.status, told.headers["retry-after"])


def test_what_the_application_is_to_blame_for_is_not_told(shop: Shop) -> None:
    """Given an error of configuration, then it goes on to whoever logs it."""
    with pytest.raises(errors.NotConfigured):
        refusal(errors.NotConfigured("The flow 'email'", ["email.sender"]))
