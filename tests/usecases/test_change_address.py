"""Change the address of a confirmed user, or add one as a login: proved before it is trusted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from races import edit, meanwhile, records
from told_flow import ToldFlow
from told_providers import open_told, told

import admit
from admit import Actor, LogIn, User, hookimpl
from admit.errors import (
    AddressTaken,
    AlreadyLinked,
    CodeWrong,
    FlowFailed,
    InvalidAddress,
    InvalidInput,
    NotAllowed,
    NotConfigured,
    PasswordRefused,
    SessionInvalid,
    TokenExpired,
    TokenMalformed,
    TokenSuperseded,
    TokenUnknown,
    TryLater,
    UserNotFound,
    Vetoed,
    WrongCredentials,
)
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
OLD, NEW = "ada@example.com", "Ada@example.org"


class Crash(BaseException):
    """The process ends here."""


LATER = timedelta(minutes=2)
"""Longer than the cool-down between two messages, shorter than a log-in stays fresh."""


@pytest.fixture(params=["reserve", "first-proof"])
def engine(
    request: pytest.FixtureRequest, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> Iterator[admit.Engine]:
    """An engine under either address policy, with the providers `told`, `other` and `nobody`."""
    with open_told(store, clock, inbox, address_policy=request.param) as opened:
        yield opened


def log_in(engine: admit.Engine, address: str, password: str = PASSWORD) -> LogIn:
    return engine.log_in("local-userpass", username=address, password=password)


def opens(engine: admit.Engine, address: str, password: str = PASSWORD) -> bool:
    try:
        log_in(engine, address, password)
    except WrongCredentials:
        return False
    return True


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> LogIn:
    """A log-in of Ada, whose address is proved."""
    engine.register(OLD, PASSWORD)
    engine.confirm(**inbox.last_link().credentials)
    return log_in(engine, OLD)


def ask(engine: admit.Engine, login: LogIn, to: str = NEW) -> None:
    engine.public.identities.change_address(access_token=login.access_token, to=to)
    engine.work_once()


def press(engine: admit.Engine, login: LogIn, **how: str) -> User:
    return engine.public.identities.confirm_address(access_token=login.access_token, **how)


# --- by the user -----------------------------------------------------------------------------


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


def to(inbox: Inbox, address: str) -> str:
    """The text of the newest message to an address."""
    return next(message.text for message in reversed(inbox.messages) if message.to == address)


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


# --- an address that is somebody's -------------------------------------------------------------


def test_e1_the_caller_does_not_learn_that_it_is_somebodys(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, store: MemoryStore
) -> None:
    """
    Given an address that a confirmed user logs in with, and one of nobody,
    when each is asked for,
    then answer, own messages and commits are alike; the owner gets a notice, without a link.
    """
    engine.confirm_manually(engine.register("Grace@example.com", PASSWORD))
    mine = engine.public.identities
    shapes = []
    for to_address in ("grace@example.com", "nobody@example.com"):
        engine.settings.set("cool_down", "0s")
        changes: list[admit.stores.Change] = []
        store.before_commit = changes.append
        receipt = mine.change_address(access_token=ada.access_token, to=to_address)
        store.before_commit = None
        inbox.messages.clear()
        engine.work_once()
        shapes.append(
            (
                receipt,
                [(len(c.put), len(c.events)) for c in changes],
                [m.text for m in inbox.messages if m.to == OLD],
            )
        )
        assert 2 == len(inbox.messages)

        if to_address.startswith("grace"):
            assert "you already have an account" in to(inbox, "Grace@example.com")
            assert "token=" not in to(inbox, "Grace@example.com")

    assert shapes[0] == shapes[1]


def test_the_application_is_told_that_it_is_somebodys(engine: admit.Engine, ada: LogIn) -> None:
    """The trusted face tells the truth."""
    engine.confirm_manually(engine.register("grace@example.com", PASSWORD))

    with pytest.raises(AddressTaken) as caught:
        engine.identities.change_address(ada.user, to="grace@example.com")

    assert "confirmed" == caught.value.holder_state


def test_who_proves_an_address_takes_it_from_who_only_waits_with_it(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """
    Given a squatter who registered the address and never proved it, under either policy,
    when the user proves it by a change,
    then it is hers, and the squatter is gone.
    """
    squatter = engine.register(NEW, "the squatter's own password")
    ask(engine, ada)

    user = press(engine, ada, **inbox.last_link(NEW).credentials)
    engine.work_once()

    assert user.id == engine.users.find(NEW).id
    assert user.id == log_in(engine, NEW).user.id
    with pytest.raises(UserNotFound):
        engine.users.get(squatter.id)


def test_who_was_confirmed_with_it_meanwhile_keeps_it(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, store: MemoryStore
) -> None:
    """
    Given a change that is about to be committed,
    when another user becomes confirmed with that address just before,
    then the change is refused; each is whom she was.
    """
    ask(engine, ada)
    change = inbox.last_link(NEW).credentials
    grace = engine.register(NEW, "a password of grace's")
    confirmation = inbox.last_link(NEW).credentials
    meanwhile(store, lambda: engine.confirm(**confirmation))

    with pytest.raises(AddressTaken):
        press(engine, ada, **change)

    assert grace.id == engine.users.find(NEW).id
    assert opens(engine, OLD)


def test_an_answer_of_two_presses_at_once_is_the_same(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, store: MemoryStore
) -> None:
    """The second finds that the first made the change."""
    ask(engine, ada)
    how = inbox.last_link(NEW).credentials
    meanwhile(store, lambda: press(engine, ada, **how))

    user = press(engine, ada, **how)

    assert [NEW] == [address.typed for address in user.addresses]
    assert 1 == sum(e.trigger == "address-changed" for e in engine.users.timeline(user))


# --- by the application and by admins ----------------------------------------------------------


def test_the_trusted_form_sends_the_message_at_once(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """And its token makes the change, whoever pressed; or the user and the code."""
    engine.identities.change_address(ada.user, to="first@example.org")
    engine.identities.confirm_address(**inbox.last_link("first@example.org").credentials)
    engine.identities.change_address(ada.user, to="second@example.org")
    code = inbox.last_code("second@example.org")

    user = engine.identities.confirm_address(ada.user, code=code)

    assert ["second@example.org"] == [address.typed for address in user.addresses]


def test_a_message_that_is_not_sent_changes_nothing(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """The caller of the trusted form hears of it; the user is as she was."""
    inbox.refuse_mail()

    with pytest.raises(FlowFailed):
        engine.identities.change_address(ada.user, to=NEW)

    assert opens(engine, OLD)


def test_an_admin_changes_it_at_once_without_proof(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """
    Given a user who has lost her mailbox,
    when an admin changes her address,
    then it is her login and not proved, all sessions have ended, and the old one is told.
    """
    ask(engine, ada, "asked-for@example.org")
    pending = inbox.last_link("asked-for@example.org").credentials

    user = engine.acting(Actor("admin", "grace"), "ticket 7").identities.change_address_manually(
        ada.user, to=NEW
    )
    engine.work_once()

    assert [(NEW, None)] == [(a.typed, a.proved_at) for a in user.addresses]
    assert "the address was never proved" in engine.why(user).sentence
    with pytest.raises(SessionInvalid):
        engine.verify(ada.access_token)
    assert (False, True) == (opens(engine, OLD), opens(engine, NEW))
    assert "address of your account was changed" in to(inbox, OLD)
    changed = next(e for e in engine.users.timeline(user) if e.trigger == "address-changed")
    assert ("admin", {"cause": "admin"}) == (changed.actor.kind, changed.codes)
    with pytest.raises(TokenSuperseded):
        engine.identities.confirm_address(**pending)


def test_h3_what_an_admin_changes_to_a_proved_address_stays_proved(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """
    Given a user with a further address that her provider vouched for, and an identity,
    when an admin makes that address her login, then it is as proved as it was,
    so that a reset of hers drops nothing as if nobody had been heard of before.
    """
    engine.identities.link(ada.user, "told", **told("ada", NEW, True))

    user = engine.identities.change_address_manually(ada.user, to=NEW)

    assert [(NEW, "told")] == [(a.typed, a.proved_by) for a in user.addresses]
    while engine.work_once():
        pass
    engine.reset(user)
    user = engine.set_password(password="another long phrase", **inbox.last_link(NEW).credentials)
    assert ["local-userpass", "told"] == [identity.provider for identity in user.identities]


def test_an_admin_takes_no_address_from_anybody(engine: admit.Engine, ada: LogIn) -> None:
    """Without proof, also who waits with it keeps it – where waiting holds the address."""
    engine.confirm_manually(engine.register("grace@example.com", PASSWORD))
    engine.register("waits@example.com", PASSWORD)

    with pytest.raises(AddressTaken):
        engine.identities.change_address_manually(ada.user, to="grace@example.com")
    if engine.settings.get("address_policy") == "reserve":
        with pytest.raises(AddressTaken):
            engine.identities.change_address_manually(ada.user, to="waits@example.com")

    assert opens(engine, OLD)


@pytest.mark.parametrize(
    "verb",
    [
        lambda engine, user: engine.identities.change_address(user, to=NEW),
        lambda engine, user: engine.identities.change_address_manually(user, to=NEW),
        lambda engine, user: engine.identities.add_login(user, NEW, PASSWORD),
    ],
    ids=["change", "by-hand", "add-login"],
)
def test_a_pending_user_is_corrected_instead(
    engine: admit.Engine, verb: Callable[[admit.Engine, User], object]
) -> None:
    """`correct_address` is for her; nothing was changed."""
    pending = engine.register("pending@example.com", PASSWORD)

    with pytest.raises(NotAllowed, match="A user that is pending cannot"):
        verb(engine, pending)

    assert pending == engine.users.get(pending.id)


def test_a_deleted_user_has_no_address_to_change(
    engine: admit.Engine, ada: LogIn, inbox: Inbox
) -> None:
    """Its token is unknown (T4)."""
    ask(engine, ada)
    change = inbox.last_link(NEW).credentials
    engine.delete(ada.user)

    with pytest.raises(TokenUnknown):
        engine.identities.confirm_address(**change)


def test_without_a_flow_that_could_send_it_nothing_is_written(clock: SettableClock) -> None:
    """The settings that are missing are named; an admin can change it all the same."""
    with admit.open(
        MemoryStore(),
        key=[b"k" * 32],
        clock=clock,
        settings={**admit.testing.CHEAP_HASHING, "confirmation_flow": "auto"},
    ) as engine:
        ada = engine.register(OLD, PASSWORD)

        with pytest.raises(NotConfigured):
            engine.identities.change_address(ada, to=NEW)

        assert ada == engine.users.get(ada.id)
        assert NEW == engine.identities.change_address_manually(ada, to=NEW).addresses[0].typed


def test_a_flow_that_proves_nothing_changes_it_unproved(
    clock: SettableClock, told: ToldFlow
) -> None:
    """
    Given a reset flow whose token proves no address,
    when it is pressed,
    then the address is changed and not proved; and it takes nothing from who waits with it.
    """
    settings = {"reset_flow": "told", "confirmation_flow": "auto"}
    with open_engine(clock=clock, plugins=[told], settings=settings) as engine:
        ada = engine.register(OLD, PASSWORD)
        engine.identities.change_address(ada, to=NEW)
        assert (NEW, "change-address") == (told.entries[-1].username, told.entries[-1].purpose)

        user = engine.identities.confirm_address(**told.link)

        assert [(NEW, None)] == [(a.typed, a.proved_at) for a in user.addresses]
        engine.settings.set("confirmation_flow", "told")
        engine.register("waits@example.com", PASSWORD)
        engine.identities.change_address(ada, to="waits@example.com")
        with pytest.raises(AddressTaken):
            engine.identities.confirm_address(**told.link)


# --- a login that is added -----------------------------------------------------------------------


def add(engine: admit.Engine, login: LogIn, address: str = NEW, password: str = PASSWORD) -> None:
    engine.public.identities.add_login(
        access_token=login.access_token, login=address, password=password
    )
    engine.work_once()


def test_a_login_is_added_by_its_proof(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given an anonymous user who registers an address on her account,
    when its link is pressed in her session,
    then she logs in with it, keeps her id, and her other sessions have ended: her first proof (H2).
    """
    login = engine.log_in("nobody")
    add(engine, login)
    assert not opens(engine, NEW)

    user = press(engine, login, **inbox.last_link(NEW).credentials)

    assert (login.user.id, ["nobody", "local-userpass"]) == (
        user.id,
        [identity.provider for identity in user.identities],
    )
    assert login.user.id == log_in(engine, NEW).user.id
    assert login.user.id == engine.verify(login.access_token).user_id
    assert [True] == [address.proved_at is not None for address in user.addresses]
    linked = next(e for e in engine.users.timeline(user) if e.trigger == "link")
    assert {"provider": "local-userpass", "cause": "token", "flow": "email"} == linked.codes


