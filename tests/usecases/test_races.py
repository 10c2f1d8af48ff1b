"""What another does between a use case's reading and its commit is seen, and decided again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from races import edit, meanwhile, records
from told_flow import ToldFlow

import admit
from admit import Outcome, Receipt, User
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
