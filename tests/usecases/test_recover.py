"""Runs that did not get through: retries, leases that ran out, at most five attempts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from told_flow import ToldFlow

import admit
from admit import Entry, Outcome
from admit.errors import DeliveryFailed, FlowFailed
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=60)
"""The limit of 30 seconds that `told` has, and a margin of 30."""


class Crash(BaseException):
    """The process ends here: nothing that could be caught, nothing that is cleaned up."""


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, told: ToldFlow) -> admit.Engine:
    """An engine in the flow `told`."""
    return open_again(store, clock, told)


def open_again(store: MemoryStore, clock: SettableClock, told: ToldFlow) -> admit.Engine:
    """Open another engine on the same store, as the next process would."""
    return open_engine(store, clock=clock, plugins=[told], settings={"confirmation_flow": "told"})


def busy(entry: Entry) -> Outcome:
    """The mail server is busy."""
    raise DeliveryFailed("451 later", temporary=True)


def crash_in_the_flow(engine: admit.Engine, store: MemoryStore, told: ToldFlow) -> None:
    """Let the process end between the flow's work and the commit of its answer."""

    def act(entry: Entry) -> Outcome:
        store.fail_next_commit(Crash())
        return Outcome.pending()

    told.act = act
    with pytest.raises(Crash):
        engine.register("ada@example.com", PASSWORD)
    told.act = lambda entry: Outcome.pending()


def last_run(engine: admit.Engine) -> admit.Run:
    run = engine.users.find("ada@example.com").last_run
    assert run is not None
    return run


