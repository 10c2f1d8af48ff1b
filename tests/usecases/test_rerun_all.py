"""Re-running many: by filter, previewed, paced, resumable, a result for each."""

from __future__ import annotations

from datetime import timedelta

import pytest
from told_flow import ToldFlow

import admit
from admit import BulkResult, Outcome, User
from admit.errors import FlowFailed, FlowRefused, InvalidInput
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def stuck(engine: admit.Engine, clock: SettableClock, inbox: Inbox) -> list[User]:
    """Five pending users, a minute between them, whose mail nobody has read."""
    users = []
    for number in range(5):
        users.append(engine.register(f"user{number}@example.com", PASSWORD))
        clock.advance(MINUTE)
    inbox.messages.clear()
    return users


def test_everybody_who_is_pending_is_rerun_oldest_first(
    engine: admit.Engine, inbox: Inbox, stuck: list[User]
) -> None:
    """
    Given pending users and a confirmed one,
    when all are re-run,
    then each pending one has a result, in the order of registration, and a message.
    """
    engine.create("grace@example.com", PASSWORD)

    results = list(engine.users.rerun_all())

    assert [user.id for user in stuck] == [result.user_id for result in results]
    assert {"rerun"} == {result.outcome for result in results}
    assert [result.address for result in results] == [message.to for message in inbox.messages]


def test_a_dry_run_says_who_it_would_be_and_changes_nothing(
    engine: admit.Engine, inbox: Inbox, clock: SettableClock, stuck: list[User]
) -> None:
    """No message, no change, no waiting."""
    before = clock.now()

    results = list(engine.users.rerun_all(dry_run=True))

    assert [(user.id, "would-rerun") for user in stuck] == [(r.user_id, r.outcome) for r in results]
    assert ([], before) == (inbox.messages, clock.now())
    assert stuck == list(engine.users.pending().items)


def test_a_dry_run_chooses_whom_the_run_chooses(engine: admit.Engine, stuck: list[User]) -> None:
    """What is previewed is what happens."""

    def chosen(results: list[BulkResult]) -> list[str]:
        return [result.user_id for result in results]

    older = MINUTE * 3
    dry = chosen(list(engine.users.rerun_all(pending_longer_than=older, dry_run=True)))

    assert [user.id for user in stuck[:3]] == dry
    assert dry == chosen(list(engine.users.rerun_all(pending_longer_than=older)))


def test_a_domain_can_be_chosen(engine: admit.Engine, stuck: list[User]) -> None:
    """Its case does not matter; a subdomain is another domain."""
    ada = engine.register("ada@shop.example", PASSWORD)
    engine.register("ada@mail.shop.example", PASSWORD)

    results = list(engine.users.rerun_all(domain="Shop.Example"))

    assert [ada.id] == [result.user_id for result in results]


def test_those_who_are_stuck_in_a_flow_can_be_chosen(
    store: MemoryStore, clock: SettableClock, told: ToldFlow
) -> None:
    """
    Given users who entered two flows, one of which is not loaded any more,
    when those of that one are re-run,
    then they are, and no others.
    """
    with open_engine(store, clock=clock, plugins=[told]) as engine:
        engine.register("ada@example.com", PASSWORD)
        engine.settings.set("confirmation_flow", "told")
        grace = engine.register("grace@example.com", PASSWORD)
        engine.settings.set("confirmation_flow", "email")
        other = open_engine(store, clock=clock)

        results = list(other.users.rerun_all(flow="told"))

    assert [(grace.id, "rerun")] == [(result.user_id, result.outcome) for result in results]


def test_those_whose_run_failed_can_be_chosen(
    engine: admit.Engine, inbox: Inbox, stuck: list[User]
) -> None:
    """
    Given a user whose mail was refused among others who wait,
    when the failed ones are re-run,
    then she alone is, and is no longer in that list.
    """
    inbox.refuse_mail()
    with pytest.raises(FlowFailed):
        engine.register("ada@example.com", PASSWORD)
    inbox.accept_mail()

    results = list(engine.users.rerun_all(run_failed=True))

    assert ["ada@example.com"] == [result.address for result in results]
    assert 0 == engine.users.count("pending/run-failed")


def test_whoever_is_confirmed_by_it_is_told_apart(engine: admit.Engine, stuck: list[User]) -> None:
    """Here is the way out of a broken flow: choose another, re-run everybody."""
    engine.settings.set("confirmation_flow", "auto")

    results = list(engine.users.rerun_all())

    assert ["confirmed"] * 5 == [result.outcome for result in results]
    assert (0, 5) == (engine.users.count("pending"), engine.users.count("confirmed"))


