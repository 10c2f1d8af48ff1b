"""What is read page by page is read to its end."""

from __future__ import annotations

from datetime import timedelta

import pytest

import admit
from admit import User
from admit.testing import SettableClock

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ada(engine: admit.Engine) -> User:
    """A confirmed user."""
    return engine.create("ada@example.com", PASSWORD)


def test_a_user_of_many_sessions_has_them_all(engine: admit.Engine) -> None:
    """A hundred stand on one page; each can be seen, and all are ended by a deletion."""
    engine.settings.set("confirmation_flow", "auto")
    engine.settings.set("max_sessions_a_user", 300)
    ada = engine.register("ada@example.com", PASSWORD)
    logins = [
        engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
        for _ in range(201)
    ]

    assert [login.session for login in logins] == list(engine.sessions.of(ada))

    engine.delete(ada)
    engine.work_once()
    assert () == engine.sessions.of(ada)


def test_many_seals_are_verified_to_the_last(engine: admit.Engine, ada: User) -> None:
    """A hundred seals and two hundred events stand on one page, sealed or not."""
    for _ in range(101):
        for _ in range(3):
            engine.log_out_all(ada)
        engine.work_once()
    for _ in range(201):
        engine.log_out_all(ada)

    audit = engine.events.verify()

    assert () == audit.problems
    assert len(engine.users.timeline(ada)) <= audit.sealed + audit.unsealed
    assert audit.sealed > 300
    assert audit.unsealed >= 201


def test_many_forgotten_users_are_accounted_for(engine: admit.Engine, clock: SettableClock) -> None:
    """
    Given more users past the audit's retention than stand on one page,
    when they are swept, in several goes,
    then the audit knows that the engine itself forgot each of them.
    """
    for number in range(101):
        engine.delete(engine.create(f"user{number}@example.com"))
    while engine.work_once():
        pass
    clock.advance(timedelta(days=5000))

    assert 60 == engine.sweep(most=60).tombstones
    assert 41 == engine.sweep(most=60).tombstones

    audit = engine.events.verify()
    assert () == audit.problems
    assert audit.forgotten >= 202


def test_a_sweep_takes_no_more_than_it_is_told(engine: admit.Engine, clock: SettableClock) -> None:
    """
    Given five counters that are past their time,
    when a sweep may take two of each kind,
    then it takes two, and the next one goes on.
    """
    for number in range(5):
        engine.public.reset(address=f"nobody{number}@example.com")
    clock.advance(timedelta(days=2))

    assert [2, 2, 1] == [engine.sweep(most=2).throttles // 2 for _ in range(3)]


def test_runs_that_wait_in_the_queue_do_not_pile_up(
    engine: admit.Engine, clock: SettableClock, ada: User
) -> None:
    """
    Given strangers who ask for a reset day after day while no worker runs,
    when the user is looked at,
    then she carries the newest few runs; what nobody ever got is dropped.
    """
    for _ in range(12):
        engine.public.reset(address="ada@example.com")
        clock.advance(timedelta(days=1))

    assert 5 == len(engine.users.get(ada.id).runs)