def test_an_address_that_is_proved_is_added_at_once(engine: admit.Engine, inbox: Inbox) -> None:
    """Its provider vouched for it: no message is needed."""
    login = engine.log_in("told", **told("ada", OLD, True))

    add(engine, login, OLD)

    assert login.user.id == log_in(engine, OLD).user.id


def test_what_the_run_would_add_goes_with_the_run(
    engine: admit.Engine, inbox: Inbox, store: MemoryStore
) -> None:
    """The password's hash stands in the user's record only while the token is good."""
    login = engine.log_in("nobody")
    add(engine, login)
    [run] = [r for r in engine.users.get(login.user.id).runs if r.purpose == "change-address"]
    assert run.adds is not None
    assert "hash" in run.adds.private
    assert run.adds.private["hash"] not in repr(engine.users.get(login.user.id))

    user = press(engine, login, **inbox.last_link(NEW).credentials)

    assert [None] == [r.adds for r in user.runs if r.purpose == "change-address"]
    record = store.get("user", user.id)
    assert record is not None
    assert 1 == str(record.body).count("$argon2id$")


def test_one_login_with_a_password_is_all(engine: admit.Engine, ada: LogIn) -> None:
    """Who has one changes its address."""
    with pytest.raises(AlreadyLinked):
        add(engine, ada)
    with pytest.raises(AlreadyLinked):
        engine.identities.add_login(ada.user, NEW, PASSWORD)


