"""Engines behind the server: one application, or two, asked as a client over HTTP asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.testclient import TestClient

import admit
from admit.server.app import make_app
from admit.server.hosting import ServedPlugin, hosted
from admit.testing import open as open_engine

Serve = Callable[..., TestClient]

APP = "/api/client/v2.0/app/shop-abcde"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that serves an engine under an app id, as a client that asks it; the engine
    is `client.app_state["engine"]`, its clock and inbox are `admit.testing`'s."""
    with ExitStack() as stack:

        def start(app_id: str = "shop-abcde", **options: Any) -> TestClient:
            functions = options.get("functions")
            plugins = [ServedPlugin(app_id), *options.pop("plugins", ())]
            engine = stack.enter_context(open_engine(plugins=plugins, **options))
            app = make_app([hosted(engine, app_id=app_id, functions=functions)])
            client = stack.enter_context(TestClient(app, raise_server_exceptions=True))
            client.app_state["engine"] = engine
            return client

        yield start


@pytest.fixture
def served_engine() -> Callable[[TestClient], admit.Engine]:
    """Return a function that gives the engine behind a client."""

    def engine_of(client: TestClient) -> admit.Engine:
        engine = client.app_state["engine"]
        assert isinstance(engine, admit.Engine)
        return engine

    return engine_of
