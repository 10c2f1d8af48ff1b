"""Reset: a forgotten password is replaced, by mail or by a function of the application."""

from __future__ import annotations

from datetime import timedelta

import pytest
from told_flow import ToldFlow

import admit
from admit import LogIn, Outcome, User
from admit.errors import (
    CodeResting,
    CodeWrong,
    FlowFailed,
    FlowRefused,
    InvalidInput,
    NotConfigured,
    PasswordRefused,
    SessionInvalid,
    TokenExpired,
    TokenMalformed,
    TokenSuperseded,
    TokenUnknown,
    TokenUsed,
    UserNotFound,
    WrongCredentials,
)
from admit.testing import Inbox, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "another password altogether"


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> User:
    """A confirmed user."""
    engine.register("ada@example.com", PASSWORD)
    return engine.confirm(**inbox.last_link().credentials)


def log_in(engine: admit.Engine, password: str) -> LogIn:
    return engine.log_in("local-userpass", username="ada@example.com", password=password)


def test_a_reset_by_mail_replaces_the_password(
    engine: admit.Engine, inbox: Inbox, ada: User
) -> None:
    """
    Given a user who forgot her password,
    when she sets another with the link that was mailed to her,
    then that one opens the door, and the old one does not.
    """
    engine.reset(address="ada@example.com")

    engine.set_password(password=NEW_PASSWORD, **inbox.last_link().credentials)

    assert ada.id == log_in(engine, NEW_PASSWORD).user.id
    with pytest.raises(WrongCredentials):
        log_in(engine, PASSWORD)


def test_a_typed_code_does_the_same(engine: admit.Engine, inbox: Inbox, ada: User) -> None:
    """Address and code are what a link is."""
    engine.reset(ada)

    engine.set_password(address="Ada@example.com", code=inbox.last_code(), password=NEW_PASSWORD)

    log_in(engine, NEW_PASSWORD)


def test_asking_changes_nothing(engine: admit.Engine, ada: User) -> None:
    """Whoever asks may be a stranger: the old password goes on to work."""
    session = log_in(engine, PASSWORD)
    engine.reset(ada)

    engine.verify(session.access_token)
    log_in(engine, PASSWORD)


def test_setting_a_password_ends_every_session(
    engine: admit.Engine, inbox: Inbox, ada: User
) -> None:
    """Whoever held one may be the reason for the reset."""
    session = log_in(engine, PASSWORD)
    engine.reset(ada)

    engine.set_password(password=NEW_PASSWORD, **inbox.last_link().credentials)

    with pytest.raises(SessionInvalid):
        engine.verify(session.access_token)
    assert () == engine.sessions.of(ada)


def test_a_reset_token_works_once(engine: admit.Engine, inbox: Inbox, ada: User) -> None:
    """By link and by code; the password of the first use stays."""
    engine.reset(ada)
    link, code = inbox.last_link().credentials, inbox.last_code()
    engine.set_password(password=NEW_PASSWORD, **link)

    with pytest.raises(TokenUsed):
        engine.set_password(password=PASSWORD, **link)
    with pytest.raises(TokenUsed):
        engine.set_password(address="ada@example.com", code=code, password=PASSWORD)

    log_in(engine, NEW_PASSWORD)


def test_a_reset_token_is_expired_at_exactly_its_end(
    engine: admit.Engine, inbox: Inbox, clock: SettableClock, ada: User
) -> None:
    """Half an hour from dispatch."""
    engine.reset(ada)
    clock.advance(timedelta(minutes=30))

    with pytest.raises(TokenExpired):
        engine.set_password(password=NEW_PASSWORD, **inbox.last_link().credentials)

    log_in(engine, PASSWORD)


def test_a_newer_reset_supersedes_the_older(engine: admit.Engine, inbox: Inbox, ada: User) -> None:
    """The newest message is the one that works."""
    engine.reset(ada)
    older = inbox.last_link().credentials
    engine.reset(ada)

    with pytest.raises(TokenSuperseded):
        engine.set_password(password=NEW_PASSWORD, **older)

    engine.set_password(password=NEW_PASSWORD, **inbox.last_link().credentials)


def test_a_confirmation_token_resets_nothing(engine: admit.Engine, inbox: Inbox) -> None:
    """A token works for one purpose."""
    engine.register("ada@example.com", PASSWORD)

    with pytest.raises(TokenUnknown):
        engine.set_password(password=NEW_PASSWORD, **inbox.last_link().credentials)


