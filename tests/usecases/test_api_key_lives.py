"""How an API key lives and dies, and who may do what with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from races import meanwhile, records

import admit
from admit import ApiKey, NewApiKey, User, care
from admit.errors import (
    ApiKeyNotFound,
    FreshLogInNeeded,
    SessionInvalid,
    UserDisabled,
    WrongCredentials,
)
from admit.stores import Change, Put
from admit.testing import KEY, Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def engine(
    store: MemoryStore, admit_clock: SettableClock, admit_inbox: Inbox
) -> Iterator[admit.Engine]:
    """An engine whose users may log in with keys."""
    settings = {"api-key.enabled": True}
    opened = open_engine(store, settings=settings, clock=admit_clock, inbox=admit_inbox)
    with opened as engine:
        yield engine


@pytest.fixture
def ada(engine: admit.Engine, admit_inbox: Inbox) -> User:
    """A user who proved her address."""
    engine.register("ada@example.com", PASSWORD)
    return engine.confirm(**admit_inbox.last_link().credentials)


def log_in(engine: admit.Engine, new: NewApiKey) -> admit.LogIn:
    return engine.log_in("api-key", key=new.text.reveal())


def test_a_disabled_key_opens_nothing_until_it_is_enabled(engine: admit.Engine, ada: User) -> None:
    """
    Given a session that a key opened,
    when the key is disabled, then it and the session are dead at once; enabled, it logs in again.
    """
    new = engine.api_keys.create(ada, name="backup")
    login = log_in(engine, new)
    other = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    assert engine.api_keys.disable(new.key.id).disabled
    assert engine.api_keys.disable(new.key.id).disabled

    with pytest.raises(WrongCredentials):
        log_in(engine, new)
    with pytest.raises(SessionInvalid):
        engine.verify(login.access_token)
    assert ada.id == engine.verify(other.access_token).user_id
    assert not engine.api_keys.enable(new.key.id).disabled
    assert ada.id == log_in(engine, new).user.id


@pytest.mark.parametrize("server", [False, True])
def test_a_deleted_key_is_gone_with_its_sessions(
    engine: admit.Engine, ada: User, server: bool
) -> None:
    """Of a server key, its user too."""
    new = (
        engine.api_keys.create_server_key(name="backup")
        if server
        else engine.api_keys.create(ada, name="backup")
    )
    login = log_in(engine, new)

    engine.api_keys.delete(new.key.id)

    with pytest.raises(WrongCredentials):
        log_in(engine, new)
    with pytest.raises(SessionInvalid):
        engine.verify(login.access_token)
    with pytest.raises(ApiKeyNotFound):
        engine.api_keys.get(new.key.id)
    with pytest.raises(ApiKeyNotFound):
        engine.api_keys.delete(new.key.id)
    assert (2 if server else 1) - 1 == engine.users.count("deleted")


def test_a_key_of_somebody_else_is_not_there(engine: admit.Engine, ada: User) -> None:
    """
    Given a front door that names who asks,
    when it is asked for another user's key, or a server's, then there is none.
    """
    grace = engine.create("grace@example.com")
    mine = engine.api_keys.create(ada, name="backup").key
    servers = engine.api_keys.create_server_key(name="nightly").key

    for key, who in ((mine, grace), (servers, servers.user)):
        for call in (engine.api_keys.get, engine.api_keys.disable, engine.api_keys.delete):
            with pytest.raises(ApiKeyNotFound):
                call(key.id, user=who)

    assert mine == engine.api_keys.get(mine.id, user=ada)


def test_a_key_dies_at_its_hour_and_its_session_with_it(
    engine: admit.Engine, ada: User, admit_clock: SettableClock
) -> None:
    """
    Given a key for an hour,
    when the hour is over, then neither key nor refresh token opens anything.
    """
    new = engine.api_keys.create(ada, name="visit", lifetime=timedelta(hours=1))
    login = log_in(engine, new)
    assert new.key.expires_at == login.session.expires_at

    admit_clock.advance(timedelta(hours=1))

    with pytest.raises(WrongCredentials):
        log_in(engine, new)
    with pytest.raises(SessionInvalid):
        engine.refresh(login.refresh_token)


def test_when_a_key_was_used_is_known_to_a_quarter_of_an_hour(
    engine: admit.Engine, ada: User, admit_clock: SettableClock, store: MemoryStore
) -> None:
    """A key in use does not write its record each time."""
    new = engine.api_keys.create(ada, name="backup")
    versions, times = [], []

    for _ in range(4):
        admit_clock.advance(timedelta(minutes=10))
        log_in(engine, new)
        key = engine.api_keys.get(new.key.id)
        versions.append(key.version)
        times.append(key.last_used_at)

    assert [2, 2, 3, 3] == versions
    assert times[0] == times[1]
    assert times[2] == times[3] == times[0] + timedelta(minutes=20) if times[0] else False


def test_a_disabled_user_is_told_and_her_keys_work_again_when_she_is_enabled(
    engine: admit.Engine, ada: User
) -> None:
    """The key is right, so what is in the way is said."""
    new = engine.api_keys.create(ada, name="backup")
    engine.disable(ada)

    with pytest.raises(UserDisabled):
        log_in(engine, new)
    with pytest.raises(WrongCredentials):
        engine.api_keys.verify(new.text)

    engine.enable(ada)
    assert ada.id == log_in(engine, new).user.id


def test_keys_outlive_an_ordinary_end_of_all_sessions(engine: admit.Engine, ada: User) -> None:
    """Who logs out everywhere, or changes her password, does not want her backups to stop."""
    new = engine.api_keys.create(ada, name="backup")

    engine.log_out_all(ada)
    engine.change_password(ada, current=PASSWORD, new="another password altogether")

    assert ada.id == log_in(engine, new).user.id


def test_h2_a_key_dies_when_its_owner_is_first_heard_of(
    engine: admit.Engine, admit_inbox: Inbox
) -> None:
    """
    Given somebody made a key on a user whose address was never proved,
    when the owner of the mailbox presses a link, then key and sessions are dead and not listed, and
    their names and places are free.
    """
    user = engine.register("ada@example.com", PASSWORD)
    link = admit_inbox.last_link()
    engine.confirm_manually(user)
    engine.settings.set("api_keys_a_user", 1)
    hidden = engine.api_keys.create(user, name="backup")
    login = log_in(engine, hidden)

    engine.confirm(**link.credentials)

    with pytest.raises(WrongCredentials):
        log_in(engine, hidden)
    with pytest.raises(SessionInvalid):
        engine.verify(login.access_token)
    assert () == engine.api_keys.of(user)
    assert user.id == log_in(engine, engine.api_keys.create(user, name="backup")).user.id


def test_h2_a_key_dies_when_the_password_is_reset(
    engine: admit.Engine, ada: User, admit_inbox: Inbox
) -> None:
    """Whoever forgot it may have lost it to somebody who made a key."""
    new = engine.api_keys.create(ada, name="backup")

    engine.reset(ada)
    engine.set_password(password="another password", **admit_inbox.last_link().credentials)

    with pytest.raises(WrongCredentials):
        log_in(engine, new)


def test_a_deleted_user_leaves_no_key(engine: admit.Engine, ada: User, store: MemoryStore) -> None:
    """Dead at once, and erased by the worker; her names are no secret, but hers."""
    new = engine.api_keys.create(ada, name="backup")

    engine.delete(ada)
    with pytest.raises(WrongCredentials):
        log_in(engine, new)
    engine.work_once()

    assert store.get("api-key", new.key.id) is None
    assert 0 == store.count("api-key", f"keys-of/{ada.id}")


def test_o6_a_key_is_no_fresh_log_in(engine: admit.Engine, ada: User) -> None:
    """
    Given a program that has just logged in with a user's key,
    when it does what a thief must not, then a log-in of hers is asked for, at any hour.
    """
    by_key = log_in(engine, engine.api_keys.create(ada, name="backup"))
    by_hand = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    with pytest.raises(FreshLogInNeeded):
        engine.sessions.verify_fresh(by_key.access_token)
    assert ada.id == engine.sessions.verify_fresh(by_hand.access_token).user_id


def test_a_user_keeps_her_keys_herself(
    engine: admit.Engine, ada: User, admit_clock: SettableClock
) -> None:
    """
    Given a user who is logged in,
    when she makes a key, switches it off and on, and deletes it, then each needs her token, and
    what opens a door a fresh log-in; nobody else's key is there for her.
    """
    grace = engine.create("grace@example.com")
    others = engine.api_keys.create(grace, name="backup").key
    token = engine.log_in(
        "local-userpass", username="ada@example.com", password=PASSWORD
    ).access_token
    mine = engine.public.api_keys

    key = mine.create(access_token=token, name="backup").key
    assert (key,) == mine.of(token)
    with pytest.raises(ApiKeyNotFound):
        mine.delete(others.id, access_token=token)

    admit_clock.advance(timedelta(minutes=6))
    assert mine.disable(key.id, access_token=token).disabled
    with pytest.raises(FreshLogInNeeded):
        mine.enable(key.id, access_token=token)
    with pytest.raises(FreshLogInNeeded):
        mine.create(access_token=token, name="another")
    mine.delete(key.id, access_token=token)
    assert () == mine.of(token)
    engine.log_out_all(ada)
    with pytest.raises(SessionInvalid):
        mine.of(token)


def test_a_key_does_not_make_another(engine: admit.Engine, ada: User) -> None:
    """Who stole one must not have two."""
    login = log_in(engine, engine.api_keys.create(ada, name="backup"))

    with pytest.raises(FreshLogInNeeded):
        engine.public.api_keys.create(access_token=login.access_token, name="another")


def test_h2_a_session_that_ends_makes_no_key(engine: admit.Engine, store: MemoryStore) -> None:
    """
    Given a session that ends between the look at it and the key,
    when a key is asked for, then none is made.
    """
    user = engine.create("ada@example.com", PASSWORD)
    engine.settings.set("must_change_is_enforced", False)
    login = engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)

    meanwhile(store, lambda: engine.log_out_all(user), before=records("api-key-created"))
    with pytest.raises(SessionInvalid):
        engine.public.api_keys.create(access_token=login.access_token, name="backup")

    assert () == engine.api_keys.of(user)


def test_a_scope_is_asked_for_where_a_key_is_taken(engine: admit.Engine, ada: User) -> None:
    """
    Given a key for reading orders,
    when an application takes keys on each request, then it learns whose it is, and is told no for
    another scope.
    """
    new = engine.api_keys.create(ada, name="report", scopes=["orders:read", "orders:read"])

    key = engine.api_keys.verify(new.text, scope="orders:read")

    assert (ada.id, ("orders:read",)) == (key.user, key.scopes)
    assert key == engine.api_keys.verify(new.text.reveal())
    with pytest.raises(WrongCredentials):
        engine.api_keys.verify(new.text, scope="orders:write")


@pytest.mark.parametrize("change", ["first", "last", "id", "short", "other-kind"])
def test_nearly_a_key_is_none(engine: admit.Engine, ada: User, change: str) -> None:
    """One digit decides."""
    text = engine.api_keys.create(ada, name="backup").text.reveal()
    other = engine.api_keys.create(ada, name="other").text.reveal()
    wrong = {
        "first": f"b{text[1:]}",
        "last": text[:-1] + ("0" if text[-1] != "0" else "1"),
        "id": other[: 9 + 24] + text[9 + 24 :],
        "short": text[:-1],
        "other-kind": text.replace("admit_uk_", "admit_sk_"),
    }[change]

    for call in (
        lambda: engine.log_in("api-key", key=wrong),
        lambda: engine.api_keys.verify(wrong),
    ):
        with pytest.raises(WrongCredentials):
            call()


def test_what_is_done_to_keys_is_in_the_trail(engine: admit.Engine, ada: User) -> None:
    """
    Given an admin who helps a user with a key,
    when her events are read, then each step stands there with the key's id, and who did it.
    """
    helper = engine.acting(admit.Actor("admin", "support-7"), "she asked")
    key = helper.api_keys.create(ada, name="backup").key
    helper.api_keys.disable(key.id)
    helper.api_keys.enable(key.id)
    helper.api_keys.delete(key.id)

    trail = [event for event in engine.users.timeline(ada) if event.trigger.startswith("api-key")]

    assert ["created", "disabled", "enabled", "deleted"] == [
        event.trigger.removeprefix("api-key-") for event in trail
    ]
    assert {(key.id, "support-7")} == {(event.codes["api_key"], event.actor.id) for event in trail}
    assert () == engine.events.verify().problems


def test_a_key_that_is_read_again_is_the_same(engine: admit.Engine, ada: User) -> None:
    """Each part comes back from the store as it was put."""
    lifetime = timedelta(days=30)
    new = engine.api_keys.create(ada, name="backup", scopes=["a", "b"], lifetime=lifetime)

    again = engine.api_keys.get(new.key.id)

    assert isinstance(again, ApiKey)
    assert new.key == again


def test_a_store_with_keys_in_it_is_sound(
    engine: admit.Engine, ada: User, store: MemoryStore, admit_clock: SettableClock
) -> None:
    """
    Given keys of every kind in a store,
    when it is checked, then each is found where its body says;
    and when one is not, that is found.
    """
    engine.api_keys.create(ada, name="backup", scopes=["a"], lifetime=timedelta(days=1))
    key = engine.api_keys.create_server_key(name="nightly").key
    engine.api_keys.disable(key.id)
    keys = care.keys_of(store, KEY)
    assert [] == list(care.check(store, keys, clock=admit_clock))

    record = store.get("api-key", key.id)
    assert record is not None
    put = Put("api-key", key.id, record.body, record.version, record.keys[:1], record.labels)
    store.commit(Change(put=(put,)))

    found = list(care.check(store, keys, clock=admit_clock))
    assert found
    assert all(f"api-key {key.id}" in finding.where for finding in found)
