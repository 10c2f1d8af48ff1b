"""T6: GET and HEAD change nothing on any route but the OAuth start and callback, however often."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

import admit
from admit.server.app import APIS
from admit.server.hosting import hosted
from admit.server.pages import PAGES
from admit.server.routes import Api, Route
from admit.testing import MemoryStore

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"
READING = [(api, route) for api in (*APIS, PAGES) for route in api.routes if route.method == "GET"]
MAY_CHANGE = {
    "/api/client/v2.0/app/{app}/auth/providers/{provider}/login",
    "/api/client/v2.0/auth/callback",
}
_PART = re.compile(r"\{(\w+)(?::\w+)?\}")


class Everything:
    """A served application with a user, her tokens and key, and an admin's."""

    def __init__(self, serve: Callable[..., TestClient]) -> None:
        self.store = MemoryStore()
        self.client = serve(
            store=self.store,
            settings={"confirmation_flow": "auto"},
            fixed={"server.requests_a_minute": 10_000_000},
        )
        engine: admit.Engine = self.client.app_state["engine"]
        user = engine.register(ADDRESS, PASSWORD)
        login = engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
        key = engine.api_keys.create(user, name="till").key
        waits = engine.create("bob@example.com")
        admin = engine.admin_keys.create("owner", scope="owner")
        # It notes that the key was used: once in a quarter of an hour, and time stands still.
        log_in = engine.admin_keys.log_in(admin.key.id, admin.private_key)
        self.tokens = {
            "none": None,
            "access": login.access_token.reveal(),
            "refresh": login.refresh_token.reveal(),
            "admin key": admin.private_key.reveal(),
            "admin": log_in.access_token.reveal(),
            "admin-refresh": log_in.refresh_token.reveal(),
            "nonsense": "a.b.c",
        }
        served = hosted(engine, app_id="shop-abcde")
        self.ids = {
            "app": served.app_id,
            "group_id": served.group_id,
            "app_id": served.internal_id,
        }
        self.parts = [
            user.id, waits.id, key.id, login.session.id, ADDRESS, "nothing", "confirmation_flow",
            "local-userpass",
        ]  # fmt: skip

    def all(self) -> list[Any]:
        """Return all that is kept."""
        with self.store.view() as view:
            records = [record for kind in view.kinds() for record in view.records(kind)]
            return [*records, *view.events()]


@pytest.fixture
def everything(serve: Callable[..., TestClient]) -> Everything:
    """Return the application."""
    return Everything(serve)


def test_t6_reading_changes_nothing_however_often(everything: Everything) -> None:
    """Given any route of any API that answers GET, when it is asked by GET or HEAD, with any token,
    whatever stands in its path and behind its question mark, then the store is as it was – also
    where the document says that the route changes something, but for the two of OAuth."""

    @settings(
        max_examples=400,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        row=st.sampled_from(READING),
        method=st.sampled_from(["GET", "HEAD"]),
        data=st.data(),
    )
    def ask(row: tuple[Api, Route], method: str, data: st.DataObject) -> None:
        api, route = row
        part = st.sampled_from(everything.parts)
        right = st.just(route.token)  # three times out of four: the others come to little
        others = st.sampled_from(sorted(everything.tokens))
        token = data.draw(st.one_of(right, right, right, others))
        if route.path.endswith("/stream") and token.startswith("admin"):
            return  # it would go on for ever
        path = _PART.sub(
            lambda m: everything.ids.get(m[1]) or data.draw(part), api.prefix + route.path
        )
        query = {
            name: data.draw(st.sampled_from(["1", "true", "nothing", "2026-01-01", ADDRESS]))
            for name in route.query
            if data.draw(st.booleans())
        }
        bearer = everything.tokens[token]
        headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
        before = everything.all()
        answer = everything.client.request(
            method, path, params=query, headers=headers, follow_redirects=False
        )
        assert answer.status_code != 500, (path, answer.text)
        assert before == everything.all(), (method, path)

    ask()


def test_t6_only_the_two_of_oauth_say_that_they_change_something() -> None:
    """Given the tables of all APIs, then no other GET says so."""
    changing = {api.prefix + route.path for api, route in READING if route.changes}

    assert MAY_CHANGE == changing
