"""Why: where a user stands, what is allowed, what to do next."""

from __future__ import annotations

from datetime import timedelta

import pytest
from told_flow import ToldFlow

import admit
from admit import Entry, Outcome
from admit.errors import CodeWrong, FlowFailed, FlowRefused, UserNotFound, Vetoed
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ada(engine: admit.Engine) -> admit.User:
    """A pending user who has mail."""
    return engine.register("ada@example.com", PASSWORD)


def test_who_has_mail_waits_for_a_press(
    engine: admit.Engine, clock: SettableClock, ada: admit.User
) -> None:
    """When it was handed over is said, and what is possible."""
    clock.advance(timedelta(minutes=5))

    why = engine.why(ada)

    assert "waits for the link or the code" in why.sentence
    assert "email (register), 1 attempt: handed over 5 minutes ago." == why.delivery
    assert "rerun" in why.allowed
    assert "resend" in why.suggestion


def test_one_second_is_not_said_in_the_plural(
    engine: admit.Engine, clock: SettableClock, ada: admit.User
) -> None:
    """
    Given a user whose mail was handed over,
    when a second has passed,
    then why says "1 second".
    """
    clock.advance(timedelta(seconds=1))

    assert "email (register), 1 attempt: handed over 1 second ago." == engine.why(ada).delivery


def test_why_tells_of_the_user_as_it_is_now(engine: admit.Engine, ada: admit.User) -> None:
    """A record from before does."""
    engine.confirm_manually(ada)

    why = engine.why(ada)

    assert "confirmed" == why.user.state
    assert "confirmed; the address was never proved" in why.sentence


def test_a_mail_that_expired_unread_suggests_a_rerun(
    engine: admit.Engine, clock: SettableClock, ada: admit.User
) -> None:
    """At exactly the end of its lifetime."""
    clock.advance(timedelta(minutes=30))

    why = engine.why(address="ada@example.com")

    assert "expired unused" in why.sentence
    assert "rerun" == why.suggestion


def test_a_retry_says_when_it_is_due(engine: admit.Engine, inbox: Inbox) -> None:
    """What the server said, and when it is asked again."""
    inbox.refuse_mail(temporary=True)
    ada = engine.register("ada@example.com", PASSWORD)

    why = engine.why(ada)

    assert "451 later" in why.sentence
    assert "in 60 seconds" in why.sentence
    assert "wait" in why.suggestion


def test_what_is_queued_says_that_a_worker_is_needed(engine: admit.Engine) -> None:
    """A queue that nobody works is the commonest cause."""
    engine.public.register("ada@example.com", PASSWORD)

    why = engine.why(address="ada@example.com")

    assert "queued; the next try is due now" in why.sentence
    assert "not handed over yet" in why.delivery
    assert "run a worker" in why.suggestion


def test_a_refused_mail_says_what_the_server_said(engine: admit.Engine, inbox: Inbox) -> None:
    """So that the cause can be mended."""
    inbox.refuse_mail()
    with pytest.raises(FlowFailed) as failed:
        engine.register("ada@example.com", PASSWORD)

    why = engine.why(failed.value.user)

    assert "'email' failed" in why.sentence
    assert "550 no" in why.sentence
    assert "mend the cause, then rerun" == why.suggestion


def test_a_flow_that_cannot_be_entered_is_the_first_thing_to_know(
    engine: admit.Engine, ada: admit.User
) -> None:
    """The settings that are missing are named."""
    engine.settings.unset("email.sender")

    why = engine.why(ada)

    assert "email.sender" in why.sentence
    assert "flow_is_loaded" == why.blocked["rerun"]
    assert "configure" in why.suggestion


