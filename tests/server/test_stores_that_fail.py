"""A store that does not answer: requests that need it are told so, all others are served."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from admit.errors import StoreUnreachable
from admit.server.app import make_app
from admit.server.hosting import hosted
from admit.testing import MemoryStore
from admit.testing import open as open_engine

APP = "/api/client/v2.0/app/shop-abcde"
REGISTER = f"{APP}/auth/providers/local-userpass/register"

Serve = Callable[..., TestClient]


@pytest.mark.parametrize("inline", [True, False], ids=["local", "behind a network"])
def test_settings_of_before_hold_while_the_store_does_not_answer(
    inline: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a server that has read its settings, when the store goes away, then what needs none is
    answered as before, and what does is 503, as JSON."""
    with open_engine(fixed={"server.public_url": "https://a.example"}) as engine:
        served = hosted(engine, app_id="shop-abcde", inline=inline)
        with TestClient(make_app([served])) as client:
            assert 200 == client.get(f"{APP}/location").status_code

            def away(section: type) -> object:
                raise StoreUnreachable("store", "it went away")

            monkeypatch.setattr(engine.settings, "section", away)
            engine.close()
            there = client.get(f"{APP}/location")
            refused = client.post(REGISTER, json={"email": "ada@example.com", "password": "x" * 12})

            assert "https://a.example" == there.json()["hostname"]
            assert 200 == client.get("/health/live").status_code
            assert 503 == client.get("/health/ready").status_code
            assert (503, "application/json") == (
                refused.status_code,
                refused.headers["content-type"],
            )


def test_what_a_store_says_of_itself_is_for_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a store that fails in words of its database, when an admin asks, then the code is told
    and nothing of that; the log has it, under the id of the request."""
    store = MemoryStore()
    client = serve(store=store)
    engine = client.app_state["engine"]
    key = engine.admin_keys.create("desk", scope="owner").private_key.reveal()
    user = engine.register("ada@example.com")
    path = f"/api/v1/apps/shop-abcde/users/{user.id}/disable"
    head = {"authorization": f"Bearer {key}"}
    assert 200 == client.post(path, headers=head).status_code
    words = "connection to db7.internal as 'shop' was refused"
    store.fail_next_commit(StoreUnreachable(words, "Start db7.internal."))

    answer = client.post(path.replace("disable", "enable"), headers=head)

    told = answer.json()
    assert (503, "store-unreachable") == (answer.status_code, told["error_code"])
    assert "db7" not in answer.text
    assert words in caplog.text
    assert told["request"] in caplog.text