def test_a_password_that_the_policy_refuses_leaves_the_token_good(
    engine: admit.Engine, inbox: Inbox, ada: User
) -> None:
    """She may try another."""
    engine.reset(ada)
    link = inbox.last_link().credentials
    for refused in ("short", "password123", "ada@example.com"):
        with pytest.raises(PasswordRefused):
            engine.set_password(password=refused, **link)

    engine.set_password(password=NEW_PASSWORD, **link)


def test_a_pending_user_is_confirmed_by_setting_a_password(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given a pending user, whose password somebody else may have set,
    when the owner of the mailbox sets one with a reset token,
    then she is confirmed and proved, the old password is gone, and the older link is dead.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    confirmation = inbox.last_link().credentials
    engine.reset(ada)

    user = engine.set_password(password=NEW_PASSWORD, **inbox.last_link().credentials)

    assert "confirmed" == user.state
    assert user.address is not None
    assert user.address.proved_at is not None
    assert [("password-set", None), ("confirm", "confirmed")] == [
        (event.trigger, event.to_state) for event in engine.users.timeline(ada)[-2:]
    ]
    with pytest.raises(TokenSuperseded):
        engine.confirm(**confirmation)
    with pytest.raises(WrongCredentials):
        log_in(engine, PASSWORD)


def test_a_reset_proves_the_address_of_who_was_confirmed_by_hand(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """She showed that the mailbox is hers."""
    ada = engine.create("ada@example.com", PASSWORD)
    engine.reset(ada)

    user = engine.set_password(password=NEW_PASSWORD, **inbox.last_link().credentials)

    assert user.address is not None
    assert user.address.proved_at is not None


def test_wrong_codes_are_counted(engine: admit.Engine, inbox: Inbox, ada: User) -> None:
    """
    Given a reset whose code somebody guesses five times,
    when the right one is typed, it rests; the link still works.
    """
    engine.reset(ada)
    for _ in range(5):
        with pytest.raises(CodeWrong):
            engine.set_password(address="ada@example.com", code="ZZZZ-ZZZZ", password=NEW_PASSWORD)

    with pytest.raises(CodeResting):
        engine.set_password(
            address="ada@example.com", code=inbox.last_code(), password=NEW_PASSWORD
        )
    engine.set_password(password=NEW_PASSWORD, **inbox.last_link().credentials)


def test_a_deleted_users_reset_token_is_unknown(
    engine: admit.Engine, inbox: Inbox, ada: User
) -> None:
    """Also when the address has registered again."""
    engine.reset(ada)
    link = inbox.last_link().credentials
    engine.delete(ada)
    engine.register("ada@example.com", PASSWORD)

    with pytest.raises(TokenUnknown):
        engine.set_password(password=NEW_PASSWORD, **link)


def test_setting_a_password_never_enables(engine: admit.Engine, inbox: Inbox, ada: User) -> None:
    """Disabled is another axis."""
    engine.disable(ada)
    engine.reset(ada)

    assert engine.set_password(password=NEW_PASSWORD, **inbox.last_link().credentials).disabled


def test_who_is_not_there_cannot_be_reset(engine: admit.Engine) -> None:
    """The engine's own methods tell the truth."""
    with pytest.raises(UserNotFound):
        engine.reset(address="ada@example.com")


def test_a_reset_flow_that_lacks_settings_writes_nothing(engine: admit.Engine, ada: User) -> None:
    """The settings are named."""
    engine.settings.unset("email.sender")

    with pytest.raises(NotConfigured) as problem:
        engine.reset(ada)

    assert ("email.sender",) == problem.value.settings
    assert ada == engine.users.get(ada.id)


def test_what_is_no_token_is_told_apart(engine: admit.Engine) -> None:
    """And that something has to be given."""
    with pytest.raises(TokenMalformed):
        engine.set_password(token_id="x", token="y", password=NEW_PASSWORD)
    with pytest.raises(InvalidInput, match="address= and code="):
        engine.set_password(password=NEW_PASSWORD)


# By a function of the application: the flow `told` stands for it.


@pytest.fixture
def by_function(told: ToldFlow) -> admit.Engine:
    """An engine whose resets a function decides, with a confirmed user."""
    engine = open_engine(plugins=[told], settings={"confirmation_flow": "auto"})
    engine.settings.set("reset_flow", "told")
    engine.register("ada@example.com", PASSWORD)
    return engine


def test_a_function_that_proved_the_user_sets_the_password_at_once(
    by_function: admit.Engine, told: ToldFlow
) -> None:
    """It was told the new password, and vouches for who asked."""
    told.act = lambda entry: Outcome.success(proved=True)

    by_function.reset(address="ada@example.com", password=NEW_PASSWORD)

    log_in(by_function, NEW_PASSWORD)
    with pytest.raises(WrongCredentials):
        log_in(by_function, PASSWORD)


def test_a_success_without_proof_only_waits_for_the_token(
    by_function: admit.Engine, told: ToldFlow
) -> None:
    """
    Given a function that answers `success` to anybody,
    when a stranger asks for a new password,
    then nothing is changed (N5); the token that the function was given sets one.
    """
    told.act = lambda entry: Outcome.success()

    by_function.reset(address="ada@example.com", password=NEW_PASSWORD)

    log_in(by_function, PASSWORD)
    by_function.set_password(password=NEW_PASSWORD, **told.link)
    log_in(by_function, NEW_PASSWORD)


def test_a_pending_answer_waits_for_the_token(by_function: admit.Engine, told: ToldFlow) -> None:
    """The function brought it to the user by its own means."""
    by_function.reset(address="ada@example.com", password=NEW_PASSWORD)

    by_function.set_password(password=NEW_PASSWORD, **told.link)

    log_in(by_function, NEW_PASSWORD)


def test_a_function_that_refuses_changes_nothing(by_function: admit.Engine, told: ToldFlow) -> None:
    """The caller is told why, and the token is dead."""
    told.act = lambda entry: Outcome.fail("not you")

    with pytest.raises(FlowRefused, match="not you") as refused:
        by_function.reset(address="ada@example.com", password=NEW_PASSWORD)

    assert refused.value.user == by_function.users.find("ada@example.com")
    with pytest.raises(TokenUnknown):
        by_function.set_password(password=NEW_PASSWORD, **told.link)
    log_in(by_function, PASSWORD)


def test_a_function_that_breaks_changes_nothing(by_function: admit.Engine, told: ToldFlow) -> None:
    """The caller is told, with the user."""

    def breaks(entry: admit.Entry) -> Outcome:
        raise RuntimeError("broken")

    told.act = breaks

    with pytest.raises(FlowFailed) as failed:
        by_function.reset(address="ada@example.com", password=NEW_PASSWORD)

    assert "confirmed" == failed.value.user.state
    log_in(by_function, PASSWORD)


@pytest.mark.parametrize(("current", "valid"), [(None, None), (PASSWORD, True), ("wrong", False)])
def test_a_function_is_told_what_the_caller_gave(
    by_function: admit.Engine, told: ToldFlow, current: str | None, valid: bool | None
) -> None:
    """The new password, whether the current one was right, and the caller's own arguments."""
    by_function.reset(
        address="ada@example.com",
        password=NEW_PASSWORD,
        current_password=current,
        arguments=["mother's maiden name", 1815],
    )

    [entry] = told.entries
    assert ("reset", valid) == (entry.purpose, entry.current_password_valid)
    assert entry.password is not None
    assert NEW_PASSWORD == entry.password.reveal()
    assert ("mother's maiden name", 1815) == entry.arguments


def test_a_password_that_the_policy_refuses_is_not_handed_to_the_function(
    by_function: admit.Engine, told: ToldFlow
) -> None:
    """It is refused before anything is written."""
    with pytest.raises(PasswordRefused):
        by_function.reset(address="ada@example.com", password="short")

    assert [] == told.entries


def test_a_strangers_new_password_waits_in_memory_for_the_function(
    by_function: admit.Engine, told: ToldFlow
) -> None:
    """
    Given a reset that a stranger asked for, with a new password,
    when a worker of this process enters the function and that vouches for the user,
    then the password is set.
    """
    told.act = lambda entry: Outcome.success(proved=True)
    by_function.public.reset(address="ada@example.com", password=NEW_PASSWORD)
    log_in(by_function, PASSWORD)

    by_function.work_once()

    log_in(by_function, NEW_PASSWORD)
