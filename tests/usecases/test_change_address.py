"""Change the address of a confirmed user, by herself: proved before it is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from changed_addresses import NEW, OLD, PASSWORD, ask, log_in, opens, press, to
from told_providers import open_told, told

import admit
from admit import Actor, LogIn, hookimpl
from admit.errors import (
    CodeWrong,
    InvalidAddress,
    InvalidInput,
    SessionInvalid,
    TokenExpired,
    TokenMalformed,
    TokenSuperseded,
    TokenUnknown,
    TryLater,
    UserNotFound,
    Vetoed,
)
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

LATER = timedelta(minutes=2)
"""Longer than the cool-down between two messages, shorter than a log-in stays fresh."""


@pytest.fixture(params=["reserve", "first-proof"])
def engine(
    request: pytest.FixtureRequest, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> Iterator[admit.Engine]:
    """An engine under either address policy, with the providers `told`, `other` and `nobody`."""
    with open_told(store, clock, inbox, address_policy=request.param) as opened:
        yield opened


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> LogIn:
    """A log-in of Ada, whose address is proved."""
    engine.register(OLD, PASSWORD)
    engine.confirm(**inbox.last_link().credentials)
    return log_in(engine, OLD)


def test_nothing_changes_before_the_proof(engine: admit.Engine, ada: LogIn, inbox: Inbox) -> None:
    """
    Given a user who asked for another address,
    when nobody has used the link yet,
    then she logs in with the old one, and the new one is nobody's.
    """
    ask(engine, ada)

    assert (True, False) == (opens(engine, OLD), opens(engine, NEW))
    with pytest.raises(UserNotFound):
        engine.users.find(NEW)
    assert "Confirm your new address" in to(inbox, NEW)


@pytest.mark.parametrize("way", ["link", "code"])
def test_the_link_or_the_code_makes_the_change(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, way: str
) -> None:
    """
    Given a message at the new address,
    when its link is pressed, or its code typed, in the session of the user,
    then the new address is the login, proved and as she typed it; the old one is free.
    """
    ask(engine, ada)
    how = inbox.last_link(NEW).credentials if way == "link" else {"code": inbox.last_code(NEW)}

    user = press(engine, ada, **how)

    assert user.address is not None
    assert (NEW, True) == (user.address.typed, user.address.proved_at is not None)
    assert [NEW] == [address.typed for address in user.addresses]
    assert {"email": NEW} == user.identities[0].data
    assert (False, True) == (opens(engine, OLD), opens(engine, NEW))
    assert "pending" == engine.register(OLD, PASSWORD).state


def test_pressing_twice_is_a_success(engine: admit.Engine, ada: LogIn, inbox: Inbox) -> None:
    """The second press changes nothing."""
    ask(engine, ada)
    how = inbox.last_link(NEW).credentials

    assert press(engine, ada, **how) == press(engine, ada, **how)


def test_the_old_address_is_told_before_and_after(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """Its owner can still stop it before, and knows whom to ask after."""
    ask(engine, ada)
    assert [NEW, OLD] == sorted(message.to for message in inbox.messages[-2:])
    assert "asked to give your account another" in to(inbox, OLD)

    press(engine, ada, **inbox.last_link(NEW).credentials)
    engine.work_once()

    assert "address of your account was changed" in to(inbox, OLD)


def test_all_sessions_end_but_the_callers(engine: admit.Engine, ada: LogIn, inbox: Inbox) -> None:
    """As after any other change of what logs one in."""
    elsewhere = log_in(engine, OLD)
    ask(engine, ada)

    press(engine, ada, **inbox.last_link(NEW).credentials)

    assert ada.user.id == engine.verify(ada.access_token).user_id
    with pytest.raises(SessionInvalid):
        engine.verify(elsewhere.access_token)


def test_the_events_say_what_happened_and_the_addresses_are_erasable(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """Asked, told, sent, changed: each with its run; the addresses stand in the details."""
    ask(engine, ada)
    press(engine, ada, **inbox.last_link(NEW).credentials)

    events = {event.trigger: event for event in engine.users.timeline(ada.user)}
    asked, changed = events["change-address"], events["address-changed"]
    assert asked.run == changed.run
    assert {"flow": "email", "reason": "change-address"} == asked.codes
    assert {"cause": "token", "flow": "email"} == changed.codes
    assert [{"from": OLD, "to": NEW}] * 2 == [asked.detail, changed.detail]
    assert () == engine.events.verify().problems


def test_why_says_that_a_change_waits(engine: admit.Engine, ada: LogIn, inbox: Inbox) -> None:
    """Until it was made or has expired."""
    ask(engine, ada)
    assert "waits for the link or code sent to the new one" in engine.why(ada.user).sentence

    press(engine, ada, **inbox.last_link(NEW).credentials)

    assert "waits" not in engine.why(ada.user).sentence


def test_t4_the_token_is_good_for_this_alone(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """It confirms nobody and sets no password; no other token changes an address."""
    engine.reset(ada.user)
    reset = inbox.last_link(OLD).credentials
    ask(engine, ada)
    change = inbox.last_link(NEW).credentials

    with pytest.raises(TokenUnknown):
        engine.confirm(**change)
    with pytest.raises(TokenUnknown):
        engine.set_password(**change, password="another good one")
    with pytest.raises(TokenUnknown):
        press(engine, ada, **reset)
    with pytest.raises(TokenMalformed):
        press(engine, ada, token_id="abc", token="abc")


def test_t5_an_expired_token_changes_nothing(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, clock: SettableClock
) -> None:
    """At exactly the instant of its expiry."""
    ask(engine, ada)
    clock.advance(timedelta(minutes=30))
    fresh = log_in(engine, OLD)

    with pytest.raises(TokenExpired):
        press(engine, fresh, **inbox.last_link(NEW).credentials)


def test_a_newer_request_supersedes_the_older(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, clock: SettableClock
) -> None:
    """Once its message was sent (T8)."""
    ask(engine, ada, "first@example.org")
    clock.advance(LATER)
    ask(engine, ada, "second@example.org")

    with pytest.raises(TokenSuperseded):
        press(engine, ada, **inbox.last_link("first@example.org").credentials)
    press(engine, ada, **inbox.last_link("second@example.org").credentials)


def test_the_owner_of_the_mailbox_alone_changes_nothing(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """
    Given an account that asked for somebody else's address,
    when the owner of that mailbox uses the link in a session of her own,
    then it is unknown there: she gives her address to no account that is not hers.
    """
    ask(engine, ada, "victim@example.com")
    victim = engine.log_in("told", **told("victim"))

    with pytest.raises(TokenUnknown):
        press(engine, victim, **inbox.last_link("victim@example.com").credentials)
    with pytest.raises(CodeWrong):
        press(engine, victim, code=inbox.last_code("victim@example.com"))

    assert opens(engine, OLD)


def test_t2_after_five_wrong_codes_the_code_way_rests_and_the_link_still_works(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """The answer is the same; the right code opens nothing any more."""
    ask(engine, ada)
    code = inbox.last_code(NEW)
    for _ in range(5):
        with pytest.raises(CodeWrong):
            press(engine, ada, code="ABCD-2345")

    with pytest.raises(CodeWrong):
        press(engine, ada, code=code)

    assert ada.user.id == press(engine, ada, **inbox.last_link(NEW).credentials).id


def test_neither_token_nor_code_is_said(engine: admit.Engine, ada: LogIn) -> None:
    """Both faces name what is missing."""
    with pytest.raises(InvalidInput, match="^token: is missing"):
        press(engine, ada)
    with pytest.raises(InvalidInput, match="^token: is missing"):
        engine.identities.confirm_address()


def test_a_user_of_another_provider_gets_the_address_as_hers(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """Where no login is an address, only where messages go is changed."""
    login = engine.log_in("told", **told("ada", OLD, True))
    ask(engine, login)

    user = press(engine, login, **inbox.last_link(NEW).credentials)

    assert ([NEW], ["ada"]) == (
        [a.typed for a in user.addresses],
        [i.login_key for i in user.identities],
    )


def test_what_was_sent_to_the_old_address_dies_with_it(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """A reset link that is in the old mailbox sets no password of the account that moved on."""
    ask(engine, ada)
    engine.reset(ada.user)
    reset = inbox.last_link(OLD).credentials
    press(engine, ada, **inbox.last_link(NEW).credentials)

    with pytest.raises(TokenSuperseded):
        engine.set_password(**reset, password="another good one")


def test_an_address_that_cannot_be_hers_is_refused(engine: admit.Engine, ada: LogIn) -> None:
    """No address at all, or the one that she has."""
    with pytest.raises(InvalidAddress, match="^to:"):
        ask(engine, ada, "ada@example")
    with pytest.raises(InvalidInput, match="^to: is the address of this account already"):
        ask(engine, ada, OLD)


def test_the_spelling_can_be_changed(engine: admit.Engine, ada: LogIn, inbox: Inbox) -> None:
    """The same mailbox, written otherwise: proved like any other."""
    ask(engine, ada, "ADA@example.com")

    user = press(engine, ada, **inbox.last_link("ADA@example.com").credentials)

    assert ["ADA@example.com"] == [a.typed for a in user.addresses]
    assert opens(engine, OLD)


def test_messages_to_new_addresses_are_throttled(
    engine: admit.Engine, ada: LogIn, clock: SettableClock
) -> None:
    """One a minute for a user, whatever the address; the trusted form, acting as a user, too."""
    ask(engine, ada)
    with pytest.raises(TryLater):
        ask(engine, ada, "another@example.org")
    with pytest.raises(TryLater):
        engine.acting(Actor("user")).identities.change_address(ada.user, to="third@example.org")

    clock.advance(LATER)

    ask(engine, ada, "another@example.org")


def test_a_plugin_may_refuse_the_address(clock: SettableClock, inbox: Inbox) -> None:
    """What could not register is no address to change to."""

    class Policy:
        @hookimpl
        def before_register(self, request: admit.Registration) -> str | None:
            return "Not this one." if request.address == NEW else None

    with open_engine(clock=clock, inbox=inbox, plugins=[Policy()]) as engine:
        ada = engine.confirm_manually(engine.register(OLD, PASSWORD))
        with pytest.raises(Vetoed, match=r"Not this one\."):
            engine.identities.change_address(ada, to=NEW)
        assert opens(engine, OLD)
