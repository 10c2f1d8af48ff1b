"""Re-run: a stuck user re-enters whichever flow is active now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from told_flow import ToldFlow

import admit
from admit import Actor, Outcome, Run, User, hookimpl
from admit.errors import (
    FlowFailed,
    FlowRefused,
    InvalidInput,
    NotConfigured,
    TokenSuperseded,
    TokenUnknown,
    TryLater,
    UserNotFound,
    Vetoed,
)
from admit.testing import Inbox, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


def test_a_rerun_sends_a_new_message(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a pending user whose mail was lost,
    when she is re-run,
    then another message with another token arrives, and it confirms.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    lost = inbox.last_link()

    again = engine.rerun(ada)

    assert ("pending", 2) == (again.state, len(inbox.messages))
    assert lost.token_id != inbox.last_link().token_id
    assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_a_user_is_named_by_record_id_or_address(engine: admit.Engine) -> None:
    """All three name the same user; none, or two of them, are refused."""
    ada = engine.register("ada@example.com", PASSWORD)

    assert ada.id == engine.rerun(ada).id
    assert ada.id == engine.rerun(ada.id).id
    assert ada.id == engine.rerun(address="Ada@example.com").id
    with pytest.raises(InvalidInput, match="one of the two"):
        engine.rerun()
    with pytest.raises(InvalidInput, match="one of the two"):
        engine.rerun(ada, address="ada@example.com")
    with pytest.raises(InvalidInput, match="24 hex digits"):
        engine.rerun("ada@example.com")


def test_who_is_not_there_cannot_be_rerun(engine: admit.Engine) -> None:
    """By id and by address alike."""
    with pytest.raises(UserNotFound):
        engine.rerun("0" * 24)
    with pytest.raises(UserNotFound):
        engine.rerun(address="ada@example.com")


def test_a_rerun_enters_the_flow_that_is_active_now(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a user who registered in the flow `email` and got stuck,
    when `auto` is active and she is re-run,
    then she is confirmed: not the flow of her registration counts.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    engine.settings.set("confirmation_flow", "auto")

    again = engine.rerun(ada)

    assert ("confirmed", 1) == (again.state, len(inbox.messages))
    assert ["email", "auto"] == [run.flow for run in again.runs]


def test_and_the_other_way_round(told: ToldFlow) -> None:
    """
    Given a user whom a function left pending,
    when `email` is active and she is re-run,
    then she gets mail.
    """
    inbox = Inbox()
    with open_engine(plugins=[told], inbox=inbox, settings={"confirmation_flow": "told"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        engine.settings.set("confirmation_flow", "email")

        engine.rerun(ada)

        assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_the_older_link_is_good_until_the_new_one_is_dispatched(told: ToldFlow) -> None:
    """
    Given a user with a good link,
    when she presses it in the very moment in which a re-run is being sent,
    then she is confirmed.
    """
    with open_engine(plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        link = told.link

        def press(entry: admit.Entry) -> Outcome:
            engine.confirm(**link)
            return Outcome.pending()

        told.act = press
        again = engine.rerun(ada)

        assert "confirmed" == again.state


def test_the_older_link_is_dead_once_the_new_one_was_dispatched(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """Whoever has the newest message has the one that works."""
    ada = engine.register("ada@example.com", PASSWORD)
    older = inbox.last_link().credentials
    engine.rerun(ada)

    with pytest.raises(TokenSuperseded):
        engine.confirm(**older)


@pytest.mark.parametrize("temporary", [True, False])
def test_a_rerun_that_cannot_be_sent_strands_nobody(
    engine: admit.Engine, inbox: Inbox, temporary: bool
) -> None:
    """
    Given a pending user who holds a good link,
    when the mail of a re-run cannot be sent,
    then the older link still confirms.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link().credentials
    inbox.refuse_mail(temporary=temporary)
    if temporary:
        engine.rerun(ada)
    else:
        with pytest.raises(FlowFailed):
            engine.rerun(ada)

    assert "confirmed" == engine.confirm(**link).state


