"""An application with people in it, and somebody at its Admin API."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from admin_desk import Desk, people
from starlette.testclient import TestClient

import admit
from admit.server.hosting import hosted

Serve = Callable[..., TestClient]


def greet(*_: object) -> str:
    """Stand for an application's function."""
    return "hello"


@pytest.fixture
def desk(serve: Serve, served_engine: Callable[[TestClient], admit.Engine]) -> Desk:
    """Who asks has an owner's token by default."""
    client = serve(functions={"greet": greet}, fixed={"server.requests_a_minute": 1_000_000})
    return people(Desk(client, hosted(served_engine(client), app_id="shop-abcde")))
