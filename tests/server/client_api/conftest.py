"""Applications behind the client API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from shop import OpenShop, Shop
from starlette.testclient import TestClient

from admit.testing import Inbox, SettableClock

ENABLED = {
    "cool_down": "0s",  # nobody waits between two messages
    "anon-user.enabled": True,
    "api-key.enabled": True,
    "custom-function.enabled": True,
    "custom-token.enabled": True,
}


@pytest.fixture
def open_shop(serve: Callable[..., TestClient]) -> OpenShop:
    """Return a function that opens a shop, with the providers that need nobody else switched on."""

    def start(**options: Any) -> Shop:
        inbox, clock = Inbox(), SettableClock()
        options["settings"] = ENABLED | options.get("settings", {})
        client = serve(inbox=inbox, clock=clock, **options)
        return Shop(client, client.app_state["engine"], inbox, clock)

    return start


@pytest.fixture
def shop(open_shop: OpenShop) -> Shop:
    """A shop that confirms by mail."""
    return open_shop()
