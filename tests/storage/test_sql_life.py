"""A user's whole life on each SQL store, through the engine, as two processes would see it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sql_opener import open_url

import admit
from admit.errors import AddressTaken, LogInRefused, UserNotFound
from admit.testing import Inbox, SettableClock
from admit.testing import open as open_engine
from admit.upkeep import Upkeep

ADDRESS = "ada@example.com"
FIRST, SECOND = "correct horse battery staple", "a wholly different sentence"


@pytest.fixture
def engines(url: str, clock: SettableClock, inbox: Inbox) -> Iterator[list[admit.Engine]]:
    """Two engines on one database, each with a store of its own."""
    with (
        open_engine(open_url(url), clock=clock, inbox=inbox) as one,
        open_engine(open_url(url), clock=clock, inbox=inbox) as two,
    ):
        yield [one, two]


def test_a_whole_life_is_the_same_to_two_engines_on_one_database(
    engines: list[admit.Engine], url: str, clock: SettableClock, inbox: Inbox
) -> None:
    """Given two engines on one database, when a user registers, is re-run, confirms, logs in,
    refreshes, resets her password, and is deleted, each step with the other engine, then each sees
    what the other did, the trail verifies, and nothing in the store is amiss."""
    one, two = engines

    user = one.register(ADDRESS, FIRST)
    with pytest.raises(AddressTaken):
        two.register(ADDRESS, FIRST)
    dead = inbox.last_link(ADDRESS)
    two.rerun(user)
    with pytest.raises(admit.AdmitError):
        one.confirm(**dead.credentials)
    assert one.confirm(**inbox.last_link(ADDRESS).credentials).state == "confirmed"

    login = two.log_in("local-userpass", username=ADDRESS, password=FIRST)
    assert user.id == one.verify(login.access_token).user_id
    clock.advance(timedelta(minutes=5))
    again = one.refresh(login.refresh_token)

    two.reset(address=ADDRESS)
    one.set_password(password=SECOND, **inbox.last_link(ADDRESS).credentials)
    with pytest.raises(admit.AdmitError):
        two.refresh(again.refresh_token)
    with pytest.raises(LogInRefused):
        two.log_in("local-userpass", username=ADDRESS, password=FIRST)
    two.log_in("local-userpass", username=ADDRESS, password=SECOND)

    one.work_once()
    two.delete(address=ADDRESS)
    with pytest.raises(UserNotFound):
        one.users.find(ADDRESS)
    clock.advance(timedelta(days=400))
    two.sweep()
    one.work_once()
    assert two.events.verify().problems == ()
    assert one.register(ADDRESS, FIRST).id != user.id

    store = open_url(url)
    assert isinstance(store, Upkeep)
    assert list(store.faults()) == []
    store.close()
