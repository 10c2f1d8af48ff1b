"""What another does between a use case's reading and its commit is seen, and decided again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from races import edit, meanwhile, records
from told_flow import ToldFlow

import admit
from admit import Outcome, Receipt, User, hookimpl
from admit.errors import (
    AddressTaken,
    CodeWrong,
    FlowFailed,
    StoreFull,
    TokenSuperseded,
    TokenUnknown,
    TryLater,
    UserNotFound,
    WrongCredentials,
    WrongKey,
)
from admit.stores import Change, KeyTaken, Remove
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
NEW = "another password altogether"


@pytest.fixture
def ada(engine: admit.Engine) -> User:
    """A pending user with a good link in her mailbox."""
    return engine.register("ada@example.com", PASSWORD)


@pytest.fixture
def workshop(store: MemoryStore, clock: SettableClock, told: ToldFlow) -> admit.Engine:
    """An engine whose flows are told what to do."""
    return open_engine(
        store,
        clock=clock,
        plugins=[told],
        settings={"confirmation_flow": "told", "reset_flow": "told"},
    )


def log_in(engine: admit.Engine, password: str = PASSWORD) -> admit.LogIn:
    return engine.log_in("local-userpass", username="ada@example.com", password=password)


# --- tokens and codes --------------------------------------------------------------------------


def test_t4_a_code_that_died_in_this_moment_confirms_nobody(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox, ada: User
) -> None:
    """
    Given the right code,
    when the address is corrected just before its confirmation is written,
    then the code is wrong, and nobody is confirmed.
    """
    meanwhile(store, lambda: engine.correct_address(ada, to="grace@example.com"))

    with pytest.raises(CodeWrong):
        engine.confirm(address="ada@example.com", code=inbox.last_code("ada@example.com"))

    assert "pending" == engine.users.get(ada.id).state


def test_t4_a_reset_code_that_died_in_this_moment_sets_no_password(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox, ada: User
) -> None:
    """
    Given the right reset code,
    when the password is changed just before the new one is written,
    then the code is wrong, and the changed password stays.
    """
    engine.confirm(**inbox.last_link().credentials)
    engine.reset(ada)
    code = inbox.last_code()
    meanwhile(store, lambda: engine.change_password(ada, current=PASSWORD, new=NEW))

    with pytest.raises(CodeWrong):
        engine.set_password(address="ada@example.com", code=code, password="a third, even longer")

    log_in(engine, NEW)


@pytest.mark.parametrize("purpose", ["confirm", "reset"])
def test_t4_tokens_do_not_follow_an_absorbed_user(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox, ada: User, purpose: str
) -> None:
    """
    Given a user who is absorbed by another just before a press of her link is written,
    when the press is decided again,
    then the link opens nothing: looking her up leads to the survivor, her tokens do not.
    """
    if purpose == "reset":
        engine.reset(ada)
    link = inbox.last_link().credentials
    press: Callable[[], User] = {
        "confirm": lambda: engine.confirm(**link),
        "reset": lambda: engine.set_password(password=NEW, **link),
    }[purpose]
    grace = engine.create("grace@example.com")

    def absorb() -> None:
        edit(store, "user", ada.id, state="deleted", absorbed_by=grace.id)

    meanwhile(store, absorb)
    with pytest.raises(TokenUnknown):
        press()

    assert grace == engine.users.get(ada.id)


# --- resets ------------------------------------------------------------------------------------


def test_a_user_deleted_while_her_reset_was_sent_is_not_found(
    workshop: admit.Engine, told: ToldFlow
) -> None:
    """
    Given a reset that takes its time,
    when the user is deleted meanwhile,
    then whoever asked is told that nobody is there.
    """
    grace = workshop.create("grace@example.com")

    def delete(entry: admit.Entry) -> Outcome:
        workshop.delete(grace)
        return Outcome.pending()

    told.act = delete

    with pytest.raises(UserNotFound):
        workshop.reset(grace)


def test_n5_an_overtaken_reset_function_sets_no_password(
    workshop: admit.Engine, store: MemoryStore, told: ToldFlow
) -> None:
    """
    Given a reset function that has proved its user,
    when another reset is dispatched just before the password is written,
    then the older one sets nothing.
    """
    grace = workshop.create("grace@example.com", PASSWORD)
    told.act = lambda entry: Outcome.success(proved=True)

    def overtake() -> None:
        told.act = lambda entry: Outcome.pending()
        workshop.reset(grace)

    meanwhile(store, overtake, before=records("password-set"))
    with pytest.raises(TokenSuperseded):
        workshop.reset(grace, password=NEW)

    with pytest.raises(WrongCredentials):
        workshop.log_in("local-userpass", username="grace@example.com", password=NEW)


def test_under_first_proof_a_reset_token_of_a_slower_user_is_refused(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given two who wait for one address, of whom one has proved it,
    when the other uses a reset token of hers,
    then the address is taken, by somebody confirmed.
    """
    engine.settings.set("address_policy", "first-proof")
    slow = engine.register("ada@example.com", PASSWORD)
    engine.reset(slow)
    reset = inbox.last_link().credentials
    engine.register("ada@example.com", NEW)
    engine.confirm(**inbox.last_link().credentials)

    with pytest.raises(AddressTaken) as taken:
        engine.set_password(password="a third, even longer", **reset)

    assert "confirmed" == taken.value.holder_state
    log_in(engine, NEW)


