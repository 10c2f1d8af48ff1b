"""An address that somebody else has or waits with: who gets it, and what the caller learns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from changed_addresses import NEW, OLD, PASSWORD, ask, log_in, opens, press, to
from races import meanwhile
from told_providers import open_told

import admit
from admit import LogIn
from admit.errors import AddressTaken, UserNotFound
from admit.testing import Inbox, MemoryStore, SettableClock


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
