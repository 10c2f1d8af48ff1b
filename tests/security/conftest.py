"""What the security tests share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from accounts import ACCOUNTS, Commits

from admit import Engine
from admit.testing import MemoryStore


@pytest.fixture
def commits(store: MemoryStore) -> Commits:
    """The commits that the engine's store is asked for."""
    return Commits(store)


@pytest.fixture(params=sorted(ACCOUNTS))
def account(request: pytest.FixtureRequest) -> Callable[[Engine, str], None]:
    """Makes an account in one of the states that a stranger must not tell apart."""
    return ACCOUNTS[request.param]