def test_a_login_linked_meanwhile_wins(engine: admit.Engine, inbox: Inbox) -> None:
    """The press of the other says that there is one."""
    login = engine.log_in("nobody")
    add(engine, login)
    change = inbox.last_link(NEW).credentials
    engine.confirm_manually(engine.register(OLD, PASSWORD))
    run_id = change["token_id"]
    user = engine.identities.link(login.user, "local-userpass", username=OLD, password=PASSWORD)

    assert "cancelled" == next(run.result for run in user.runs if run.id == run_id)
    with pytest.raises(TokenSuperseded):
        press(engine, login, **change)


def test_a_password_that_the_policy_refuses_is_refused(engine: admit.Engine) -> None:
    """Before anything is written."""
    login = engine.log_in("nobody")

    with pytest.raises(PasswordRefused):
        add(engine, login, password="password")

    assert () == engine.users.get(login.user.id).runs


def test_e1_somebody_elses_login_is_not_told(engine: admit.Engine, inbox: Inbox) -> None:
    """The caller gets the same receipt, the owner a notice; the application is told."""
    grace = engine.confirm_manually(engine.register("Grace@example.com", PASSWORD))
    login = engine.log_in("nobody")
    inbox.messages.clear()

    add(engine, login, "grace@example.com", "a password of the caller's")

    assert ["Grace@example.com"] == [message.to for message in inbox.messages]
    assert "you already have an account" in inbox.last().text
    assert grace.id == log_in(engine, "grace@example.com").user.id
    with pytest.raises(AddressTaken):
        engine.identities.add_login(login.user, "grace@example.com", PASSWORD)


