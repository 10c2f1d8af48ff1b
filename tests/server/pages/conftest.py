"""An application whose mails lead to its own pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from mailed_pages import LINKS, Desk
from starlette.testclient import TestClient

from admit.testing import Inbox, SettableClock

OpenDesk = Callable[..., Desk]


@pytest.fixture
def open_desk(serve: Callable[..., TestClient]) -> OpenDesk:
    """Return a function that opens such an application."""

    def start(**options: Any) -> Desk:
        inbox, clock = Inbox(), SettableClock()
        usual = {"cool_down": "0s", "email.link_base": LINKS}
        options["settings"] = usual | options.get("settings", {})
        client = serve(inbox=inbox, clock=clock, **options)
        return Desk(client, client.app_state["engine"], inbox, clock)

    return start


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """Return one."""
    return open_desk()
