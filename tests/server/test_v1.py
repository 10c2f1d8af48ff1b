"""Our own API: each route a verb of the engine, for admins whose key is good for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

import admit
from admit.plain import plain
from admit.server.routes import Route
from admit.server.v1 import V1_API
from admit.testing import Inbox, SettableClock

PASSWORD = "correct horse battery staple"
BASE = "/api/v1/apps/shop-abcde"
ADA = "ada@example.com"

Serve = Callable[..., TestClient]


@pytest.fixture
def client(serve: Serve) -> TestClient:
    """A served application with an owner's key in the client's headers, and ada pending."""
    client = serve(clock=SettableClock(), inbox=Inbox())
    engine = client.app_state["engine"]
    new = engine.admin_keys.create("owner", scope="owner")
    client.headers["authorization"] = f"Bearer {new.private_key.reveal()}"
    engine.register(ADA, PASSWORD)
    return client


def engine_of(client: TestClient) -> admit.Engine:
    """Return the engine behind *client*."""
    engine = client.app_state["engine"]
    assert isinstance(engine, admit.Engine)
    return engine


def path_of(route: Route) -> str:
    """Return a path of *route*, with ids that nothing has."""
    parts = {"{who}": "0" * 24, "{session}": "0" * 24, "{key}": "0" * 24, "{name}": "nothing"}
    path = route.path
    for part, value in parts.items():
        path = path.replace(part, value)
    return BASE + path


ROUTES = [pytest.param(route, id=f"{route.method} {route.path}") for route in V1_API.routes]


@pytest.mark.parametrize("route", ROUTES)
def test_n1_nobody_comes_in_without_a_key(serve: Serve, route: Route) -> None:
    """Given no admin key at all, then no token opens anything; without one, one is asked for."""
    client = serve()
    without = client.request(route.method, path_of(route))
    wrong = client.request(
        route.method, path_of(route), headers={"authorization": f"Bearer admit_ak_{'0' * 88}"}
    )

    assert (401, "no-token") == (without.status_code, without.json()["error_code"])
    assert "Bearer" == without.headers["www-authenticate"]
    assert (401, "no-admin-keys") == (wrong.status_code, wrong.json()["error_code"])


@pytest.mark.parametrize("route", ROUTES)
def test_n1_a_key_is_good_for_its_scope_only(serve: Serve, route: Route) -> None:
    """Given a key of the next smaller scope, then the route is refused by name of what it needs."""
    smaller = {"support": "viewer", "owner": "support"}.get(str(route.scope))
    if smaller is None:
        return
    client = serve()
    new = engine_of(client).admin_keys.create("small", scope=smaller)  # type: ignore[arg-type]

    refused = client.request(
        route.method,
        path_of(route),
        headers={"authorization": f"Bearer {new.private_key.reveal()}"},
    )

    assert (403, "scope-missing") == (refused.status_code, refused.json()["error_code"])


def test_n1_support_comes_in_as_nobody_by_a_key(client: TestClient) -> None:
    """Given a key of support, then it makes no API key, switches none on and deletes none: it could
    come in as that user, or lock a server out. It may switch a user's key off, no server's."""
    engine = engine_of(client)
    engine.settings.set("api-key.enabled", True)
    user = engine.confirm_manually(engine.users.find(ADA))
    hers = engine.api_keys.create(user, name="hers").key.id
    servers = engine.api_keys.create_server_key(name="billing").key.id
    key = engine.admin_keys.create("desk", scope="support").private_key.reveal()

    def asked(method: str, path: str) -> tuple[int, str | None]:
        body = {"name": "mine"} if path.endswith("api-keys") else None
        head = {"authorization": f"Bearer {key}"}
        answer = client.request(method, BASE + path, json=body, headers=head)
        return answer.status_code, answer.json().get("error_code") if answer.content else None

    refused = (403, "scope-missing")
    assert refused == asked("POST", f"/users/{user.id}/api-keys")
    for one in (hers, servers):
        assert refused == asked("POST", f"/api-keys/{one}/enable")
        assert refused == asked("DELETE", f"/api-keys/{one}")
    assert refused == asked("POST", f"/api-keys/{servers}/disable")
    assert (200, None) == asked("POST", f"/api-keys/{hers}/disable")
    assert [hers] == [one.id for one in engine.api_keys.of(user)]
    assert not engine.api_keys.get(servers).disabled


@pytest.mark.parametrize("route", ROUTES)
def test_j2_a_users_token_opens_none_of_it(serve: Serve, route: Route) -> None:
    """Given a user's access token, then no route of admins takes it."""
    client = serve(settings={"confirmation_flow": "auto"})
    engine = engine_of(client)
    engine.admin_keys.create("owner", scope="owner")
    engine.register(ADA, PASSWORD)
    login = engine.log_in("local-userpass", username=ADA, password=PASSWORD)

    refused = client.request(
        route.method,
        path_of(route),
        headers={"authorization": f"Bearer {login.access_token.reveal()}"},
    )

    assert (401, "session-invalid") == (refused.status_code, refused.json()["error_code"])


def test_a_stuck_user_is_found_understood_and_freed(client: TestClient) -> None:
    """Given a pending user, when an admin lists, asks why, re-runs and confirms, then each answers
    the user as the engine has it, and the events name the admin and the reason (N3)."""
    pending = client.get(f"{BASE}/users", params={"in": "pending"}).json()
    why = client.get(f"{BASE}/users/{ADA}/why").json()
    rerun = client.post(f"{BASE}/users/{ADA}/rerun")
    confirmed = client.post(
        f"{BASE}/users/{ADA}/confirm", headers={"x-admit-reason": "she%20called%20%E2%80%93%2042"}
    )
    timeline = client.get(f"{BASE}/users/{ADA}/timeline").json()

    engine = engine_of(client)
    user = engine.users.find(ADA)
    (key,) = engine.admin_keys.all()
    assert [user.id] == [one["id"] for one in pending["users"]]
    assert "rerun" in why["allowed"]
    assert 2 == len(rerun.json()["runs"])
    assert plain(user) == confirmed.json()
    assert {"kind": "admin", "id": key.id} == timeline[-1]["actor"]
    assert "she called – 42" == timeline[-1]["detail"]["reason"]


