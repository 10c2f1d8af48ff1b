"""Where commits are made: many together where the store is local, each in a thread where not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from admit.server.app import make_app
from admit.server.hosting import ServedPlugin, hosted
from admit.testing import Inbox
from admit.testing import open as open_engine

LOCAL = "/api/client/v2.0/app/shop-abcde/auth/providers/local-userpass"
ADA = "ada@example.com"
PASSWORD = "correct horse battery staple"


@pytest.fixture(params=[True, False], ids=["local store", "store behind a network"])
def served(request: pytest.FixtureRequest) -> Iterator[tuple[TestClient, Inbox]]:
    """A server, and the inbox of its users."""
    inbox = Inbox()
    with open_engine(plugins=[ServedPlugin()], inbox=inbox) as engine:
        app = make_app([hosted(engine, app_id="shop-abcde", inline=request.param)])
        with TestClient(app) as client:
            yield client, inbox


def test_a_confirmation_is_answered_the_same_wherever_the_store_is(
    served: tuple[TestClient, Inbox],
) -> None:
    """Given a user who registered, when a wrong token comes, then the right one, then a log-in,
    then the first is refused and the others do what they should."""
    client, inbox = served
    client.post(f"{LOCAL}/register", json={"email": ADA, "password": PASSWORD})
    right = inbox.last_link(ADA).credentials
    token = {"token": right["token"], "tokenId": right["token_id"]}

    refused = client.post(f"{LOCAL}/confirm", json={**token, "token": "A" * len(token["token"])})
    confirmed = client.post(f"{LOCAL}/confirm", json=token)
    entered = client.post(f"{LOCAL}/login", json={"username": ADA, "password": PASSWORD})

    assert "UserpassTokenInvalid" == refused.json()["error_code"]
    assert (200, {}) == (confirmed.status_code, confirmed.json())
    assert 200 == entered.status_code
