"""Users who still wait for an address that another one has proved: the sweep rejects them."""

from __future__ import annotations

import pytest

import admit
from admit.errors import AddressTaken
from admit.stores import Cursor, Page, Record
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ANOTHER = "the password of another one"


def _waits_and_is_overtaken(engine: admit.Engine, inbox: Inbox) -> tuple[admit.User, admit.User]:
    """Let one register under `first-proof`, and another, who confirms, under `reserve`."""
    engine.settings.set("address_policy", "first-proof")
    waiting = engine.register("ada@example.com", ANOTHER)
    engine.settings.set("address_policy", "reserve")
    holder = engine.register("ada@example.com", PASSWORD)
    engine.confirm(**inbox.last_link().credentials)
    return waiting, holder


def test_who_waits_from_another_policy_is_rejected_by_the_sweep(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given a user who waits since the time of `first-proof`, and another who registered and confirmed
    under `reserve`,
    when it is swept,
    then the one who waits is rejected, and said to be; the other one keeps the address.
    """
    waiting, holder = _waits_and_is_overtaken(engine, inbox)

    assert 1 == engine.sweep().losers

    assert "reject" == engine.users.timeline(waiting)[-1].trigger
    assert holder.id == engine.users.find("ada@example.com").id
    assert 0 == engine.sweep().losers


def test_a_press_before_the_sweep_is_refused_all_the_same(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """Given one who waits for an address that is confirmed by now, when the link is pressed before
    any sweep, then the address stays where it is and she is gone."""
    engine.settings.set("address_policy", "first-proof")
    engine.register("ada@example.com", ANOTHER)
    link = inbox.last_link().credentials
    engine.settings.set("address_policy", "reserve")
    holder = engine.register("ada@example.com", PASSWORD)
    engine.confirm(**inbox.last_link().credentials)

    with pytest.raises(AddressTaken) as taken:
        engine.confirm(**link)

    assert "confirmed" == taken.value.holder_state
    assert 1 == engine.users.count()
    assert holder.id == engine.users.find("ada@example.com").id


def test_who_waits_for_a_holder_that_is_pending_is_left(engine: admit.Engine) -> None:
    """Given one who waits, and a holder who has proved nothing either, when it is swept, then
    nobody is rejected."""
    engine.settings.set("address_policy", "first-proof")
    engine.register("ada@example.com", ANOTHER)
    engine.settings.set("address_policy", "reserve")
    engine.register("ada@example.com", PASSWORD)

    assert 0 == engine.sweep().losers

    assert 2 == engine.users.count("pending")


def test_who_registered_in_the_moment_of_a_confirmation_is_rejected_later(
    store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given `first-proof`, and one who registers after a confirmation looked for rivals and before it
    was committed,
    when it is swept,
    then he is rejected: her confirmation could not know of him.
    """
    with open_engine(store, clock=clock, inbox=inbox) as engine:
        engine.settings.set("address_policy", "first-proof")
        ada = engine.register("ada@example.com", PASSWORD)
        link = inbox.last_link().credentials

        def come_late(change: object) -> None:
            store.before_commit = None
            engine.register("ada@example.com", ANOTHER)

        store.before_commit = come_late
        engine.confirm(**link)
        assert 1 == engine.users.count("pending")

        assert 1 == engine.sweep().losers

        assert 0 == engine.users.count("pending")
        assert "confirmed" == engine.users.get(ada.id).state


def test_many_who_wait_rightly_hide_nobody_from_the_sweep(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """Given a hundred who wait for addresses that nobody holds, before one who lost his, when it is
    swept three times, then he is found: each sweep looks at the next ones."""
    engine.settings.set("cool_down", 0)
    engine.settings.set("address_policy", "first-proof")
    for number in range(100):
        engine.register(f"a{number:03}@example.com", ANOTHER)
    lost = engine.register("zoe@example.com", ANOTHER)
    engine.settings.set("address_policy", "reserve")
    engine.register("zoe@example.com", PASSWORD)
    engine.confirm(**inbox.last_link().credentials)

    assert [0, 0, 1] == [engine.sweep().losers for _ in range(3)]

    assert "reject" == engine.users.timeline(lost)[-1].trigger
    assert 100 == engine.users.count("pending")


class Counting(MemoryStore):
    """A store that counts its pages."""

    def __init__(self) -> None:
        super().__init__()
        self.pages = 0

    def page(
        self,
        kind: str,
        label: str,
        after: Cursor | None = None,
        limit: int = 50,
        reverse: bool = False,
    ) -> Page[Record]:
        self.pages += 1
        return super().page(kind, label, after, limit, reverse)


def test_who_holds_her_address_confirms_without_a_look_at_who_waits(inbox: Inbox) -> None:
    """Given `reserve`, when a user confirms, then no list is read: on a server that would be a
    journey more."""
    store = Counting()
    with open_engine(store, inbox=inbox) as engine:
        engine.register("ada@example.com", PASSWORD)
        before = store.pages

        engine.confirm(**inbox.last_link().credentials)

        assert before == store.pages
