"""Providers on loopback, and engines that log in with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from honest import Honest, OpenOn, serving
from honest_provider import CALLBACK, CLIENT, SECRET
from hostile_provider import Hostile, misbehaving

import admit
from admit.clock import Clock, SystemClock
from admit.masked import Secret
from admit.plugins import auto, password
from admit.plugins.oidc import apple, facebook, generic, google
from admit.testing import CHEAP_HASHING, KEY, Inbox, MemoryStore, SettableClock


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Honest]:
    """The well-behaved provider."""
    with serving(tmp_path_factory.mktemp("honest")) as provider:
        yield provider


@pytest.fixture
def second_honest(tmp_path: Path) -> Iterator[Honest]:
    """Another one, which is another issuer."""
    with serving(tmp_path) as provider:
        yield provider


@pytest.fixture
def hostile(clock: SettableClock) -> Iterator[Hostile]:
    """The provider that tells lies."""
    with misbehaving(clock) as provider:
        yield provider


@pytest.fixture
def open_on() -> Iterator[OpenOn]:
    """Open an engine whose provider of that name is at that issuer, in real time: a peer's tokens
    have real times in them."""
    with ExitStack() as opened:

        def open_engine(
            name: str,
            issuer: str,
            settings: Mapping[str, object] | None = None,
            *,
            store: MemoryStore | None = None,
            clock: Clock | None = None,
            plugins: tuple[object, ...] = (),
        ) -> admit.Engine:
            given = {
                "enabled": True,
                "issuer": issuer,
                "client_id": CLIENT,
                "redirect_uris": (CALLBACK,),
                **({} if name == "oauth2-apple" else {"client_secret": Secret(SECRET)}),
                **(settings or {}),
            }
            named = {f"{name}.{field}": value for field, value in given.items()}
            return opened.enter_context(
                admit.open(
                    store or MemoryStore(),
                    key=KEY,
                    settings={**CHEAP_HASHING, **named},
                    plugins=[Inbox(), password, auto, apple, facebook, google, generic, *plugins],
                    discover=False,
                    clock=clock or SystemClock(),
                    worker=False,
                )
            )

        yield open_engine
