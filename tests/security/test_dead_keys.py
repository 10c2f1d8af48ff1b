"""S3, H2: what ends API keys, and what they opened, ends all of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from ada import log_in as by_hand
from ada import made
from races import edit

import admit
from admit import LogIn, NewApiKey, User
from admit.clock import to_text
from admit.errors import Leaving, ProviderDisabled, SessionInvalid, WrongCredentials
from admit.stores import Change, Put
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine

MANY = 250


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock) -> Iterator[admit.Engine]:
    """An engine whose users may have many keys, and a grace."""
    settings = {
        "api-key.enabled": True,
        "api_keys_a_user": MANY,
        "deletion_grace": timedelta(days=7),
    }
    with open_engine(store, settings=settings, clock=clock) as opened:
        yield opened


@pytest.fixture
def ada(engine: admit.Engine) -> User:
    """A confirmed user."""
    return made(engine)


def log_in(engine: admit.Engine, new: NewApiKey) -> LogIn:
    """A program's log-in."""
    return engine.log_in("api-key", key=new.text)


def test_s3_not_one_of_many_keys_outlives_the_leaving(
    engine: admit.Engine, ada: User, store: MemoryStore
) -> None:
    """
    Given a user with more keys than one page of the store holds,
    when she is deleted with a grace, and restored,
    then none of them opens anything, neither meanwhile nor after, and none is kept.
    """
    keys = [engine.api_keys.create(ada, name=f"key-{n}") for n in range(MANY)]

    engine.delete(ada)
    assert 0 == store.count("api-key", f"keys-of/{ada.id}")
    engine.restore(ada)

    for new in (keys[0], keys[-1]):
        with pytest.raises(WrongCredentials):
            log_in(engine, new)


def test_s3_a_key_that_was_missed_by_the_leaving_is_dead(
    engine: admit.Engine, ada: User, store: MemoryStore
) -> None:
    """
    Given a key whose record is put back by another writer after its user was blocked,
    when she is restored, then it opens nothing: it is of an earlier time of hers.
    """
    new = engine.api_keys.create(ada, name="backup")
    record = store.get("api-key", new.key.id)
    assert record is not None
    engine.delete(ada)
    engine.restore(ada)

    store.commit(Change(put=(Put("api-key", record.id, record.body, None),)))

    with pytest.raises(WrongCredentials):
        log_in(engine, new)
    with pytest.raises(WrongCredentials):
        engine.api_keys.verify(new.text)


@pytest.mark.parametrize("end", ["delete", "disable"])
def test_s3_a_crash_leaves_no_session_of_a_key_that_ended(
    engine: admit.Engine, ada: User, store: MemoryStore, end: str
) -> None:
    """
    Given a session that a key opened,
    when the process dies right after the commit that deletes or disables the key,
    then the session is as dead as the key; others of hers go on.
    """
    new = engine.api_keys.create(ada, name="backup")
    theirs, hers = log_in(engine, new), by_hand(engine)
    committed: list[Change] = []

    def die_after_the_first(change: Change) -> None:
        if committed:
            raise KeyboardInterrupt
        committed.append(change)

    store.before_commit = die_after_the_first
    with suppress(KeyboardInterrupt):
        getattr(engine.api_keys, end)(new.key.id)
    store.before_commit = None

    with pytest.raises(SessionInvalid):
        engine.verify(theirs.access_token)
    with pytest.raises(SessionInvalid):
        engine.refresh(theirs.refresh_token)
    assert ada.id == engine.verify(hers.access_token).user_id


@pytest.mark.parametrize("end", ["delete", "disable"])
def test_s3_a_session_that_outlived_its_key_is_not_refreshed(
    engine: admit.Engine, ada: User, store: MemoryStore, end: str
) -> None:
    """
    Given a session that was written after those of its key were looked for, by a process that died,
    when it is refreshed, then it ends.
    """
    new = engine.api_keys.create(ada, name="backup")
    login = log_in(engine, new)
    record = store.get("session", login.session.id)
    assert record is not None
    getattr(engine.api_keys, end)(new.key.id)
    put = Put("session", record.id, record.body, None, record.keys, record.labels)
    store.commit(Change(put=(put,)))

    with pytest.raises(SessionInvalid):
        engine.refresh(login.refresh_token)

    assert store.get("session", login.session.id) is None


def test_s3_a_key_is_taken_nowhere_while_keys_are_switched_off(
    engine: admit.Engine, ada: User
) -> None:
    """
    Given an admin who switches the provider `api-key` off,
    when an application verifies a key, then it is told what a log-in is told.
    """
    new = engine.api_keys.create(ada, name="backup")
    engine.settings.set("api-key.enabled", False)

    with pytest.raises(ProviderDisabled):
        log_in(engine, new)
    with pytest.raises(ProviderDisabled):
        engine.api_keys.verify(new.text)


def test_s3_a_live_key_is_not_verified_while_its_user_leaves(
    engine: admit.Engine, ada: User, store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a user in her grace, of whom a live key is kept all the same,
    when an application verifies it, then it is turned away, as at a log-in.
    """
    new = engine.api_keys.create(ada, name="backup")
    edit(store, "user", ada.id, delete_at=to_text(clock.now() + timedelta(days=7)))

    with pytest.raises(Leaving):
        log_in(engine, new)
    with pytest.raises(WrongCredentials):
        engine.api_keys.verify(new.text)