def test_a_refusal_on_a_rerun_keeps_the_user_and_kills_the_runs_tokens(told: ToldFlow) -> None:
    """
    Given a pending user with a good link,
    when the flow of a re-run answers `fail`,
    then the caller reads why and gets the user, who stays pending; the refused run's token is
    dead, and the older link still works.
    """
    with open_engine(plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        older = told.link
        told.act = lambda entry: Outcome.fail("not you")

        with pytest.raises(FlowRefused) as refused:
            engine.rerun(ada)

        assert ("not you", "told") == (refused.value.message, refused.value.flow)
        again = refused.value.user
        assert again == engine.users.get(ada.id)
        assert "pending" == again.state
        run = again.run(refused.value.run)
        assert run is not None
        assert ("refused", None) == (run.result, run.dispatched_at)
        with pytest.raises(TokenUnknown):
            engine.confirm(**told.link)
        assert "confirmed" == engine.confirm(**older).state


@pytest.mark.parametrize(
    ("again", "domain"),
    [
        (lambda engine, ada: engine.resend(ada), "com"),
        (lambda engine, ada: engine.correct_address(ada, to="ada@example.org"), "org"),
    ],
    ids=["resend", "correct_address"],
)
def test_a_refusal_is_told_whatever_entered_the_flow(
    told: ToldFlow, again: Callable[[admit.Engine, User], User], domain: str
) -> None:
    """
    Given a pending user,
    when the flow answers `fail` to a resend or after a correction of her address,
    then the caller is told, and the user is kept – with the address corrected.
    """
    told.resends = True
    with open_engine(plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        told.act = lambda entry: Outcome.fail()

        with pytest.raises(FlowRefused, match="'told' refused") as refused:
            again(engine, ada)

        assert refused.value.user.address is not None
        assert f"ada@example.{domain}" == refused.value.user.address.typed


def test_t3_a_refusal_that_quotes_the_token_is_kept_without_it(told: ToldFlow) -> None:
    """
    Given a flow whose refusal quotes the token and the address, and has control characters,
    when a user is re-run,
    then what is kept with the run, and shown by `why`, has none of them.
    """
    with open_engine(plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        told.act = lambda entry: Outcome.fail(f"\x1b[31m{entry.username} {entry.token.reveal()}!")

        with pytest.raises(FlowRefused):
            engine.rerun(ada)

        kept = engine.users.get(ada.id).last_run
        assert kept is not None
        assert kept.error is not None
        assert ("flow-refused", " [31m… …!") == (kept.error.code, kept.error.sentence)
        assert told.link["token"] not in repr(engine.users.timeline(ada))


def test_a_vetoed_success_leaves_the_user_pending_and_is_told(told: ToldFlow) -> None:
    """
    Given a flow that says `success` and a plugin that says no,
    when a user is re-run,
    then the caller reads the veto, and the run is marked as vetoed.
    """
    with open_engine(plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        told.act = lambda entry: Outcome.success()
        told.veto = "Wait for the board."

        with pytest.raises(Vetoed, match=r"Wait for the board\."):
            engine.rerun(ada)

        last_run = engine.users.get(ada.id).last_run
        assert last_run is not None
        assert "vetoed" == last_run.result


def test_a_flow_that_lacks_settings_writes_nothing(engine: admit.Engine) -> None:
    """The user is as before."""
    ada = engine.register("ada@example.com", PASSWORD)
    engine.settings.unset("email.sender")

    with pytest.raises(NotConfigured):
        engine.rerun(ada)

    assert ada == engine.users.get(ada.id)


def test_a_user_who_asks_for_herself_waits_for_the_cool_down(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """
    Given a user who was sent a message a moment ago,
    when she asks again, she is told when to come back; when she comes back then, she is served.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    herself = engine.acting(Actor("user", ada.id))

    with pytest.raises(TryLater) as later:
        herself.rerun(ada)
    assert timedelta(seconds=60) == later.value.after

    clock.advance(timedelta(seconds=60))
    assert 2 == len(herself.rerun(ada).runs)


def test_a_users_document_does_not_grow_without_end(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """Five runs are kept once older ones have expired."""
    ada = engine.register("ada@example.com", PASSWORD)
    for _ in range(10):
        clock.advance(timedelta(hours=1))
        engine.rerun(ada)

    assert 5 == len(engine.users.get(ada.id).runs)


def test_a_run_that_is_still_good_is_kept_beyond_the_fifth(told: ToldFlow) -> None:
    """
    Given a user with a good link and five re-runs that did not get through,
    when she presses the first link,
    then it is known and confirms.
    """
    with open_engine(plugins=[told], settings={"confirmation_flow": "told"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        good = told.link

        def breaks(entry: admit.Entry) -> Outcome:
            raise RuntimeError("broken")

        told.act = breaks
        for _ in range(6):
            with pytest.raises(FlowFailed):
                engine.rerun(ada)

        assert "confirmed" == engine.confirm(**good).state


def test_after_rerun_is_told_which_run(told: ToldFlow) -> None:
    """The hook comes after the flow was entered, with the run that began."""

    class Watching:
        seen: list[tuple[str, str]] = []

        @hookimpl
        def after_rerun(self, user: User, run: Run) -> None:
            self.seen.append((user.state, run.reason))

    watching = Watching()
    with open_engine(plugins=[told, watching], settings={"confirmation_flow": "told"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        engine.rerun(ada)

    assert [("pending", "rerun")] == watching.seen


def test_a_disabled_user_can_be_rerun_and_stays_disabled(engine: admit.Engine) -> None:
    """Disabled stops log-ins, not the lifecycle."""
    ada = engine.register("ada@example.com", PASSWORD)
    engine.disable(ada)

    again = engine.rerun(ada)

    assert ("pending", True, 2) == (again.state, again.disabled, len(again.runs))
