"""Admin keys: made once, listed, switched off and on, deleted, and what they leave behind."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from races import edit, meanwhile, records

import admit
from admit import Actor, AdminKey, care
from admit.errors import (
    AdminKeyNameTaken,
    AdminKeyNotFound,
    InvalidInput,
    SessionInvalid,
    TryLater,
    WrongCredentials,
)
from admit.testing import KEY, MemoryStore, SettableClock

MARY = Actor("admin", "command-line")


def test_a_key_is_made_found_and_listed(engine: admit.Engine, clock: SettableClock) -> None:
    """
    Given two keys that were made one after the other,
    when they are listed, then the older one comes first, as it was made.
    """
    desk = engine.admin_keys.create("desk", scope="support").key
    clock.advance(timedelta(seconds=1))
    until = clock.now() + timedelta(days=90)
    boss = engine.admin_keys.create("boss", scope="owner", expires_at=until).key

    assert (desk, boss) == engine.admin_keys.all()
    assert desk == engine.admin_keys.get(desk.id)
    assert ("boss", "owner", until, None) == (
        boss.name,
        boss.scope,
        boss.expires_at,
        boss.last_used_at,
    )


def test_more_keys_than_a_page_are_all_listed(engine: admit.Engine) -> None:
    """A list is a list, however long."""
    for number in range(101):
        engine.admin_keys.create(f"key {number}", scope="viewer")

    assert 101 == len(engine.admin_keys.all())


def test_two_keys_have_two_names(engine: admit.Engine) -> None:
    """Else nobody could tell in the trail whose they are. A deleted key's name is free again."""
    first = engine.admin_keys.create("desk", scope="viewer").key

    with pytest.raises(AdminKeyNameTaken):
        engine.admin_keys.create("desk", scope="owner")

    engine.admin_keys.delete(first.id)
    engine.admin_keys.create("desk", scope="owner")


@pytest.mark.parametrize(
    ("name", "scope", "field"),
    [
        ("", "viewer", "name"),
        (" desk", "viewer", "name"),
        ("a" * 101, "viewer", "name"),
        ("de\x1bsk", "viewer", "name"),
        (7, "viewer", "name"),
        ("desk", "admin", "scope"),
        ("desk", None, "scope"),
    ],
)
def test_a_key_that_is_none_is_refused(
    engine: admit.Engine, name: str, scope: admit.records.AdminScope, field: str
) -> None:
    """The field is named, and no key is made."""
    with pytest.raises(InvalidInput) as refused:
        engine.admin_keys.create(name, scope=scope)

    assert field == refused.value.field
    assert () == engine.admin_keys.all()


@pytest.mark.parametrize("days", [0, -1, 4000])
def test_an_expiry_lies_in_the_next_ten_years(
    engine: admit.Engine, clock: SettableClock, days: int
) -> None:
    """One that has passed is a slip, and one far away is none."""
    with pytest.raises(InvalidInput, match="expires_at"):
        engine.admin_keys.create(
            "desk", scope="viewer", expires_at=clock.now() + timedelta(days=days)
        )


@pytest.mark.parametrize("bad", [datetime(2030, 1, 1), "2030-01-01", 90])  # noqa: DTZ001 - bad
def test_an_expiry_has_a_time_zone(engine: admit.Engine, bad: datetime) -> None:
    """Else it would be another instant on another machine."""
    with pytest.raises(InvalidInput, match="expires_at"):
        engine.admin_keys.create("desk", scope="viewer", expires_at=bad)


def test_a_key_that_is_not_there_is_not_found(engine: admit.Engine) -> None:
    """By whatever verb."""
    keys = engine.admin_keys
    for verb in (keys.get, keys.disable, keys.enable, keys.delete):
        with pytest.raises(AdminKeyNotFound):
            verb("1" * 24)
        with pytest.raises(InvalidInput, match="key_id"):
            verb("desk")


def test_disabling_twice_is_once(engine: admit.Engine) -> None:
    """The second changes and records nothing."""
    key = engine.admin_keys.create("desk", scope="viewer").key

    once = engine.admin_keys.disable(key.id)

    assert once == engine.admin_keys.disable(key.id)
    assert once.disabled
    assert not engine.admin_keys.enable(key.id).disabled
    assert ["admin-key-created", "admin-key-disabled", "admin-key-enabled"] == triggers(engine)