# --- log-in and sessions -----------------------------------------------------------------------


def test_an_identity_unlinked_in_this_moment_opens_nothing(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """
    Given right credentials,
    when their identity is taken from the user just before the session is written,
    then they are wrong.
    """
    engine.confirm_manually(ada)
    meanwhile(store, lambda: edit(store, "user", ada.id, identities=[]))

    with pytest.raises(WrongCredentials):
        log_in(engine)

    assert () == engine.sessions.of(ada)


def test_a_refresh_does_not_wait_for_what_it_only_notes(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock, ada: User
) -> None:
    """
    Given a session of an hour ago,
    when the user changes just before "seen" is noted,
    then the refresh succeeds, and somebody else's write stands.
    """
    engine.confirm_manually(ada)
    login = log_in(engine)
    clock.advance(timedelta(hours=1))
    meanwhile(store, lambda: engine.reset(ada))

    again = engine.refresh(login.refresh_token)

    assert ada.id == engine.verify(again.access_token).user_id
    assert "reset" in {event.trigger for event in engine.users.timeline(ada)}
    assert "seen" not in {event.trigger for event in engine.users.timeline(ada)}


def test_a_session_whose_user_is_gone_ends_without_a_word(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """
    Given a session that outlived its user's record,
    when it is ended,
    then nothing breaks; a worker sweeps it when its time has come.
    """
    engine.confirm_manually(ada)
    session = log_in(engine).session
    store.commit(Change(remove=(Remove("user", ada.id),)))

    engine.sessions.end(session.id)

    assert store.get("session", session.id) is not None


# --- workers -----------------------------------------------------------------------------------


def test_a_run_that_another_worker_leased_in_this_moment_is_left_to_it(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given a queued run,
    when another worker takes it up just before this one's lease is written,
    then one message is sent.
    """
    other = open_engine(store, clock=clock, inbox=inbox)
    engine.public.register("ada@example.com", PASSWORD)
    meanwhile(store, other.work_once)

    engine.work_once()

    assert 1 == len(inbox.messages)


def test_a_queued_run_of_a_user_deleted_in_this_moment_is_not_sent(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given a queued run,
    when its user is deleted just before a worker's lease is written,
    then nothing is sent.
    """
    engine.public.register("ada@example.com", PASSWORD)
    meanwhile(store, lambda: engine.delete(address="ada@example.com"))

    engine.work_once()

    assert [] == inbox.messages


def test_a_queued_user_deleted_while_the_flow_ran_stays_deleted(
    workshop: admit.Engine, told: ToldFlow
) -> None:
    """
    Given a flow that a worker has entered,
    when the user is deleted before it answers `success`,
    then the user stays deleted.
    """

    def delete(entry: admit.Entry) -> Outcome:
        workshop.delete(entry.user_id)
        return Outcome.success(proved=True)

    told.act = delete
    workshop.public.register("ada@example.com", PASSWORD)

    workshop.work_once()

    assert 0 == workshop.users.count()


def test_a_queued_registration_that_the_flow_refuses_leaves_nobody(
    store: MemoryStore, clock: SettableClock, told: ToldFlow
) -> None:
    """
    Given a stranger's registration in the queue,
    when the flow answers `fail` to the worker,
    then no account is left, and *after* hooks hear of it.
    """

    class Watching:
        def __init__(self) -> None:
            self.gone: list[str] = []

        @hookimpl
        def after_delete(self, user: User) -> None:
            self.gone.append(user.id)

    watching = Watching()
    told.act = lambda entry: Outcome.fail("Not here.")
    with open_engine(
        store, clock=clock, plugins=[told, watching], settings={"confirmation_flow": "told"}
    ) as engine:
        engine.public.register("ada@example.com", PASSWORD)
        [user] = engine.users.pending().items

        engine.work_once()

        assert ([user.id], 0) == (watching.gone, engine.users.count())


def test_a_queued_registration_that_lost_its_address_is_rejected(
    workshop: admit.Engine, told: ToldFlow
) -> None:
    """
    Given two strangers in the queue for one address, under `first-proof`,
    when the flow says `success` to both,
    then one is confirmed – a worker takes up several side by side –, and the other rejected.
    """
    workshop.settings.set("address_policy", "first-proof")
    workshop.settings.set("cool_down", 0)
    told.act = lambda entry: Outcome.success(proved=True)
    workshop.public.register("ada@example.com", PASSWORD)
    workshop.public.register("ada@example.com", NEW)
    waiting = workshop.users.pending().items
    assert 2 == len(waiting)

    workshop.work_once()

    [won] = workshop.users.page().items
    assert "confirmed" == won.state
    [lost] = [user for user in waiting if user.id != won.id]
    assert "reject" == workshop.users.timeline(lost)[-1].trigger


def test_a_rival_who_left_in_this_moment_need_not_be_rejected(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given one who proved an address that another waits for,
    when the other is deleted just before the worker rejects her,
    then the deletion stands.
    """
    engine.settings.set("address_policy", "first-proof")
    engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link().credentials
    rival = engine.register("ada@example.com", NEW)
    engine.confirm(**link)
    meanwhile(store, lambda: engine.delete(rival))

    engine.work_once()

    assert "delete" == engine.users.timeline(rival)[-1].trigger
    assert 1 == engine.users.count()


def test_a_chore_of_a_user_who_changed_meanwhile_is_done_again(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given a chore that is done,
    when its user changes just before that is noted,
    then it is done once more, and then no more.
    """
    engine.settings.set("address_policy", "first-proof")
    ada = engine.register("ada@example.com", PASSWORD)
    link = inbox.last_link().credentials
    engine.register("ada@example.com", NEW)
    engine.confirm(**link)
    meanwhile(
        store,
        lambda: engine.disable(ada),
        before=lambda change: any(put.id == ada.id for put in change.put),
    )

    engine.work_once()
    chores = [user.chore_at is not None for user in [engine.users.get(ada.id)]]
    engine.work_once()

    assert [True] == chores
    assert engine.users.get(ada.id).chore_at is None
    assert engine.users.get(ada.id).disabled


def test_a_tombstone_that_is_gone_already_does_not_stop_the_worker(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """
    Given a deleted user,
    when another process has removed the tombstone while its traces were being erased,
    then the worker goes on.
    """
    engine.delete(ada)
    meanwhile(store, lambda: store.commit(Change(remove=(Remove("user", ada.id),))))

    engine.work_once()

    assert store.get("user", ada.id) is None


def test_a_worker_ends_when_its_store_is_closed_under_it(
    workshop: admit.Engine, store: MemoryStore, told: ToldFlow
) -> None:
    """
    Given a worker inside a flow,
    when the store is closed,
    then the worker returns, rather than try for ever.
    """

    def close(entry: admit.Entry) -> Outcome:
        store.close()
        return Outcome.pending()

    told.act = close
    workshop.public.register("ada@example.com", PASSWORD)

    workshop.work()

    assert 1 == len(told.entries)


def test_t3_what_a_store_says_when_it_breaks_is_not_logged(
    engine: admit.Engine, store: MemoryStore, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Given a store that breaks with words of its own,
    when a worker meets it,
    then the kind of the failure is logged, not the words; the next pass goes on.
    """
    store.fail_next_commit(OSError("token=0123456789abcdef"))

    with caplog.at_level(logging.DEBUG):
        engine.work_once()

    assert "OSError" in caplog.text
    assert "0123456789abcdef" not in caplog.text
    assert engine.work_once().sealed > 0


# --- sweeping ----------------------------------------------------------------------------------


def test_who_is_confirmed_in_this_moment_does_not_expire(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock, ada: User
) -> None:
    """
    Given two whose deadline has passed,
    when one is confirmed just before she would expire,
    then she stays, and the other expires.
    """
    engine.register("grace@example.com", PASSWORD)
    engine.settings.set("expire_pending_after", timedelta(days=1))
    clock.advance(timedelta(days=2))
    meanwhile(store, lambda: engine.confirm_manually(ada))

    assert 1 == engine.sweep().expired
    assert [ada.id] == [user.id for user in engine.users.page().items]


def test_two_sweeps_at_once_forget_a_tombstone_once(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock, ada: User
) -> None:
    """
    Given a tombstone past the audit's retention,
    when another process forgets it just before this one does,
    then this one leaves the rest to it.
    """
    engine.delete(ada)
    engine.work_once()
    clock.advance(timedelta(days=5000))
    swept: list[int] = []
    meanwhile(
        store,
        lambda: swept.append(engine.sweep().tombstones),
        before=lambda change: bool(change.forget),
    )

    assert 0 == engine.sweep().tombstones
    assert [1] == swept
    assert store.get("user", ada.id) is None


# --- opening, settings, counters ---------------------------------------------------------------


def test_two_who_make_a_store_at_once_must_have_one_key() -> None:
    """
    Given an empty store,
    when another process opens it, and writes down which key it uses, just before this one does,
    then this one opens with the same key, and is refused with any other.
    """
    store = MemoryStore()
    meanwhile(store, lambda: admit.open(store, key=bytes(32)))

    with pytest.raises(WrongKey):
        admit.open(store, key=bytes(range(32)))

    again = MemoryStore()
    meanwhile(again, lambda: admit.open(again, key=bytes(32)))
    assert 0 == admit.open(again, key=bytes(32)).users.count()


def test_the_slower_of_two_who_set_a_setting_tries_later(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """
    Given two admins who change one setting at once,
    when the slower one's change is written,
    then it is not, and she is told.
    """
    meanwhile(store, lambda: engine.settings.set("cool_down", "2 minutes"))

    with pytest.raises(TryLater):
        engine.settings.set("cool_down", "3 minutes")

    assert timedelta(minutes=2) == engine.settings.get("cool_down")


def test_e2_two_requests_of_one_moment_count_as_one_too_many(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """
    Given two requests about one address at the same instant,
    when the slower is counted,
    then it has to wait: racing does not get more through.
    """
    meanwhile(store, lambda: engine.public.reset(address="ada@example.com"))

    with pytest.raises(TryLater):
        engine.public.reset(address="ada@example.com")


def test_e1_an_address_taken_and_freed_in_one_moment_is_answered_alike(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given an address that somebody takes just before a stranger's registration, and frees at once,
    when the stranger is answered,
    then the answer is the one that everybody gets, and nobody is registered.
    """

    def fail() -> None:
        raise KeyTaken("local-userpass:ada@example.com")

    meanwhile(store, fail, before=records("register"))

    assert Receipt() == engine.public.register("ada@example.com", PASSWORD)
    assert 0 == engine.users.count()


def test_a_second_press_through_another_message_proves_nothing_new(
    workshop: admit.Engine, told: ToldFlow
) -> None:
    """
    Given a user with two live links, since the flow broke after it had sent the second,
    when both are pressed,
    then the second press proves again what is proved, and ends no session.
    """
    told.proves_address = True
    workshop.register("ada@example.com", PASSWORD)
    first = told.link

    def sent_and_broken(entry: admit.Entry) -> Outcome:
        raise RuntimeError

    told.act = sent_and_broken
    with pytest.raises(FlowFailed):
        workshop.rerun(address="ada@example.com")
    second = told.link
    workshop.confirm(**first)
    login = log_in(workshop)

    workshop.confirm(**second)

    assert login.user.id == workshop.verify(login.access_token).user_id


def test_a6_a_refusal_that_cannot_be_recorded_is_a_refusal(
    engine: admit.Engine, store: MemoryStore, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Given a store that is full,
    when a change of password with the wrong one is refused,
    then the caller hears that it was wrong, and the log that it was not recorded.
    """
    store.fail_next_commit(StoreFull("The disk is full."))

    with pytest.raises(WrongCredentials):
        engine.change_password(ada, current="a wrong one", new=NEW)

    assert "change-password could not be recorded" in caplog.text