def test_refused_and_vetoed_runs_are_told_apart(told: ToldFlow) -> None:
    """Who said no: the flow, or a plugin."""
    with open_engine(plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        told.act = lambda entry: Outcome.fail("Wait for your guarantor.")
        with pytest.raises(FlowRefused):
            engine.rerun(ada)
        why = engine.why(ada)
        assert "'told' refused. Wait for your guarantor." in why.sentence
        assert "told (rerun), 1 attempt: refused. Wait for your guarantor." == why.delivery

        told.act = lambda entry: Outcome.success()
        told.veto = "no"
        with pytest.raises(Vetoed):
            engine.rerun(ada)

        assert "vetoed" in engine.why(ada).sentence


def test_a_flow_at_work_and_one_that_never_came_back_are_told_apart(
    store: MemoryStore, clock: SettableClock, told: ToldFlow
) -> None:
    """While its lease runs somebody may be at it; afterwards `recover` takes it up."""

    class Crash(BaseException):
        pass

    seen: list[admit.Why] = []

    def crash(entry: Entry) -> Outcome:
        seen.append(engine.why(entry.user_id))
        store.fail_next_commit(Crash())
        return Outcome.pending()

    told.act = crash
    engine = open_engine(store, clock=clock, plugins=[told], settings={"confirmation_flow": "told"})
    with pytest.raises(Crash):
        engine.register("ada@example.com", PASSWORD)
    clock.advance(timedelta(minutes=1))

    assert "entered this moment" in seen[0].sentence
    after = engine.why(address="ada@example.com")
    assert "attempt 1 of 5 never came back" in after.sentence
    assert "recover" == after.suggestion


def test_a_proved_address_and_a_disabled_user_are_mentioned(
    engine: admit.Engine, inbox: Inbox, ada: admit.User
) -> None:
    """Confirmed is not proved, and disabled is another axis."""
    engine.confirm(**inbox.last_link().credentials)
    assert "the address is proved" in engine.why(ada).sentence

    engine.disable(ada)

    why = engine.why(ada)
    assert "disabled" in why.sentence
    assert "enable" == why.suggestion


def test_who_is_not_there_cannot_be_explained(engine: admit.Engine, ada: admit.User) -> None:
    """A deleted user is not there any more."""
    engine.delete(ada)

    with pytest.raises(UserNotFound):
        engine.why(ada)


def test_times_are_told_as_people_tell_them(
    engine: admit.Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given a mail server that defers again and again,
    when somebody asks why,
    then the next try is told in seconds, minutes or hours, whichever is short.
    """
    inbox.refuse_mail(temporary=True)
    ada = engine.register("ada@example.com", PASSWORD)
    told = []
    for _ in range(4):
        told.append(engine.why(ada.id).sentence.rpartition("due in ")[2].rstrip("."))
        clock.advance(timedelta(hours=3))
        engine.work_once()

    assert ["60 seconds", "5 minutes", "30 minutes", "2 hours"] == told


def test_a_disabled_pending_user_waits_all_the_same(engine: admit.Engine) -> None:
    """Both are said; what to do is about the waiting, since confirming does not enable."""
    ada = engine.disable(engine.register("ada@example.com", PASSWORD))

    why = engine.why(ada)

    assert "waits for the link" in why.sentence
    assert "It is disabled: no log-in, whatever its state." in why.sentence
    assert "wait, or resend" == why.suggestion


def test_an_older_link_that_still_works_is_told(
    engine: admit.Engine, inbox: Inbox, ada: admit.User
) -> None:
    """
    Given a user with a good link, and a re-run whose mail was refused,
    when somebody asks why she is stuck,
    then the failure is told, and that her older link is still good.
    """
    inbox.refuse_mail()
    with pytest.raises(FlowFailed):
        engine.rerun(ada)

    assert engine.why(ada).sentence.endswith("An older link is still good.")


def test_a_code_that_rests_is_told(engine: admit.Engine, ada: admit.User) -> None:
    """Who types the right one, and is told that it is wrong, calls the support."""
    for _ in range(5):
        with pytest.raises(CodeWrong):
            engine.confirm(address="ada@example.com", code="AAAA-2222")

    assert "The typed code rests" in engine.why(ada).sentence


def test_a_deadline_that_nears_is_told(
    engine: admit.Engine, clock: SettableClock, ada: admit.User
) -> None:
    """When never-confirmed users expire, how long is left is worth knowing."""
    assert "expires" not in engine.why(ada).sentence
    engine.settings.set("expire_pending_after", "7 days")
    clock.advance(timedelta(days=4))
    assert "It expires in 3 days." in engine.why(ada).sentence

    clock.advance(timedelta(days=3))

    assert "It expires with the next sweep." in engine.why(ada).sentence
    assert "expire" in engine.why(ada).allowed


def test_a_flow_without_messages_suggests_a_rerun(told: ToldFlow) -> None:
    """There is nothing that could be sent again."""
    with open_engine(plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)

        assert "wait, or rerun" == engine.why(ada).suggestion


def test_a_queued_run_whose_flow_is_elsewhere_is_told(
    store: MemoryStore, clock: SettableClock, told: ToldFlow
) -> None:
    """
    Given a run that waits in a queue, and a process that lacks its flow,
    when that process is asked why,
    then it says so, and what would help.
    """
    web = open_engine(store, clock=clock, plugins=[told], settings={"confirmation_flow": "told"})
    web.public.register("ada@example.com", PASSWORD)
    web.settings.set("confirmation_flow", "email")
    desk = open_engine(store, clock=clock)

    why = desk.why(address="ada@example.com")

    assert "has not loaded the flow 'told'" in why.sentence
    assert "run a worker that has it, or rerun" == why.suggestion
    assert "wait, or run a worker" == web.why(address="ada@example.com").suggestion


def test_a_reset_that_failed_is_told_of_a_confirmed_user(
    engine: admit.Engine, inbox: Inbox, ada: admit.User
) -> None:
    """She is confirmed, and stuck all the same."""
    engine.confirm_manually(ada)
    inbox.refuse_mail()
    with pytest.raises(FlowFailed):
        engine.reset(ada)

    why = engine.why(ada)

    assert "The last reset failed:" in why.sentence
    assert "mend the cause, then reset" == why.suggestion


def test_a_user_is_named_by_address_as_well(engine: admit.Engine, ada: admit.User) -> None:
    """Wherever one is asked about."""
    assert engine.may(ada) == engine.may(address="Ada@example.com")
    assert engine.users.timeline(ada) == engine.users.timeline(address="ada@example.com")
    assert () == engine.sessions.of(address="ada@example.com")