def test_each_change_is_recorded_with_its_actor(engine: admit.Engine) -> None:
    """
    Given an admin who says why,
    when keys are made and deleted, then the events name admin, key and reason.
    """
    acting = engine.acting(MARY, "for the new colleague")
    key = acting.admin_keys.create("desk", scope="support").key
    acting.admin_keys.delete(key.id)

    created, deleted = events(engine)
    assert ("admin-key-created", "admin-key-deleted") == (created.trigger, deleted.trigger)
    for event in (created, deleted):
        assert MARY == event.actor
        assert {"admin_key": key.id, "scope": "support"} == event.codes
        assert event.detail is not None
        assert ("desk", "for the new colleague") == (event.detail["name"], event.detail["reason"])


def test_a_log_in_and_its_end_are_recorded_as_the_keys_own(engine: admit.Engine) -> None:
    """Who acts with a key is that key."""
    new = engine.admin_keys.create("desk", scope="support")

    log_in = engine.admin_keys.log_in(new.key.id, new.private_key)
    engine.admin_keys.log_out(log_in.refresh_token)

    _, came, went = events(engine)
    assert ("admin-log-in", "admin-log-out") == (came.trigger, went.trigger)
    assert Actor("admin", new.key.id) == came.actor == went.actor
    assert {"admin_key": new.key.id, "session": log_in.session_id} == came.codes == went.codes


def test_a_key_that_is_used_is_seen_to_be(engine: admit.Engine, clock: SettableClock) -> None:
    """
    Given a key that logs in, and one that comes along itself,
    when a quarter of an hour has passed, then their next use is written, and not before.
    """
    desk = engine.admin_keys.create("desk", scope="viewer")
    script = engine.admin_keys.create("script", scope="viewer")
    first = clock.now()

    def use() -> list[datetime | None]:
        engine.admin_keys.log_in(desk.key.id, desk.private_key)
        engine.admin_keys.verify_key(script.private_key)
        return [key.last_used_at for key in engine.admin_keys.all()]

    assert [first, first] == use()
    clock.advance(timedelta(minutes=14))
    assert [first, first] == use()
    clock.advance(timedelta(minutes=1))
    assert [clock.now(), clock.now()] == use()