def test_pages_follow_each_other_and_end(client: TestClient) -> None:
    """Given five users, when they are read by twos, then each comes once, in order."""
    engine = engine_of(client)
    for number in range(4):
        engine.register(f"user{number}@example.com", PASSWORD)
    found: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = client.get(f"{BASE}/users", params={"limit": "2", **after}).json()
        found += [user["id"] for user in page["users"]]
        if page["next"] is None:
            break
        after = {"after": page["next"]}

    assert [user.id for user in engine.users.page().items] == found
    assert {"count": 5} == client.get(f"{BASE}/users-count").json()


def test_many_are_rerun_after_a_preview(client: TestClient) -> None:
    """Given a dry run, nothing is done; then a line of JSON for each."""
    body = {"dry_run": True, "per_second": None}
    would = client.post(f"{BASE}/users-rerun", json=body).text.splitlines()
    did = client.post(f"{BASE}/users-rerun", json=body | {"dry_run": False}).text.splitlines()

    assert ["would-rerun"] == [json.loads(line)["outcome"] for line in would]
    assert ["rerun"] == [json.loads(line)["outcome"] for line in did]


def test_a_setting_is_set_and_taken_back(client: TestClient) -> None:
    """Set for every engine on the store; a wrong value names the field and the rule."""
    path = f"{BASE}/settings/token_lifetime"
    changed = client.put(path, json={"value": "1 hour"}).json()
    wrong = client.put(path, json={"value": "1 year"})
    back = client.delete(path).json()

    assert ("1 hour", "store") == (changed["value"], changed["source"])
    assert (400, "invalid-setting") == (wrong.status_code, wrong.json()["error_code"])
    assert "token_lifetime" == wrong.json()["field"]
    assert ("30 minutes", "default") == (back["value"], back["source"])


def test_events_are_listed_and_verified(client: TestClient) -> None:
    """Given sealed events, then they stand in their order, and the audit finds no problem."""
    engine_of(client).work_once()
    events = client.get(f"{BASE}/events").json()
    audit = client.get(f"{BASE}/events/audit").json()

    assert [event["sequence"] for event in events] == sorted(e["sequence"] for e in events)
    assert "register" in [event["trigger"] for event in events]
    assert [] == audit["problems"]


def test_keys_are_made_shown_once_and_deleted(client: TestClient) -> None:
    """Given a server key and an admin key, then the text of each is in that one answer alone."""
    made = client.post(f"{BASE}/api-keys", json={"name": "billing"})
    admin = client.post(f"{BASE}/admin-keys", json={"name": "desk", "scope": "viewer"})
    listed = client.get(f"{BASE}/api-keys").text + client.get(f"{BASE}/admin-keys").text
    gone = client.delete(f"{BASE}/api-keys/{made.json()['key']['id']}")

    assert (201, 201, 204) == (made.status_code, admin.status_code, gone.status_code)
    assert made.json()["text"] not in listed
    assert admin.json()["private_key"] not in listed
    assert [] == client.get(f"{BASE}/api-keys").json()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "field"),
    [
        ("GET", "/users/nobody@example.com", None, 404, "user-not-found", None),
        ("GET", "/users/xyz", None, 400, "invalid-input", "user"),
        ("GET", "/users?limit=0", None, 400, "invalid-input", "limit"),
        ("GET", "/users?limit=many", None, 400, "invalid-input", "limit"),
        ("GET", "/users?after=there", None, 400, "invalid-input", "after"),
        ("GET", "/users?in=nowhere", None, 400, "invalid-input", "label"),
        ("POST", "/users", {"login": "no address"}, 400, "invalid-address", "address"),
        ("POST", "/users", {"login": ADA}, 409, "address-taken", None),
        ("POST", f"/users/{ADA}/change-address", {}, 400, "invalid-input", "to"),
        ("POST", f"/users/{ADA}/unlink", {"provider": "other"}, 409, "not-allowed", None),
        ("PUT", "/settings/nothing", {"value": 1}, 404, "unknown-name", None),
        ("POST", "/users-rerun", {"after": "x"}, 400, "invalid-input", "after"),
        ("POST", "/admin-keys", {"name": "n", "scope": "king"}, 400, "invalid-input", "scope"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    client: TestClient, method: str, path: str, body: Any, status: int, code: str, field: str | None
) -> None:
    """With the sentence, the code, the field and the next step."""
    refused = client.request(method, BASE + path, json=body)

    told = refused.json()
    assert (status, code, field) == (refused.status_code, told["error_code"], told["field"]), told
    assert told["error"]
    assert told["next_step"]
    assert told["request"]


def test_a_flow_that_failed_names_the_user_who_was_kept(serve: Serve) -> None:
    """Given a flow that cannot deliver, then the answer says so, and the user is there."""
    inbox = Inbox()
    client = serve(inbox=inbox)
    engine = engine_of(client)
    new = engine.admin_keys.create("owner", scope="owner")
    user = engine.register(ADA, PASSWORD)
    inbox.refuse_mail()

    failed = client.post(
        f"{BASE}/users/{ADA}/rerun",
        headers={"authorization": f"Bearer {new.private_key.reveal()}"},
    )

    assert (502, user.id) == (failed.status_code, failed.json()["user"])
