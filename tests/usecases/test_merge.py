"""Merge: two users become one, by a plan that is made first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from merged import OTHER, PASSWORD, merged, names, person
from told_providers import ToldProviders, told

import admit
from admit import User
from admit.errors import (
    LastIdentity,
    NotAllowed,
    SessionInvalid,
    TokenUnknown,
    UserNotFound,
    WrongCredentials,
)
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine


@pytest.fixture
def plugin() -> ToldProviders:
    return ToldProviders()


@pytest.fixture
def engine(
    store: MemoryStore, clock: SettableClock, inbox: Inbox, plugin: ToldProviders
) -> Iterator[admit.Engine]:
    """An engine with the providers `told`, `other` and `nobody`, in the flow `email`."""
    with open_engine(store, clock=clock, inbox=inbox, plugins=[plugin]) as opened:
        yield opened


# --- the plan ----------------------------------------------------------------------------------


def test_a_plan_says_what_moves_what_is_dropped_and_what_collides(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given two users with a password each, of whom one has an identity more and began anonymously,
    when a merge is planned,
    then the plan has it all, and nothing was changed.
    """
    ada = person(engine, "ada@example.com")
    old = engine.log_in("nobody").user
    engine.identities.link(old, "told", **told("ada", "proved@example.com", True))
    engine.identities.add_login(old, "old@example.com", OTHER)
    old = engine.identities.confirm_address(**inbox.last_link().credentials)

    plan = engine.identities.plan_merge(ada, old)

    assert [("told", "ada")] == names(plan.moves)
    assert [("nobody", "nobody-1"), ("local-userpass", "old@example.com")] == names(plan.drops)
    [collision] = plan.collisions
    assert ("ada@example.com", "old@example.com") == (
        collision.stays.login_key,
        collision.goes.login_key,
    )
    assert ["ada@example.com", "proved@example.com", "old@example.com"] == [
        address.typed for address in plan.addresses
    ]
    assert () == plan.drops_addresses
    assert old == engine.users.get(old.id)


def test_an_address_that_was_never_proved_goes_with_its_login(engine: admit.Engine) -> None:
    """Where the login moves, it moves with it."""
    ada, old = person(engine, "ada@example.com"), person(engine, "old@example.com", OTHER)
    desk = engine.log_in("told", **told("ada")).user

    assert ["old@example.com"] == [
        a.typed for a in engine.identities.plan_merge(ada, old).drops_addresses
    ]
    assert ["old@example.com"] == [
        a.typed for a in engine.identities.plan_merge(desk, old).addresses
    ]


# --- the merge ---------------------------------------------------------------------------------


def test_two_users_become_one_in_one_commit(engine: admit.Engine, store: MemoryStore) -> None:
    """
    Given two users with fresh log-ins,
    when one is merged into the other,
    then a single commit has moved the identities and ended the one, with an event on each chain.
    """
    into = engine.log_in("told", **told("ada"))
    absorbed = engine.log_in("other", **told("countess"))
    changes: list[admit.stores.Change] = []
    store.before_commit = changes.append

    user = merged(engine, into, absorbed)

    store.before_commit = None
    assert 1 == len(changes)
    assert [("told", "ada"), ("other", "countess")] == names(user.identities)
    assert {"merge", "absorb"} == {event.body["trigger"] for event in changes[0].events}
    assert {"absorbed": absorbed.user.id, "moved": "other"} == event_of(engine, user, "merge").codes
    assert {"by": user.id, "cause": "merge"} == event_of(engine, absorbed.user, "absorb").codes
    assert () == engine.events.verify().problems


def event_of(engine: admit.Engine, user: User, trigger: str) -> admit.Event:
    return next(e for e in engine.users.timeline(user) if e.trigger == trigger)


def test_h3_several_addresses_that_a_merge_proves_for_the_first_time_all_stay(
    engine: admit.Engine,
) -> None:
    """
    Given a user with two addresses that were never proved,
    when it absorbs one who proved both,
    then the survivor has both, proved, as the plan said; and the password that somebody may have
    chosen is gone.
    """
    engine.settings.set("confirmation_flow", "auto")
    into = engine.log_in("told", **told("ada", "ada@example.com")).user
    engine.register("countess@example.com", PASSWORD)
    engine.identities.link(
        into, "local-userpass", username="countess@example.com", password=PASSWORD
    )
    absorbed = engine.log_in("told", **told("byron", "ada@example.com", True)).user
    engine.identities.link(absorbed, "other", **told("byron", "countess@example.com", True))

    plan = engine.identities.plan_merge(into, absorbed)
    ada = engine.identities.merge(into, absorbed, plan=plan)

    assert {address.typed for address in plan.addresses} == {
        address.typed for address in ada.addresses if address.proved_at is not None
    }
    assert len(ada.addresses) == 2
    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username="countess@example.com", password=PASSWORD)


def test_the_old_id_leads_to_the_survivor(engine: admit.Engine) -> None:
    """Look-ups, verbs and the log-in with what moved; its history stays under the old id."""
    into, absorbed = engine.log_in("told", **told("ada")), engine.log_in("other", **told("old"))

    user = merged(engine, into, absorbed)

    assert user == engine.users.get(absorbed.user.id)
    assert user == engine.users.find_login("other", "old")
    assert user.id == engine.disable(absorbed.user.id).id
    engine.enable(user)
    assert user.id == engine.log_in("other", **told("old")).user.id
    assert ["create", "log-in", "absorb"] == [
        event.trigger for event in engine.users.timeline(absorbed.user.id)
    ]
    assert (1, 1) == (engine.users.count(), engine.users.count("deleted"))


