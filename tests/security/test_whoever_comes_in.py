"""A4: the gate and the hooks are asked about whoever comes in, on every way in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

import pytest
from races import meanwhile
from told_providers import ToldProviders, told

from admit import Admission, Client, Engine, User, hookimpl
from admit.errors import FreshLogInNeeded, Vetoed
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine


class Door:
    """A plugin that turns known users away once it is shut: at the gate, or at the log-in."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.shut = False
        self.known: Callable[[User], bool] = lambda user: True

    @hookimpl
    def before_admission(self, admission: Admission) -> str | None:
        return self._says("gate", admission.user)

    @hookimpl
    def before_log_in(self, user: User, provider: str, client: Client | None) -> str | None:
        return self._says("log-in", user)

    def _says(self, where: str, user: User | None) -> str | None:
        shut = self.shut and where == self.where and user is not None and self.known(user)
        return "Not today." if shut else None


@pytest.fixture(params=["gate", "log-in"])
def door(request: pytest.FixtureRequest) -> Door:
    """The same at each of the two hooks."""
    return Door(request.param)


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, door: Door) -> Iterable[Engine]:
    """An engine with this door, and a provider that makes its own users."""
    with open_engine(store, clock=clock, plugins=[door, ToldProviders()]) as opened:
        yield opened


def test_a4_a_first_log_in_that_came_second_enters_nobody_unasked(
    engine: Engine, store: MemoryStore, door: Door
) -> None:
    """
    Given two first log-ins of one person at once, and a plugin that turns away the user whom the
    first one makes,
    when the second one finds her there, then it is turned away, too, and the trail has it.
    """
    made: list[User] = []

    def first() -> None:
        made.append(engine.log_in("told", **told("ada")).user)
        door.known = lambda user: user.id == made[0].id
        door.shut = True

    meanwhile(store, first)

    with pytest.raises(Vetoed, match="Not today"):
        engine.log_in("told", **told("ada"))

    (ada,) = made
    assert 1 == len(engine.sessions.of(ada))
    assert "refused" == engine.users.timeline(ada)[-1].trigger


def test_a4_who_would_not_be_let_in_does_not_become_fresh(
    engine: Engine, door: Door, clock: SettableClock
) -> None:
    """
    Given a session of a user whom a plugin would turn away by now,
    when she proves again who she is, then she is turned away, and her session is as old as before.
    """
    login = engine.log_in("told", **told("ada"))
    clock.advance(timedelta(minutes=6))
    door.shut = True

    with pytest.raises(Vetoed, match="Not today"):
        engine.public.sessions.prove_again(login.access_token, "told", **told("ada"))

    with pytest.raises(FreshLogInNeeded):
        engine.sessions.verify_fresh(login.access_token)
    assert "refused" == engine.users.timeline(login.user)[-1].trigger
