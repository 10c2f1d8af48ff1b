"""Delete: a tombstone stays, and the address is free."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import admit
from admit import Actor, Client, User, hookimpl
from admit.errors import SessionInvalid, UserNotFound, Vetoed, WrongCredentials
from admit.stores import Change, Label, Put
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> User:
    """A confirmed user."""
    engine.register("ada@example.com", PASSWORD)
    return engine.confirm(**inbox.last_link().credentials)


def log_in(engine: admit.Engine) -> admit.LogIn:
    return engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_a_deleted_user_is_not_found_any_more(engine: admit.Engine, ada: User) -> None:
    """By id, by address, by login, in no list but that of the deleted."""
    engine.delete(ada)

    with pytest.raises(UserNotFound):
        engine.users.get(ada.id)
    with pytest.raises(UserNotFound):
        engine.users.find("ada@example.com")
    with pytest.raises(WrongCredentials):
        log_in(engine)
    assert (0, 1) == (engine.users.count("all"), engine.users.count("deleted"))


def test_the_tombstone_has_no_person_in_it(engine: admit.Engine, ada: User) -> None:
    """Id, times and version: no address, no identity, no run."""
    engine.delete(ada)

    [tombstone] = engine.users.page("deleted").items

    assert (ada.id, "deleted") == (tombstone.id, tombstone.state)
    assert ((), (), ()) == (tombstone.addresses, tombstone.identities, tombstone.runs)
    assert tombstone.version > ada.version


def test_sessions_end_at_once(engine: admit.Engine, ada: User) -> None:
    """At the very next request, before any worker has come by."""
    session = log_in(engine)

    engine.delete(ada)

    with pytest.raises(SessionInvalid):
        engine.verify(session.access_token)
    with pytest.raises(SessionInvalid):
        engine.refresh(session.refresh_token)


def test_keys_and_custom_data_are_gone_at_once(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """In the commit of the deletion, before any worker has come by."""
    label = Label(f"keys-of/{ada.id}", "1")
    store.commit(Change(put=(Put("api-key", "a" * 24, {}, None, (), (label,)),)))
    engine.custom_data.set(ada, {"plan": "gold"})

    engine.delete(ada)

    assert store.get("api-key", "a" * 24) is None
    assert store.get("custom-data", ada.id) is None


def test_the_address_is_free_at_once_and_inherits_nothing(engine: admit.Engine, ada: User) -> None:
    """
    Given a deleted user,
    when its address registers again,
    then that is somebody else, pending, with nothing proved.
    """
    session = log_in(engine)
    engine.delete(ada)

    again = engine.register("ada@example.com", PASSWORD)

    assert ada.id != again.id
    assert "pending" == again.state
    assert again.address is not None
    assert again.address.proved_at is None
    with pytest.raises(SessionInvalid):
        engine.verify(session.access_token)


def test_a_pending_user_can_be_deleted(engine: admit.Engine) -> None:
    """A registration that nobody wants goes the same way."""
    ada = engine.register("ada@example.com", PASSWORD)

    engine.delete(ada)

    assert 0 == engine.users.count("pending")


def test_deleting_twice_finds_nobody(engine: admit.Engine, ada: User) -> None:
    """The second time there is no one."""
    engine.delete(ada)

    with pytest.raises(UserNotFound):
        engine.delete(ada)


def test_a_plugin_may_say_no() -> None:
    """Then nothing was changed."""

    class Keeping:
        @hookimpl
        def before_delete(self, user: User) -> str | None:
            return "There is an open invoice."

    with open_engine(plugins=[Keeping()]) as engine:
        ada = engine.create("ada@example.com", PASSWORD)

        with pytest.raises(Vetoed, match="open invoice"):
            engine.delete(ada)

        assert ada == engine.users.get(ada.id)


def test_after_delete_sees_the_user_as_it_was() -> None:
    """So that an application can clean up behind it."""

    class Cleaning:
        deleted: list[User] = []

        @hookimpl
        def after_delete(self, user: User) -> None:
            self.deleted.append(user)

    cleaning = Cleaning()
    with open_engine(plugins=[cleaning]) as engine:
        ada = engine.create("ada@example.com", PASSWORD)
        engine.delete(ada)

    assert [ada] == cleaning.deleted


def test_the_worker_erases_what_was_left(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """
    Given a deleted user with sessions and a history,
    when a worker has come by,
    then no session record is left, and no event tells more than ids, times and codes.
    """
    log_in(engine)
    by_her = engine.acting(Actor("user", ada.id), client=Client(address="192.0.2.7"))
    by_her.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    engine.delete(ada)

    engine.work_once()

    assert 0 == store.count("session", f"sessions-of/{ada.id}")
    assert [None] == list({event.detail for event in engine.users.timeline(ada)})


def test_the_reason_of_a_deletion_stays(engine: admit.Engine, ada: User) -> None:
    """Why it was deleted is no secret about a person."""
    engine.acting(Actor("admin", "support"), "asked by letter").delete(ada)
    engine.work_once()

    last = engine.users.timeline(ada)[-1]

    assert ("delete", Actor("admin", "support")) == (last.trigger, last.actor)
    assert {"reason": "asked by letter"} == last.detail


def test_the_client_of_a_deletion_is_not_kept(engine: admit.Engine, ada: User) -> None:
    """
    Given a user who deletes her account from her own network address,
    when a worker has erased what was left,
    then that address is nowhere in her history.
    """
    client = Client(address="192.0.2.7", device="her phone")
    engine.acting(Actor("user", ada.id), client=client).delete(ada)
    engine.work_once()

    assert not [e.detail for e in engine.users.timeline(ada) if "192.0.2.7" in str(e.detail)]


class Elsewhere:
    """A plugin that keeps data of users, and erases it when it is told – if it can."""

    def __init__(self) -> None:
        self.erased: list[User] = []
        self.tries = 0
        self.is_broken = False

    @hookimpl
    def register_erase_steps(self) -> dict[str, Any]:
        return {"elsewhere": self.erase}

    def erase(self, user: User) -> None:
        self.tries += 1
        if self.is_broken:
            raise RuntimeError("the other database is away")
        self.erased.append(user)


def test_a_plugins_data_is_erased_by_the_worker_with_the_user_as_it_was() -> None:
    """Not on the caller's path; once, with all that is needed to find it."""
    elsewhere = Elsewhere()
    with open_engine(plugins=[elsewhere]) as engine:
        ada = engine.create("ada@example.com", PASSWORD)
        engine.delete(ada)
        assert [] == elsewhere.erased

        engine.work_once()
        engine.work_once()

        assert [ada.id] == [user.id for user in elsewhere.erased]
        assert ada.addresses == elsewhere.erased[0].addresses


def test_an_erase_step_that_fails_is_tried_again_but_not_at_once(clock: SettableClock) -> None:
    """
    Given an erase step that fails,
    when the worker comes by again at once, it leaves it alone – else it would turn in circles;
    when it comes by later, it tries again, until the step succeeds.
    """
    elsewhere = Elsewhere()
    with open_engine(plugins=[elsewhere], clock=clock) as engine:
        ada = engine.create("ada@example.com", PASSWORD)
        elsewhere.is_broken = True
        engine.delete(ada)
        engine.work_once()
        engine.work_once()
        assert 1 == elsewhere.tries

        elsewhere.is_broken = False
        clock.advance(timedelta(hours=1))
        engine.work_once()

        assert [ada.id] == [user.id for user in elsewhere.erased]


def test_a_long_history_is_erased_in_full(engine: admit.Engine, ada: User) -> None:
    """More events than one commit erases: the worker does the rest."""
    telling = engine.acting(Actor("admin"), "for the record")
    for _ in range(130):
        telling.disable(ada)
        telling.enable(ada)
    engine.delete(ada)

    engine.work_once()

    assert [None] == list({event.detail for event in engine.users.timeline(ada)})
