"""N1, J2, T6 at the Admin API: off without a key, each route by its scope, GET changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from admin_desk import PREFIX, Desk
from cared_store import held
from starlette.testclient import TestClient

import admit
from admit.records import ADMIN_SCOPES
from admit.server.admin_api import ADMIN_API
from admit.server.routes import Route
from admit.testing import MemoryStore, SettableClock

Serve = Callable[..., TestClient]

ROUTES = [route for route in ADMIN_API.routes if route.token == "admin"]
LOGIN = f"{PREFIX}/auth/providers/mongodb-cloud/login"
NAMES = {
    "group_id": "{group}",
    "app_id": "{app}",
    "user_id": "{ada}",
    "key_id": "{key}",
    "secret_id": "{secret}",
    "provider_id": "{passwords}",
    "registration_id": "{registration}",
    "email:path": "grace+a@example.com",
}


def path_of(route: Route) -> str:
    """Return the path of a route, about something that is there."""
    return re.sub(r"\{([\w:]+)\}", lambda part: NAMES.get(part[1], "{nobody}"), route.path)


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_n1_without_a_key_the_api_is_off(
    serve: Serve, served_engine: Callable[[TestClient], admit.Engine]
) -> None:
    """
    Given an application without an admin key,
    when strangers try any route, then no token is taken, and the log-in is none.
    """
    client = serve()
    given = {"username": "1" * 24, "apiKey": "admit_ak_" + "1" * 88}

    assert 404 == client.post(LOGIN, json=given).status_code
    for route in ADMIN_API.routes:
        if route.token != "none":
            path = PREFIX + re.sub(r"\{[\w:]+\}", "1" * 24, route.path)
            for token in ("x", given["apiKey"]):
                headers = {"authorization": f"Bearer {token}"}
                status = client.request(route.method, path, headers=headers).status_code
                assert status in (401, 404), path
    assert "refused" not in {e.trigger for e in served_engine(client).events.unsealed(limit=100)}


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_n1_each_route_asks_for_its_scope(desk: Desk, route: Route) -> None:
    """
    Given keys of each scope,
    when they ask, then those below the route's are told which is missing; nothing is done.
    """
    needed = route.scope
    assert needed is not None
    assert (needed == "viewer") == (route.method == "GET" or route.path.endswith("verify_token"))
    below = ADMIN_SCOPES[: ADMIN_SCOPES.index(needed)]

    for scope in below:
        for token in (scope, f"{scope}-key"):
            answer = desk.ask(route.method, path_of(route), {}, token=token)
            assert (403, "Forbidden") == (answer.status_code, answer.json()["error_code"])
            assert f"the scope {needed}; this one is of {scope}" in answer.json()["error"]
    for scope in ADMIN_SCOPES[len(below) :]:
        body: object = None if route.method == "GET" else {}
        assert desk.ask(route.method, path_of(route), body, token=scope).status_code != 403


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_j2_no_other_token_opens_a_route(desk: Desk, route: Route) -> None:
    """Neither a user's, nor a refresh token of an admin, nor none."""
    for token in ("user", "user-refresh", "refresh", "nonsense", None):
        answer = desk.ask(route.method, path_of(route), {}, token=token)
        assert (401, "InvalidSession") == (answer.status_code, answer.json()["error_code"])


def test_j2_no_route_of_users_takes_an_admins_token(desk: Desk) -> None:
    """Neither kind, nor a key."""
    for token in ("owner", "refresh", "owner-key"):
        headers = {"authorization": f"Bearer {desk.tokens[token]}"}
        answer = desk.client.get("/api/client/v2.0/auth/profile", headers=headers)
        assert 401 == answer.status_code


def test_n1_an_access_token_that_expired_is_told_so_and_refreshed(desk: Desk) -> None:
    """In the words that clients match: they refresh once."""
    clock = desk.engine._core.clock
    assert isinstance(clock, SettableClock)
    clock.advance(timedelta(minutes=30))

    late = desk.ask("GET", "G/users")
    fresh = desk.ask("POST", "/auth/session", token="refresh").json()
    desk.tokens["owner"] = fresh["access_token"]

    assert (401, "InvalidSession", "invalid session: access token expired") == (
        late.status_code,
        late.json()["error_code"],
        late.json()["error"],
    )
    assert 200 == desk.ask("GET", "G/users").status_code


def test_n1_a_session_that_ended_opens_nothing(desk: Desk) -> None:
    """Neither its access token, nor its refresh token."""
    desk.ask("DELETE", "/auth/session", token="refresh")

    told = desk.ask("POST", "/auth/session", token="refresh").json()
    assert "invalid session: failed to find refresh token" == told["error"]
    assert 401 == desk.ask("GET", "G/users").status_code
    assert 200 == desk.ask("GET", "G/users", token="viewer").status_code


def test_p5_wrong_keys_are_told_to_wait(desk: Desk) -> None:
    """429 with the seconds, for the right one, too, from that network; by either way."""
    given = {"username": desk.names["owner_key"], "apiKey": "admit_ak_" + "0" * 88}
    statuses = [desk.client.post(LOGIN, json=given).status_code for _ in range(11)]
    right = {**given, "apiKey": desk.tokens["owner-key"]}

    assert [401] * 10 + [429] == statuses
    waits = desk.client.post(LOGIN, json=right)
    assert 429 == waits.status_code
    assert 0 < int(waits.headers["retry-after"]) <= 900
    assert 429 == desk.ask("GET", "G/users", token="owner-key").status_code
    assert 200 == desk.ask("GET", "G/users").status_code


def test_t6_get_and_head_change_nothing(desk: Desk) -> None:
    """
    Given every route that may be asked by GET,
    when it is, and by HEAD, twice, then the store holds what it held.
    """
    store = desk.engine._core.store
    assert isinstance(store, MemoryStore)
    before = held(store)

    for route in ADMIN_API.routes:
        path = path_of(route)
        assert route.changes or route.method in ("GET", "POST"), path
        for method in ("GET", "HEAD") * 2:
            answer = desk.ask(method, path)
            assert answer.status_code < 500
    assert before == held(store)
