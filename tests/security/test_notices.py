"""T8, T9 and H4: what tells an owner of her account reaches her, whoever has her session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from told_providers import open_told, told

from admit import Engine, LogIn, User
from admit.errors import DeliveryFailed
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.transports import Message

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[Engine]:
    """An engine with providers that believe what they are told."""
    with open_told(store, clock, inbox) as opened:
        yield opened


@pytest.fixture
def stolen(engine: Engine, inbox: Inbox) -> LogIn:
    """A session of Ada that a thief has got; her address is proved, her mailbox empty."""
    engine.register(ADDRESS, PASSWORD)
    engine.confirm(**inbox.last_link().credentials)
    inbox.messages.clear()
    return engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)


def link(engine: Engine, login: LogIn, who: str = "thief") -> User:
    return engine.public.identities.link(login.access_token, "told", **told(who))


def unlink(engine: Engine, login: LogIn, who: str = "thief") -> User:
    return engine.public.identities.unlink(
        access_token=login.access_token, provider="told", identity=f"id-of-{who}"
    )


def said(inbox: Inbox, words: str) -> int:
    """In how many messages to Ada these words stand."""
    return sum(words in message.text for message in inbox.to(ADDRESS))


def work(engine: Engine) -> None:
    while engine.work_once():
        pass


def test_t8_nobody_flushes_the_notice_of_what_he_did(
    engine: Engine, stolen: LogIn, inbox: Inbox
) -> None:
    """
    Given a thief who asked for another address, and whose notice waits in the queue,
    when he does so much else that more runs are made than are kept,
    then the owner is told of the first thing, too.
    """
    engine.public.identities.change_address(access_token=stolen.access_token, to="x@example.org")
    for number in range(4):
        link(engine, stolen, f"thief-{number}")
        unlink(engine, stolen, f"thief-{number}")

    work(engine)

    assert 1 == said(inbox, "another e-mail address")


def test_t8_nobody_flushes_a_reset_that_the_owner_asked_for(
    engine: Engine, stolen: LogIn, inbox: Inbox
) -> None:
    """Given a reset in the queue, when a thief does much, then it is sent and works."""
    engine.public.reset(address=ADDRESS)
    for number in range(4):
        link(engine, stolen, f"thief-{number}")
        unlink(engine, stolen, f"thief-{number}")

    work(engine)

    reset = next(m for m in inbox.to(ADDRESS) if "password" in m.subject)
    inbox.messages[:] = [reset]
    engine.set_password(**inbox.last_link().credentials, password="another one entirely")


def test_t8_equal_notices_that_wait_are_one(
    engine: Engine, stolen: LogIn, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given an outage of the mail, and one of the worker,
    when the same things are done again and again meanwhile,
    then the document keeps one notice of each, and one is sent of each when the mail is back.
    """
    inbox.refuse_mail(temporary=True)
    for number in range(10):
        link(engine, stolen, f"thief-{number}")
        unlink(engine, stolen, f"thief-{number}")
        if number < 5:
            work(engine)

    waiting = [r for r in engine.users.get(stolen.user.id).runs if r.result is None]
    assert ["identity-linked", "identity-unlinked"] == sorted(run.reason for run in waiting)
    inbox.accept_mail()
    clock.advance(timedelta(minutes=1))
    work(engine)
    assert (1, 1) == (said(inbox, "was added"), said(inbox, "was removed"))


def test_e2_whoever_does_much_sends_no_flood_of_notices(
    engine: Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given an account with an address that nobody proved, and a worker who works all the time,
    when its user links and unlinks again and again,
    then its owner gets one mail of each within a cool-down, and one more after it.
    """
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    inbox.messages.clear()
    login = engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    for number in range(10):
        link(engine, login, f"thief-{number}")
        work(engine)
        unlink(engine, login, f"thief-{number}")
        work(engine)

    assert (1, 1) == (said(inbox, "was added"), said(inbox, "was removed"))
    clock.advance(timedelta(minutes=1))
    work(engine)
    assert (2, 2) == (said(inbox, "was added"), said(inbox, "was removed"))


def test_e2_without_a_cool_down_each_notice_goes_out_at_once(
    engine: Engine, stolen: LogIn, inbox: Inbox
) -> None:
    """As any other message, where the setting says so."""
    engine.settings.set("cool_down", 0)
    for number in range(3):
        link(engine, stolen, f"thief-{number}")
        work(engine)

    assert 3 == said(inbox, "was added")


def test_t9_a_notice_that_was_deferred_goes_to_the_old_address_still(
    engine: Engine, stolen: LogIn, inbox: Inbox, clock: SettableClock
) -> None:
    """
    Given a change of address by a thief, whose notices to the old one are deferred,
    when the change is made, and the old mailbox takes mail again,
    then its owner gets them, and the new address none.
    """

    def defer(message: Message) -> None:
        if message.to == ADDRESS:
            raise DeliveryFailed("451 later", temporary=True)

    inbox.before_mail(defer)
    mine = engine.public.identities
    mine.change_address(access_token=stolen.access_token, to="x@example.org")
    work(engine)
    link = inbox.last_link("x@example.org").credentials
    mine.confirm_address(access_token=stolen.access_token, **link)
    work(engine)
    inbox.before_mail(None)
    inbox.messages.clear()
    clock.advance(timedelta(minutes=1))
    work(engine)

    assert [ADDRESS, ADDRESS] == [message.to for message in inbox.messages]
    assert (1, 1) == (said(inbox, "another e-mail address"), said(inbox, "was changed"))


def test_t9_a_reset_to_an_address_that_went_goes_to_nobody(engine: Engine, inbox: Inbox) -> None:
    """
    Given a reset in the queue,
    when a merge leaves its user another login with another address,
    then the message is cancelled: the other one did not ask for it.
    """
    ada = engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    old = engine.confirm_manually(engine.register("old@example.com", PASSWORD))
    inbox.messages.clear()
    engine.public.reset(address=ADDRESS)
    engine.identities.merge(ada, old, adjust=lambda plan: plan.taking(plan.collisions[0].goes))

    work(engine)

    reset = next(run for run in engine.users.get(ada.id).runs if run.purpose == "reset")
    assert ("cancelled", ADDRESS) == (reset.result, reset.typed)
    assert "cancelled" in [event.trigger for event in engine.users.timeline(ada)]
    assert ["About your account"] == list({message.subject for message in inbox.messages})
