"""Correct the address: a typing mistake at registration need not be the end of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

import admit
from admit import Actor, hookimpl
from admit.errors import (
    AddressTaken,
    FlowFailed,
    InvalidAddress,
    InvalidInput,
    NotAllowed,
    TokenSuperseded,
    TryLater,
    UserNotFound,
    Vetoed,
    WrongCredentials,
)
from admit.testing import Inbox, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


def test_the_message_goes_to_the_right_address_now(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given a user who mistyped her address,
    when it is corrected,
    then a message goes there, and its link confirms her and proves the new address.
    """
    ada = engine.register("ada@exmaple.com", PASSWORD)

    corrected = engine.correct_address(ada, to="Ada@example.com")

    assert ("pending", ada.id) == (corrected.state, corrected.id)
    assert "Ada@example.com" == inbox.last().to
    confirmed = engine.confirm(**inbox.last_link().credentials)
    assert confirmed.address is not None
    assert "ada@example.com" == confirmed.address.canonical
    assert confirmed.address.proved_at is not None


def test_the_log_in_moves_with_the_address(engine: admit.Engine, inbox: Inbox) -> None:
    """The new address is the login; the old one leads to nobody."""
    ada = engine.register("ada@exmaple.com", PASSWORD)
    engine.correct_address(ada, to="ada@example.com")
    engine.confirm(**inbox.last_link().credentials)

    engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username="ada@exmaple.com", password=PASSWORD)
    with pytest.raises(UserNotFound):
        engine.users.find("ada@exmaple.com")


def test_a_link_to_the_old_address_is_dead(engine: admit.Engine, inbox: Inbox) -> None:
    """Whoever owns the mistyped mailbox cannot confirm somebody else's account."""
    ada = engine.register("ada@exmaple.com", PASSWORD)
    stray = inbox.last_link().credentials

    engine.correct_address(ada, to="ada@example.com")

    with pytest.raises(TokenSuperseded):
        engine.confirm(**stray)


def test_it_is_dead_also_while_the_new_message_cannot_be_sent(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given a user whose address was corrected while the mail server refused,
    when the link to the old address is pressed,
    then it is dead; the address is corrected all the same.
    """
    ada = engine.register("ada@exmaple.com", PASSWORD)
    stray = inbox.last_link().credentials
    inbox.refuse_mail()

    with pytest.raises(FlowFailed):
        engine.correct_address(ada, to="ada@example.com")

    assert ada.id == engine.users.find("ada@example.com").id
    with pytest.raises(TokenSuperseded):
        engine.confirm(**stray)


def test_the_old_address_is_free(engine: admit.Engine) -> None:
    """Somebody whose address it is may register."""
    ada = engine.register("grace@example.com", PASSWORD)
    engine.correct_address(ada, to="ada@example.com")

    assert "pending" == engine.register("grace@example.com", PASSWORD).state


def test_a_taken_address_is_refused(engine: admit.Engine) -> None:
    """Nothing is written."""
    engine.register("ada@example.com", PASSWORD)
    grace = engine.register("grace@exmaple.com", PASSWORD)

    with pytest.raises(AddressTaken):
        engine.correct_address(grace, to="ADA@example.com")

    assert grace == engine.users.get(grace.id)


def test_what_is_no_address_is_refused(engine: admit.Engine) -> None:
    """The field is named."""
    ada = engine.register("ada@exmaple.com", PASSWORD)

    with pytest.raises(InvalidAddress, match="^to:"):
        engine.correct_address(ada, to="ada@example")


def test_who_asks_for_herself_shows_her_password(engine: admit.Engine) -> None:
    """
    Given a user who acts for herself,
    when she corrects her address without her password, or with a wrong one, she is refused;
    with the right one she is served.
    """
    ada = engine.register("ada@exmaple.com", PASSWORD)
    herself = engine.acting(Actor("user", ada.id))

    with pytest.raises(InvalidInput, match="password"):
        herself.correct_address(ada, to="ada@example.com")
    with pytest.raises(WrongCredentials):
        herself.correct_address(ada, to="ada@example.com", password="wrong")

    corrected = herself.correct_address(ada, to="ada@example.com", password=PASSWORD)
    assert corrected.address is not None
    assert "ada@example.com" == corrected.address.typed


def test_a_confirmed_users_address_is_not_corrected(engine: admit.Engine) -> None:
    """Changing a confirmed address needs proof of the new one: another verb."""
    ada = engine.create("ada@example.com", PASSWORD)

    with pytest.raises(NotAllowed) as refused:
        engine.correct_address(ada, to="grace@example.com")

    assert "confirmed" == refused.value.state


def test_both_addresses_stand_in_the_erasable_detail(engine: admit.Engine) -> None:
    """The event itself names nobody."""
    ada = engine.register("ada@exmaple.com", PASSWORD)
    engine.correct_address(ada, to="ada@example.com")

    [event] = [e for e in engine.users.timeline(ada) if e.trigger == "correct-address"]

    assert {"from": "ada@exmaple.com", "to": "ada@example.com"} == event.detail
    assert {} == event.codes


def test_a_typo_can_be_corrected_at_once_but_not_again_and_again(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """
    Given a user who was sent a message to a mistyped address a moment ago,
    when she corrects it, she is served at once: it goes to another address;
    when she corrects it again within the cool-down, she is told how long to wait.
    """
    ada = engine.register("ada@exmaple.com", PASSWORD)
    herself = engine.acting(Actor("user", ada.id))
    herself.correct_address(ada, to="ada@example.org", password=PASSWORD)
    clock.advance(timedelta(seconds=20))

    with pytest.raises(TryLater) as later:
        herself.correct_address(ada, to="ada@example.com", password=PASSWORD)

    assert timedelta(seconds=40) == later.value.after
    clock.advance(later.value.after)
    herself.correct_address(ada, to="ada@example.com", password=PASSWORD)


def test_a_stranger_with_the_password_corrects_a_typo_at_once(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """Also one who mistypes it twice: each message goes to another address."""
    public = engine.acting(Actor("user")).public
    public.register("ada@exmaple.com", PASSWORD)
    public.correct_address(address="ada@exmaple.com", password=PASSWORD, to="ada@example.con")
    public.correct_address(address="ada@example.con", password=PASSWORD, to="ada@example.com")

    engine.work_once()

    assert ["ada@example.com"] == [message.to for message in inbox.messages]


class NotFromThere:
    """A plugin that lets nobody register with some domain."""

    def __init__(self) -> None:
        self.asked: list[admit.Registration] = []

    @hookimpl
    def before_register(self, request: admit.Registration) -> str | None:
        self.asked.append(request)
        return "Not from there." if (request.address or "").endswith("@there.example") else None


def test_a_correction_is_no_way_past_who_may_register() -> None:
    """
    Given a plugin that refuses registrations from some domain,
    when somebody registers from elsewhere and corrects the address to that domain,
    then it is refused through both faces, and the address stays.
    """
    plugin = NotFromThere()
    with open_engine(plugins=[plugin]) as engine:
        ada = engine.register("ada@example.com", PASSWORD)

        with pytest.raises(Vetoed, match="Not from there"):
            engine.correct_address(ada, to="ada@there.example")
        with pytest.raises(Vetoed, match="Not from there"):
            engine.public.correct_address(user=ada, password=PASSWORD, to="ada@there.example")

        assert ada == engine.users.get(ada.id)
    asked = plugin.asked[-1]
    assert ("local-userpass", "ada@there.example") == (asked.provider, asked.login)