def test_a_login_that_came_some_other_way_makes_the_link_useless(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """Given a login that waits for its proof, when another one was imported meanwhile, then the
    press says that there is one."""
    login = engine.log_in("nobody")
    add(engine, login)
    record = store.get("user", login.user.id)
    assert record is not None
    more = {"provider": "local-userpass", "id": "1" * 24, "added_at": "2026-01-01T00:00:00.000Z"}
    edit(store, "user", record.id, identities=[*record.body["identities"], more])

    with pytest.raises(AlreadyLinked):
        press(engine, login, **inbox.last_link(NEW).credentials)


# --- what happens in between -------------------------------------------------------------------


def test_an_absorbed_users_change_is_dead(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, store: MemoryStore
) -> None:
    """Tokens never follow, also where the merge came just before the commit (T4)."""
    survivor = engine.log_in("told", **told("survivor")).user
    ask(engine, ada)
    change = inbox.last_link(NEW).credentials
    meanwhile(store, lambda: engine.identities.merge(survivor, ada.user))

    with pytest.raises(TokenUnknown):
        engine.identities.confirm_address(**change)
    with pytest.raises(TokenUnknown):
        engine.identities.confirm_address(**change)


def test_t4_a_code_that_died_in_this_moment_changes_nothing(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, store: MemoryStore
) -> None:
    """Given a right code, when a reset cancels the change just before the commit, then it is
    wrong."""
    ask(engine, ada)
    code = inbox.last_code(NEW)
    engine.reset(ada.user)
    reset = inbox.last_link(OLD).credentials
    meanwhile(store, lambda: engine.set_password(**reset, password="another good horse"))

    with pytest.raises(CodeWrong):
        engine.identities.confirm_address(ada.user, code=code)


def test_who_is_deleted_while_the_message_goes_out_is_not_found(
    clock: SettableClock, told: ToldFlow
) -> None:
    """The caller is not told that it worked."""
    settings = {"reset_flow": "told", "confirmation_flow": "auto"}
    with open_engine(clock=clock, plugins=[told], settings=settings) as engine:
        ada = engine.register(OLD, PASSWORD)

        def deleting(entry: admit.Entry) -> admit.Outcome:
            engine.delete(ada)
            return admit.Outcome.pending()

        told.act = deleting
        with pytest.raises(UserNotFound):
            engine.identities.change_address(ada, to=NEW)


def test_a_crash_while_the_message_goes_out_is_taken_up_by_a_worker(
    store: MemoryStore, clock: SettableClock, told: ToldFlow
) -> None:
    """
    Given a process that ended between the message and the commit of its answer,
    when a worker comes by after the lease,
    then a new message goes out, either link makes the change, and it is made once.
    """
    settings = {"reset_flow": "told", "confirmation_flow": "auto"}
    told.proves_address = True

    def crash(entry: admit.Entry) -> admit.Outcome:
        store.fail_next_commit(Crash())
        return admit.Outcome.pending()

    engine = open_engine(store, clock=clock, plugins=[told], settings=settings)
    ada = engine.register(OLD, PASSWORD)
    told.act = crash
    with pytest.raises(Crash):
        engine.identities.change_address(ada, to=NEW)
    first = told.link
    told.act = lambda entry: admit.Outcome.pending()
    clock.advance(timedelta(seconds=60))

    with open_engine(store, clock=clock, plugins=[told], settings=settings) as again:
        again.work_once()
        assert [(NEW, 1), (NEW, 2)] == [
            (e.username, e.attempt) for e in told.entries if e.purpose == "change-address"
        ]
        user = again.identities.confirm_address(**first)
        assert [NEW] == [address.typed for address in user.addresses]
        with pytest.raises(TokenUnknown):
            again.identities.confirm_address(token_id=first["token_id"], token="0" * 128)


@pytest.mark.parametrize("before", ["reject", "address-changed"])
def test_a_crash_between_the_squatters_end_and_the_change_leaves_the_link_good(
    engine: admit.Engine, ada: LogIn, inbox: Inbox, store: MemoryStore, before: str
) -> None:
    """
    Given a press that takes an address from who only waits with it, in two commits,
    when the process ends before either,
    then pressing again makes the change.
    """
    engine.register(NEW, "the squatter's own password")
    ask(engine, ada)
    how = inbox.last_link(NEW).credentials

    def crash() -> None:
        raise Crash

    meanwhile(store, crash, before=records(before))
    try:
        press(engine, ada, **how)
        crashed = False
    except Crash:
        crashed = True
    store.before_commit = None

    user = press(engine, ada, **how)

    assert crashed or before == "reject"  # under `first-proof` the worker rejects, later
    assert [NEW] == [address.typed for address in user.addresses]
    assert () == engine.events.verify().problems