def test_one_that_fails_does_not_stop_the_others(
    engine: admit.Engine, inbox: Inbox, stuck: list[User]
) -> None:
    """
    Given a mail server that refuses one recipient,
    when all are re-run,
    then that one's result carries the error, and the others got their message.
    """

    def refuse_the_third(message: admit.Message) -> None:
        if message.to == "user2@example.com":
            inbox.refuse_mail()
        else:
            inbox.accept_mail()

    inbox.before_mail(refuse_the_third)

    results = list(engine.users.rerun_all())

    assert ["rerun", "rerun", "failed", "rerun", "rerun"] == [r.outcome for r in results]
    assert isinstance(results[2].error, FlowFailed)
    assert 4 == len(inbox.messages)


def test_one_whom_the_flow_refuses_is_told_apart(told: ToldFlow) -> None:
    """
    Given a flow that says no to one of two,
    when all are re-run,
    then her result says `refused` and carries the flow's message; the other got through.
    """
    with open_engine(plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        engine.register("ada@example.com", PASSWORD)
        engine.register("eve@example.com", PASSWORD)
        told.act = lambda entry: (
            Outcome.fail("not you") if entry.username.startswith("eve") else Outcome.pending()
        )

        ada, eve = engine.users.rerun_all(per_second=None)

    assert ("rerun", "refused") == (ada.outcome, eve.outcome)
    assert isinstance(eve.error, FlowRefused)
    assert "not you" == eve.error.message


def test_it_can_be_resumed_behind_the_last_result(
    engine: admit.Engine, inbox: Inbox, stuck: list[User]
) -> None:
    """
    Given a bulk re-run that was cut off after two users,
    when it is resumed with the cursor of the second,
    then nobody is re-run twice and nobody is left out.
    """
    first = list(engine.users.rerun_all(limit=2))

    second = list(engine.users.rerun_all(after=first[-1].cursor))

    assert [user.id for user in stuck] == [result.user_id for result in first + second]
    assert 5 == len(inbox.messages)


def test_it_goes_no_further_than_asked_for(
    engine: admit.Engine, inbox: Inbox, stuck: list[User]
) -> None:
    """Whoever stops listening stops it; whoever sets a limit too."""
    results = engine.users.rerun_all()
    next(results)

    assert 1 == len(inbox.messages)
    assert [] == list(engine.users.rerun_all(limit=0))


def test_it_is_paced(
    engine: admit.Engine, clock: SettableClock, inbox: Inbox, stuck: list[User]
) -> None:
    """Five users at two a second take two seconds: nothing is waited for before the first."""
    before = clock.now()

    list(engine.users.rerun_all(per_second=2))

    assert timedelta(seconds=2) == clock.now() - before


def test_pacing_can_be_left_out(
    engine: admit.Engine, clock: SettableClock, stuck: list[User]
) -> None:
    """As fast as it goes."""
    before = clock.now()

    list(engine.users.rerun_all(per_second=None))

    assert before == clock.now()


@pytest.mark.parametrize("per_second", [0, -1])
def test_a_pace_that_is_none_is_refused(engine: admit.Engine, per_second: float) -> None:
    """At once, not when the first result is asked for."""
    with pytest.raises(InvalidInput, match="per_second"):
        engine.users.rerun_all(per_second=per_second)


def test_who_registers_meanwhile_is_left_out(engine: admit.Engine, stuck: list[User]) -> None:
    """
    Given a bulk re-run that waits between two users,
    when somebody registers meanwhile,
    then it still ends with those who were there when it began.
    """
    results = engine.users.rerun_all(per_second=1)
    first = next(results)
    ada = engine.register("ada@example.com", PASSWORD)

    assert ada.id not in [first.user_id, *(result.user_id for result in results)]


def test_who_is_confirmed_meanwhile_is_left_alone(engine: admit.Engine, stuck: list[User]) -> None:
    """Her result says that there was nothing to do for her."""
    results = engine.users.rerun_all()
    next(results)
    engine.confirm_manually(stuck[1])

    second = next(results)

    assert (stuck[1].id, "failed") == (second.user_id, second.outcome)
    assert second.error is not None
    assert "not-allowed" == second.error.code


def test_more_than_a_page_is_walked(engine: admit.Engine) -> None:
    """Also when the list shrinks under the walk."""
    for number in range(230):
        engine.register(f"user{number}@example.com")
    engine.settings.set("confirmation_flow", "auto")

    assert 230 == len(list(engine.users.rerun_all(per_second=None)))
    assert 0 == engine.users.count("pending")
