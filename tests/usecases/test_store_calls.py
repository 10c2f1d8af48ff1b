"""How often a verb asks its store: each call is a round trip where the store is a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

import admit
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


class CountedStore:
    """A store that notes what it is asked; not that the settings and keys are read now and then."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in {"get", "get_many", "find", "count", "commit"}:
            return found

        def noted(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            return found(*arguments, **named)

        return noted

    def during(self, act: Callable[[], object]) -> list[str]:
        """Return the calls that *act* makes."""
        self.calls.clear()
        act()
        return list(self.calls)


@pytest.fixture
def counted() -> CountedStore:
    """A store that notes its calls."""
    return CountedStore()


@pytest.fixture
def engine(counted: CountedStore, clock: SettableClock, inbox: Inbox) -> Iterator[admit.Engine]:
    """An engine on it, in the flow `email`."""
    store: Any = counted
    with open_engine(store, clock=clock, inbox=inbox) as opened:
        yield opened


def log_in(engine: admit.Engine) -> admit.LogIn:
    return engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_registering_reads_nothing(engine: admit.Engine, counted: CountedStore) -> None:
    """
    Given an engine,
    when somebody registers,
    then the store is asked for two commits: before her flow is entered, and of its answer.
    """
    assert ["commit", "commit"] == counted.during(
        lambda: engine.register("ada@example.com", PASSWORD)
    )


def test_a_rerun_reads_the_user_once(engine: admit.Engine, counted: CountedStore) -> None:
    """
    Given a pending user,
    when she re-enters the flow,
    then she is read once, though her flow's answer is committed by itself.
    """
    ada = engine.register("ada@example.com", PASSWORD)

    assert ["get", "commit", "commit"] == counted.during(lambda: engine.rerun(ada))


def test_a_confirmation_is_one_read_and_one_commit(
    engine: admit.Engine, counted: CountedStore, inbox: Inbox
) -> None:
    """
    Given a pending user with a link,
    when it is pressed,
    then she is read once and committed once.
    """
    engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link().credentials

    assert ["get", "commit"] == counted.during(lambda: engine.confirm(**link))


def test_a_log_in_that_writes_its_user_reads_her_once(
    engine: admit.Engine, counted: CountedStore, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given a confirmed user,
    when she logs in and, within a quarter of an hour, once more,
    then the first log-in reads her once, for its commit compares her version; the second one, which
    writes only a session, looks at who she is when that is written.
    """
    engine.register("ada@example.com", PASSWORD)
    engine.confirm(**inbox.last_link().credentials)

    assert ["find", "count", "commit"] == counted.during(lambda: log_in(engine))
    clock.advance(timedelta(minutes=5))
    assert ["find", "get", "count", "commit"] == counted.during(lambda: log_in(engine))


def test_verifying_is_one_read(engine: admit.Engine, counted: CountedStore, inbox: Inbox) -> None:
    """
    Given an access token,
    when it is verified, or its user asked for,
    then user and session are read together.
    """
    engine.register("ada@example.com", PASSWORD)
    engine.confirm(**inbox.last_link().credentials)
    token = log_in(engine).access_token

    assert ["get_many"] == counted.during(lambda: engine.verify(token))
    assert ["get_many"] == counted.during(lambda: engine.sessions.user_of(token))