def test_a_temporary_error_is_tried_again_after_1_5_30_minutes_and_2_hours_then_failed(
    engine: admit.Engine, told: ToldFlow, clock: SettableClock
) -> None:
    """
    Given a mail server that stays busy,
    when a worker comes by every minute of three hours,
    then five attempts were made, each when it was due, and the run has failed.
    """
    began = clock.now()
    times: list[datetime] = []

    def note(entry: Entry) -> Outcome:
        times.append(clock.now())
        return busy(entry)

    told.act = note
    engine.register("ada@example.com", PASSWORD)
    for _ in range(180):
        clock.advance(MINUTE)
        engine.work_once()

    assert [0, 1, 6, 36, 156] == [(time - began) // MINUTE for time in times]
    assert ("failed", None) == (last_run(engine).result, last_run(engine).due_at)
    assert 1 == engine.users.count("pending/run-failed")


def test_a_retry_does_not_come_early(
    engine: admit.Engine, told: ToldFlow, clock: SettableClock
) -> None:
    """A millisecond before it is due nothing happens."""
    told.act = busy
    engine.register("ada@example.com", PASSWORD)
    clock.advance(MINUTE - timedelta(milliseconds=1))

    assert 0 == engine.work_once().runs
    assert 1 == len(told.entries)


def test_a_retry_that_gets_through_brings_a_new_token_that_works(
    engine: admit.Engine, told: ToldFlow, clock: SettableClock
) -> None:
    """
    Given a run whose first attempt met a busy server,
    when the second gets through,
    then it is the same run with another token, and that confirms.
    """
    told.act = busy
    engine.register("ada@example.com", PASSWORD)
    told.act = lambda entry: Outcome.pending()
    clock.advance(MINUTE)

    engine.work_once()

    first, second = told.entries
    assert first.token_id == second.token_id
    assert first.token.reveal() != second.token.reveal()
    assert "confirmed" == engine.confirm(**told.link).state


def test_the_token_of_an_attempt_of_unknown_fate_works_too(
    engine: admit.Engine, told: ToldFlow, clock: SettableClock
) -> None:
    """
    Given a mail that arrived although the server's answer was lost, and a second one of the retry,
    when the reader presses the first link,
    then she is confirmed: both are of the newest run.
    """
    told.act = busy
    engine.register("ada@example.com", PASSWORD)
    first = told.link
    told.act = lambda entry: Outcome.pending()
    clock.advance(MINUTE)
    engine.work_once()

    assert "confirmed" == engine.confirm(**first).state


def test_a_plugin_gets_the_attempts_number_and_an_idempotency_key(
    engine: admit.Engine, told: ToldFlow, clock: SettableClock
) -> None:
    """Delivery is at least once; who delivers can tell a repetition."""
    told.act = busy
    engine.register("ada@example.com", PASSWORD)
    clock.advance(MINUTE)
    engine.work_once()

    first, second = told.entries
    assert (1, 2) == (first.attempt, second.attempt)
    run = last_run(engine).id
    assert (f"{run}-1", f"{run}-2") == (first.idempotency_key, second.idempotency_key)


def test_a_crash_leaves_the_user_pending_and_the_run_leased(
    engine: admit.Engine, store: MemoryStore, told: ToldFlow, clock: SettableClock
) -> None:
    """
    Given a process that ended while the flow's answer was being written,
    when the next one opens the store,
    then the user is there, pending, and nobody takes up her run before its lease runs out.
    """
    crash_in_the_flow(engine, store, told)
    following = open_again(store, clock, told)
    clock.advance(LEASE - timedelta(milliseconds=1))

    assert 0 == following.recover()
    assert 0 == following.work_once().runs
    assert "pending" == following.users.find("ada@example.com").state
    assert 1 == len(told.entries)


@pytest.mark.parametrize("way", ["recover", "work_once"])
def test_a_lease_that_ran_out_is_taken_up(
    engine: admit.Engine, store: MemoryStore, told: ToldFlow, clock: SettableClock, way: str
) -> None:
    """
    Given a run that a crash cut off,
    when its lease has run out and somebody works,
    then the flow is entered once more – at least once, not at most once –, and its token works.
    """
    crash_in_the_flow(engine, store, told)
    following = open_again(store, clock, told)
    clock.advance(LEASE)

    getattr(following, way)()

    assert [1, 2] == [entry.attempt for entry in told.entries]
    assert "confirmed" == following.confirm(**told.link).state


def test_the_mail_of_a_crashed_attempt_still_confirms(
    engine: admit.Engine, store: MemoryStore, told: ToldFlow
) -> None:
    """The reader does not care that our process died after sending."""
    crash_in_the_flow(engine, store, told)

    assert "confirmed" == engine.confirm(**told.link).state


def test_recover_takes_nothing_but_leases(
    engine: admit.Engine, told: ToldFlow, clock: SettableClock
) -> None:
    """A queued run that is due is the worker's."""
    told.act = busy
    engine.register("ada@example.com", PASSWORD)
    clock.advance(timedelta(hours=1))

    assert 0 == engine.recover()
    assert 1 == engine.work_once().runs


def test_crashes_count_as_attempts(
    engine: admit.Engine, store: MemoryStore, told: ToldFlow, clock: SettableClock
) -> None:
    """
    Given a flow that takes the process down each time,
    when it has done so five times,
    then the run has failed, and nobody enters it again.
    """

    def fatal(entry: Entry) -> Outcome:
        store.fail_next_commit(Crash())
        return Outcome.pending()

    told.act = fatal
    with pytest.raises(Crash):
        engine.register("ada@example.com", PASSWORD)
    for _ in range(4):
        clock.advance(LEASE)
        with pytest.raises(Crash):
            open_again(store, clock, told).recover()

    clock.advance(LEASE)
    following = open_again(store, clock, told)
    following.recover()
    following.work_once()

    assert 5 == len(told.entries)
    assert "failed" == last_run(following).result
    error = last_run(following).error
    assert error is not None
    assert "lost" == error.code


def test_a_rerun_begins_to_count_anew(
    engine: admit.Engine, told: ToldFlow, clock: SettableClock
) -> None:
    """Five attempts are a run's, not a user's."""
    told.act = busy
    ada = engine.register("ada@example.com", PASSWORD)
    for _ in range(4):
        clock.advance(timedelta(hours=3))
        engine.work_once()
    assert "failed" == last_run(engine).result

    told.act = lambda entry: Outcome.pending()
    engine.rerun(ada)

    assert (1, "confirmed") == (told.entries[-1].attempt, engine.confirm(**told.link).state)


def test_an_answer_that_comes_after_its_lease_still_counts(
    engine: admit.Engine, told: ToldFlow, clock: SettableClock
) -> None:
    """
    Given a flow that answers when its lease has run out long since,
    when nobody has made a later attempt,
    then its answer counts.
    """

    def slow(entry: Entry) -> Outcome:
        clock.advance(timedelta(hours=1))
        return Outcome.success()

    told.act = slow

    assert "confirmed" == engine.register("ada@example.com", PASSWORD).state


def test_an_answer_that_a_later_attempt_overtook_is_not_heeded(
    engine: admit.Engine, store: MemoryStore, told: ToldFlow, clock: SettableClock
) -> None:
    """
    Given a run that was taken up by a worker because its first attempt took too long,
    when the first attempt refuses after all,
    then only the later one counts.
    """

    def overtaken(entry: Entry) -> Outcome:
        told.act = lambda entry: Outcome.pending()
        clock.advance(LEASE)
        engine.recover()
        return Outcome.fail("too late")

    told.act = overtaken
    ada = engine.register("ada@example.com", PASSWORD)

    assert "pending" == ada.state
    assert "confirmed" == engine.confirm(**told.link).state


def test_a_run_is_not_sent_again_to_somebody_who_is_confirmed(
    engine: admit.Engine, store: MemoryStore, told: ToldFlow, clock: SettableClock
) -> None:
    """
    Given a re-run that a crash cut off,
    when the user is confirmed before its lease runs out,
    then nobody is asked once more to confirm; the crashed run's mail, if it arrived, still proves.
    """
    crash_in_the_flow(engine, store, told)
    following = open_again(store, clock, told)
    following.confirm_manually(address="ada@example.com")
    clock.advance(LEASE)

    following.work_once()

    assert 1 == len(told.entries)
    assert "confirmed" == following.confirm(**told.link).state
    assert 0 == following.work_once().runs


def test_a_process_that_lacks_the_flow_leaves_its_runs_to_one_that_has_it(
    engine: admit.Engine, told: ToldFlow, clock: SettableClock, store: MemoryStore
) -> None:
    """
    Given a queued run of a flow that another process has not loaded,
    when that one works, nothing happens; when ours works, the run gets through.
    """
    told.act = busy
    engine.register("ada@example.com", PASSWORD)
    told.act = lambda entry: Outcome.pending()
    clock.advance(MINUTE)
    without = open_engine(store, clock=clock)

    assert 0 == without.work_once().runs
    assert 1 == engine.work_once().runs
    assert 2 == len(told.entries)


def test_a_permanent_error_is_not_tried_again(
    engine: admit.Engine, told: ToldFlow, clock: SettableClock
) -> None:
    """The caller was told; it is up to people now."""

    def refused(entry: Entry) -> Outcome:
        raise DeliveryFailed("550 no such mailbox", temporary=False)

    told.act = refused
    with pytest.raises(FlowFailed):
        engine.register("ada@example.com", PASSWORD)
    clock.advance(timedelta(days=1))
    engine.work_once()

    assert 1 == len(told.entries)


def test_an_error_is_kept_without_what_it_quotes(engine: admit.Engine, told: ToldFlow) -> None:
    """
    Given a server whose refusal quotes the address and the token,
    when the error is kept and told,
    then neither is in it.
    """

    def quoting(entry: Entry) -> Outcome:
        said = f"550 <{entry.username}> {entry.token.reveal()} {entry.code.reveal()}\nno"
        raise DeliveryFailed(said, temporary=False)

    told.act = quoting

    with pytest.raises(FlowFailed) as failed:
        engine.register("ada@example.com", PASSWORD)

    assert "550 <…> … … no" == failed.value.error


def test_the_queue_of_many_is_worked_in_one_go(
    engine: admit.Engine, told: ToldFlow, clock: SettableClock
) -> None:
    """More users than one page holds."""
    told.act = busy
    for number in range(120):
        engine.register(f"user{number}@example.com")
    told.act = lambda entry: Outcome.pending()
    clock.advance(MINUTE)

    assert 120 == engine.work_once().runs
    assert 240 == len(told.entries)


def test_a_retry_through_the_inbox_arrives(clock: SettableClock) -> None:
    """The same with the built-in flow `email`."""
    inbox = Inbox()
    with open_engine(clock=clock, inbox=inbox) as engine:
        inbox.refuse_mail(temporary=True)
        engine.register("ada@example.com", PASSWORD)
        inbox.accept_mail()
        clock.advance(MINUTE)
        engine.work_once()

        assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state
