"""The timeline: what happened to one user, in order; and who asked for it."""

from __future__ import annotations

import attrs
import pytest

import admit
from admit import Actor, Client
from admit.errors import InvalidInput
from admit.records import UserId
from admit.testing import Inbox, SettableClock

PASSWORD = "correct horse battery staple"


def test_a_life_is_told_in_order(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a user who registered, was re-run, confirmed, logged in, and was deleted,
    when her timeline is read,
    then it says so, also after the deletion.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    engine.rerun(ada)
    engine.confirm(**inbox.last_link().credentials)
    engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    engine.delete(ada)

    events = engine.users.timeline(ada)

    assert [
        "register",
        "dispatched",
        "rerun",
        "dispatched",
        "confirm",
        "log-in",
        "delete",
    ] == [event.trigger for event in events]


def test_replaying_the_transitions_gives_the_state(engine: admit.Engine, inbox: Inbox) -> None:
    """Each event that moves begins where the one before ended."""
    ada = engine.register("ada@example.com", PASSWORD)
    engine.rerun(ada)
    engine.confirm(**inbox.last_link().credentials)

    moves = [
        (event.from_state, event.to_state)
        for event in engine.users.timeline(ada)
        if event.to_state is not None
    ]

    assert [("new", "pending"), ("pending", "pending"), ("pending", "confirmed")] == moves


def test_events_that_change_a_user_form_a_chain(engine: admit.Engine, inbox: Inbox) -> None:
    """Their versions rise, each carries the digest of the one before, and the first of nothing."""
    ada = engine.register("ada@example.com", PASSWORD)
    confirmed = engine.confirm(**inbox.last_link().credentials)

    events = engine.users.timeline(ada)

    assert [1, 2, 3] == [event.version for event in events]
    assert confirmed.version == events[-1].version
    assert "" == events[0].previous
    assert 3 == len({event.previous for event in events})


def test_an_event_says_when_and_by_which_run(engine: admit.Engine, clock: SettableClock) -> None:
    """Times are the clock's, UTC."""
    ada = engine.register("ada@example.com", PASSWORD)

    registered = engine.users.timeline(ada)[0]

    assert clock.now() == registered.at
    assert ada.runs[0].id == registered.run
    assert {"flow": "email", "provider": "local-userpass"} == registered.codes


def test_a_person_stands_in_the_detail_alone(engine: admit.Engine) -> None:
    """The address is in the erasable part of the event and nowhere else."""
    ada = engine.register("ada@example.com", PASSWORD)

    for event in engine.users.timeline(ada):
        assert "ada@example.com" not in repr(attrs.evolve(event, detail=None))
    assert {"address": "ada@example.com"} == engine.users.timeline(ada)[0].detail


def test_the_application_is_the_actor_unless_it_says_otherwise(engine: admit.Engine) -> None:
    """Who embeds the engine asks for itself."""
    ada = engine.register("ada@example.com", PASSWORD)

    assert Actor("application") == engine.users.timeline(ada)[0].actor


def test_a_view_records_who_asked_why_and_from_where(engine: admit.Engine) -> None:
    """
    Given a view of the engine for an admin, a reason, and where she sits,
    when something is done through it,
    then its event says all three, and the engine itself still acts for the application.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    support = engine.acting(
        Actor("admin", "grace"), "ticket 42", client=Client(address="192.0.2.7", device="desk")
    )

    support.disable(ada)
    engine.enable(ada)

    disabled, enabled = engine.users.timeline(ada)[-2:]
    assert ("disable", Actor("admin", "grace")) == (disabled.trigger, disabled.actor)
    assert {
        "reason": "ticket 42",
        "client": {"address": "192.0.2.7", "device": "desk"},
    } == disabled.detail
    assert (Actor("application"), None) == (enabled.actor, enabled.detail)


def test_a_view_acts_in_every_group(engine: admit.Engine) -> None:
    """Bulk operations and settings are recorded so, too."""
    ada = engine.register("ada@example.com", PASSWORD)
    support = engine.acting(Actor("admin", "grace"), "ticket 42")

    list(support.users.rerun_all())
    support.settings.set("confirmation_flow", "auto")

    rerun = [e for e in engine.users.timeline(ada) if e.trigger == "rerun"][0]
    assert Actor("admin", "grace") == rerun.actor
    changed = engine.events.unsealed(limit=100)[-1]
    assert ("setting-set", Actor("admin", "grace")) == (changed.trigger, changed.actor)
    assert {"setting": "confirmation_flow"} == changed.codes


def test_the_answer_of_a_flow_is_recorded_under_who_began_it(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """Both commits of one call say the same actor."""
    support = engine.acting(Actor("admin", "grace"))
    ada = support.register("ada@example.com", PASSWORD)

    assert [Actor("admin", "grace")] * 2 == [e.actor for e in engine.users.timeline(ada)]


def test_what_the_worker_does_is_the_systems(engine: admit.Engine) -> None:
    """Nobody stands beside it."""
    engine.public.register("ada@example.com", PASSWORD)
    engine.work_once()

    ada = engine.users.find("ada@example.com")

    assert ["application", "system", "system"] == [
        event.actor.kind for event in engine.users.timeline(ada)
    ]


def test_an_actor_is_one_of_the_known_kinds() -> None:
    """A slip of the finger is found when it is made."""
    with pytest.raises(ValueError, match="kind"):
        Actor("robot")  # type: ignore[arg-type]  # wrong on purpose


def test_an_id_is_needed(engine: admit.Engine) -> None:
    """An address is no id: one string is never both."""
    with pytest.raises(InvalidInput, match="24 hex digits"):
        engine.users.timeline(UserId("ada@example.com"))
    assert () == engine.users.timeline(UserId("0" * 24))
