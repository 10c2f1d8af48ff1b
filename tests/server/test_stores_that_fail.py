"""A store that does not answer: requests that need it are told so, all others are served."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from admit.errors import StoreUnreachable
from admit.server.app import make_app
from admit.server.hosting import hosted
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
