"""A shop for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from shops import PASSWORD, Shop

from admit.testing import SettableClock
from admit.testing import open as open_engine


@pytest.fixture
def shop(clock: SettableClock) -> Iterator[Shop]:
    """A shop where Ada is confirmed."""
    with open_engine(clock=clock, settings={"confirmation_flow": "auto"}) as engine:
        yield Shop(engine, clock, engine.register("ada@example.com", PASSWORD))