def test_an_id_absorbed_before_leads_to_the_last_survivor(engine: admit.Engine) -> None:
    """
    Given a chain of merges, longer than a look-up follows,
    when the first id of all is asked for,
    then it leads to the last survivor, and so do all between.
    """
    users = [engine.log_in("told", **told(f"ada-{number}")).user for number in range(8)]

    for absorbed, into in zip(users, users[1:], strict=False):
        engine.identities.merge(into, absorbed)

    assert {users[-1].id} == {engine.users.get(user.id).id for user in users}
    assert () == engine.events.verify().problems


def test_when_the_survivor_is_deleted_the_old_ids_lead_to_nobody(engine: admit.Engine) -> None:
    """Nobody is found by either."""
    ada, old = (engine.log_in("told", **told(who)).user for who in ("ada", "old"))
    engine.identities.merge(ada, old)

    engine.delete(ada)

    with pytest.raises(UserNotFound):
        engine.users.get(old.id)


def test_sessions_of_both_end_but_the_callers(engine: admit.Engine) -> None:
    """Credentials never follow: whoever is in the absorbed account's session is out (design §4)."""
    into, absorbed = engine.log_in("told", **told("ada")), engine.log_in("other", **told("old"))
    elsewhere = engine.log_in("told", **told("ada"))

    user = merged(engine, into, absorbed)

    assert user.id == engine.verify(into.access_token).user_id
    for ended in (absorbed, elsewhere):
        with pytest.raises(SessionInvalid):
            engine.verify(ended.access_token)
        with pytest.raises(SessionInvalid):
            engine.refresh(ended.refresh_token)
    engine.work_once()
    assert [into.session.id] == [session.id for session in engine.sessions.of(user)]


def test_t4_links_of_the_absorbed_user_are_dead(engine: admit.Engine, inbox: Inbox) -> None:
    """A reset that was mailed to it sets nobody's password; its password moved and stays."""
    ada, old = engine.log_in("told", **told("ada")).user, person(engine, "old@example.com", OTHER)
    engine.reset(old)
    link = inbox.last_link("old@example.com")

    engine.identities.merge(ada, old)

    with pytest.raises(TokenUnknown):
        engine.set_password(**link.credentials, password="a third horse and battery")
    login = engine.log_in("local-userpass", username="old@example.com", password=OTHER)
    assert ada.id == login.user.id


def test_api_keys_of_the_absorbed_user_are_dead(engine: admit.Engine) -> None:
    """Credentials never follow; the survivor's own keys go on."""
    engine.settings.set("api-key.enabled", True)
    ada, old = (engine.log_in("told", **told(who)).user for who in ("ada", "old"))
    kept = engine.api_keys.create(ada, name="of-ada").text
    gone = engine.api_keys.create(old, name="of-the-old").text

    engine.identities.merge(ada, old)
    engine.work_once()

    assert ada.id == engine.log_in("api-key", key=kept).user.id
    with pytest.raises(WrongCredentials):
        engine.log_in("api-key", key=gone)
    assert ["of-ada"] == [key.name for key in engine.api_keys.of(ada)]


def test_a_server_keys_user_has_no_identities_to_change(engine: admit.Engine) -> None:
    """It is its key's: nothing is linked to it, added, unlinked or merged."""
    engine.settings.set("api-key.enabled", True)
    server = engine.api_keys.create_server_key(name="worker").key.user
    ada = engine.log_in("told", **told("ada")).user

    with pytest.raises(NotAllowed, match="a server's cannot link"):
        engine.identities.link(server, "other", **told("ada"))
    with pytest.raises(NotAllowed, match="a server's cannot link"):
        engine.identities.add_login(server, "server@example.com", PASSWORD)
    with pytest.raises(NotAllowed, match="a server's cannot change-address"):
        engine.identities.change_address(server, to="server@example.com")
    with pytest.raises(NotAllowed, match="a server's cannot merge"):
        engine.identities.merge(ada, server)
    with pytest.raises(LastIdentity):
        engine.identities.unlink(server, provider="api-key")


def test_the_login_that_collides_opens_nothing_any_more(engine: admit.Engine) -> None:
    """Its address is free, and its password opens no account."""
    ada, old = person(engine, "ada@example.com"), person(engine, "old@example.com", OTHER)

    engine.identities.merge(ada, old)

    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username="old@example.com", password=OTHER)
    assert "pending" == engine.register("old@example.com", PASSWORD).state
    assert {"absorbed": old.id, "dropped": "local-userpass"} == event_of(engine, ada, "merge").codes


def test_both_owners_are_told(engine: admit.Engine, inbox: Inbox) -> None:
    """Whoever had the account that is no more hears of it at its address."""
    ada = engine.log_in("told", **told("ada", "ada@example.com", True)).user
    old = engine.log_in("other", **told("old", "old@example.com", True)).user

    engine.identities.merge(ada, old)
    engine.work_once()

    assert ["ada@example.com", "old@example.com"] == sorted(m.to for m in inbox.messages)
    assert all("merged with another one" in message.text for message in inbox.messages)


def test_what_the_absorbed_user_did_is_not_erased_elsewhere(
    store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a plugin with an erase step,
    when a user is absorbed,
    then the step is not called – the person is still there –, and the details of its past are gone.
    """
    erased: list[User] = []

    class Elsewhere(ToldProviders):
        @admit.hookimpl
        def register_erase_steps(self) -> dict[str, Callable[[User], None]]:
            return {"elsewhere": erased.append}

    with open_engine(store, clock=clock, plugins=[Elsewhere()]) as engine:
        ada, old = (engine.log_in("told", **told(who)).user for who in ("ada", "old"))
        engine.identities.merge(ada, old)
        engine.work_once()

        assert [] == erased
        assert {None} == {event.detail for event in engine.users.timeline(old.id)}
