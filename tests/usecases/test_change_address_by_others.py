"""Change the address of a user as the application, or by an admin: with and without proof."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from changed_addresses import NEW, OLD, PASSWORD, ask, log_in, opens, to
from told_flow import ToldFlow
from told_providers import open_told, told

import admit
from admit import Actor, LogIn, User
from admit.errors import (
    AddressTaken,
    FlowFailed,
    NotAllowed,
    NotConfigured,
    SessionInvalid,
    TokenSuperseded,
    TokenUnknown,
)
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine


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