def test_a_script_that_never_logs_out_fills_nothing(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a key with as many sessions as one may have,
    when it logs in again, then the oldest ends.
    """
    new = engine.admin_keys.create("script", scope="viewer")
    log_ins = []
    for _ in range(101):
        log_ins.append(engine.admin_keys.log_in(new.key.id, new.private_key))
        clock.advance(timedelta(seconds=1))

    assert 100 == store.count("admin-session", f"admin-sessions-of/{new.key.id}")
    with pytest.raises(SessionInvalid):
        engine.admin_keys.refresh(log_ins[0].refresh_token)
    engine.admin_keys.refresh(log_ins[1].refresh_token)


def test_sessions_that_have_expired_are_swept(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """Nothing of them is left."""
    new = engine.admin_keys.create("script", scope="viewer")
    engine.admin_keys.log_in(new.key.id, new.private_key)
    clock.advance(timedelta(days=60))

    assert 1 == engine.sweep().sessions
    assert 0 == store.count("admin-session", "expiring")


def test_a_key_that_is_disabled_while_it_logs_in_opens_nothing(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """
    Given a key that was used a moment ago, so that a log-in does not write it,
    when it is disabled between what a log-in reads and commits,
    then the session that comes of it is dead – and stays so when the key is enabled again.
    """
    new = engine.admin_keys.create("desk", scope="owner")
    engine.admin_keys.log_in(new.key.id, new.private_key)
    meanwhile(store, lambda: engine.admin_keys.disable(new.key.id), before=records("admin-log-in"))

    log_in = engine.admin_keys.log_in(new.key.id, new.private_key)

    for _ in range(2):
        with pytest.raises(SessionInvalid):
            engine.admin_keys.verify(log_in.access_token)
        with pytest.raises(SessionInvalid):
            engine.admin_keys.refresh(log_in.refresh_token)
        engine.admin_keys.enable(new.key.id)


def test_two_who_change_a_key_at_once_both_count(engine: admit.Engine, store: MemoryStore) -> None:
    """The slower one reads again what the faster one made of it."""
    new = engine.admin_keys.create("desk", scope="owner")
    meanwhile(
        store,
        lambda: engine.admin_keys.log_in(new.key.id, new.private_key),
        before=records("admin-key-disabled"),
    )

    key = engine.admin_keys.disable(new.key.id)

    assert key == engine.admin_keys.get(new.key.id)
    assert key.last_used_at is not None


def test_a_key_that_always_moves_is_for_later(engine: admit.Engine, store: MemoryStore) -> None:
    """Five times is enough."""
    new = engine.admin_keys.create("desk", scope="owner")

    def again() -> None:
        meanwhile(store, move, before=lambda change: bool(change.events))

    def move() -> None:
        edit(store, "admin-key", new.key.id, name="desk")
        again()

    again()
    with pytest.raises(TryLater):
        engine.admin_keys.disable(new.key.id)
    with pytest.raises(TryLater):
        engine.admin_keys.log_in(new.key.id, new.private_key)


def test_a_use_that_cannot_be_noted_counts_all_the_same(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """When the key moved meanwhile, the next use notes it."""
    new = engine.admin_keys.create("script", scope="viewer")
    meanwhile(store, lambda: edit(store, "admin-key", new.key.id, name="script"))

    assert new.key.id == engine.admin_keys.verify_key(new.private_key).key.id
    assert engine.admin_keys.get(new.key.id).last_used_at is None


def test_keys_and_sessions_of_admins_are_checked_with_the_store(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a key and a session whose records somebody spoiled,
    when the store is checked, then both are named.
    """
    new = engine.admin_keys.create("desk", scope="owner")
    session_id = engine.admin_keys.log_in(new.key.id, new.private_key).session_id
    keys = care.keys_of(store, KEY)
    assert [] == list(care.check(store, keys, clock=clock))

    edit(store, "admin-key", new.key.id, scope="god")
    edit(store, "admin-session", session_id, expires_at="2040-01-01T00:00:00.000000Z")

    found = [(f.code, f.where) for f in care.check(store, keys, clock=clock)]
    assert [
        ("unreadable", f"admin-key {new.key.id}"),
        ("labels-differ", f"admin-session {session_id}"),
    ] == found


def test_a_scope_reaches_as_far_as_those_below() -> None:
    """An owner may what support may, and support what a viewer may; not the reverse."""
    may = {
        scope: [needed for needed in admit.records.ADMIN_SCOPES if key_of(scope).may(needed)]
        for scope in admit.records.ADMIN_SCOPES
    }

    assert {
        "viewer": ["viewer"],
        "support": ["viewer", "support"],
        "owner": ["viewer", "support", "owner"],
    } == may


def test_a_private_key_stands_for_its_key(engine: admit.Engine) -> None:
    """Without a session; a wrong one stands for none."""
    new = engine.admin_keys.create("script", scope="support")

    access = engine.admin_keys.verify_key(new.private_key, scope="support")

    assert (new.key.id, "support", None, None) == (
        access.key.id,
        access.scope,
        access.session_id,
        access.expires_at,
    )
    assert Actor("admin", new.key.id) == access.actor
    with pytest.raises(WrongCredentials):
        engine.admin_keys.verify_key("admit_ak_" + new.key.id + "0" * 64)


def key_of(scope: admit.records.AdminScope) -> AdminKey:
    return AdminKey(
        id=admit.records.AdminKeyId("1" * 24),
        name="desk",
        scope=scope,
        digest="",
        created_at=SettableClock().now(),
    )


def events(engine: admit.Engine) -> list[admit.Event]:
    found = engine.events.unsealed(limit=100)
    return [event for event in found if event.trigger.startswith("admin-")]


def triggers(engine: admit.Engine) -> list[str]:
    return [event.trigger for event in events(engine)]
