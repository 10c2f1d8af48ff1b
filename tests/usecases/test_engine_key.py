"""The engine key: made with an empty store, asked for ever after, rotated."""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import admit
from admit import LogIn
from admit.errors import InvalidInput, SessionInvalid, WrongKey
from admit.testing import CHEAP_HASHING, Inbox, MemoryStore, SettableClock

PASSWORD = "correct horse battery staple"
OLD, NEW, OTHER = bytes(32), bytes([1]) * 32, bytes([2]) * 32
SETTINGS = {
    **CHEAP_HASHING,
    "transport": "inbox",
    "email.sender": "admit@example.com",
    "email.link_base": "https://app.example.com/confirm",
}


@pytest.fixture
def environment() -> Iterator[None]:
    """Takes back what a test adds to the environment."""
    yield
    os.environ.pop("ADMIT_KEY", None)


def opened(
    store: MemoryStore, key: bytes | str | list[bytes | str | admit.Secret], inbox: Inbox
) -> admit.Engine:
    return admit.open(
        store, key=key, settings=SETTINGS, plugins=[inbox], clock=SettableClock(), worker=False
    )


def log_in(engine: admit.Engine) -> LogIn:
    return engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)


def test_a_key_is_made_together_with_an_empty_store(json_path: Path) -> None:
    """Beside it, for its owner only, and of 32 random bytes."""
    admit.open(json_path).close()

    file = json_path.with_name("users.json.key")
    assert 0o600 == stat.S_IMODE(file.stat().st_mode)
    assert 32 == len(bytes.fromhex(file.read_text()))


def test_a_store_opens_again_with_the_key_beside_it(json_path: Path) -> None:
    """Nobody has to remember anything."""
    with admit.open(json_path, settings=CHEAP_HASHING) as engine:
        ada = engine.create("ada@example.com", PASSWORD)

    with admit.open(json_path) as engine:
        assert ada == engine.users.get(ada.id)


def test_a_lost_key_is_not_replaced_by_a_new_one(json_path: Path) -> None:
    """
    Given a store with users whose key file is gone,
    when it is opened,
    then that is an error that names the file, and no file is made.
    """
    with admit.open(json_path, settings=CHEAP_HASHING) as engine:
        engine.create("ada@example.com", PASSWORD)
    file = json_path.with_name("users.json.key")
    file.unlink()

    with pytest.raises(WrongKey, match=r"users\.json\.key"):
        admit.open(json_path)

    assert not file.exists()


def test_another_key_is_refused_and_says_where_it_came_from(json_path: Path) -> None:
    """Both ids are shown, no key."""
    admit.open(json_path, key=OLD).close()

    with pytest.raises(WrongKey) as wrong:
        admit.open(json_path, key=NEW)

    assert "key=" == wrong.value.source
    assert None is not wrong.value.expected != wrong.value.found
    assert NEW.hex() not in str(wrong.value)
    assert not json_path.with_name("users.json.key").exists()


@pytest.mark.usefixtures("environment")
def test_the_environment_is_stronger_than_the_file_and_weaker_than_the_code(
    json_path: Path,
) -> None:
    """key= < nothing else; ADMIT_KEY; then the file."""
    admit.open(json_path, key=OLD).close()
    os.environ["ADMIT_KEY"] = OLD.hex()
    admit.open(json_path).close()

    os.environ["ADMIT_KEY"] = NEW.hex()
    with pytest.raises(WrongKey, match="ADMIT_KEY"):
        admit.open(json_path)

    admit.open(json_path, key=OLD).close()


def test_a_store_without_a_place_for_a_file_needs_a_key(store: MemoryStore) -> None:
    """Nothing is made up."""
    with pytest.raises(WrongKey, match="ADMIT_KEY"):
        admit.open(store)


@pytest.mark.parametrize(
    "key",
    [OLD, OLD.hex(), base64.b64encode(OLD).decode(), base64.urlsafe_b64encode(OLD).decode()],
    ids=["bytes", "hex", "base64", "base64url"],
)
def test_a_key_may_be_written_in_four_ways(
    store: MemoryStore, inbox: Inbox, key: bytes | str
) -> None:
    """They are the same key."""
    opened(store, OLD, inbox)

    opened(store, key, inbox)


@pytest.mark.parametrize(
    "key", [b"", b"short", "ff" * 31, "not a key", "ff" * 33, "gg" * 32, "x"], ids=repr
)
def test_what_is_no_key_is_refused_without_being_quoted(
    store: MemoryStore, inbox: Inbox, key: bytes | str
) -> None:
    """The error says what one looks like, and how to make one."""
    with pytest.raises(InvalidInput, match="32 bytes") as refused:
        opened(store, key, inbox)

    assert "openssl rand -hex 32" in refused.value.next_step
    assert "not a key" not in str(refused.value)


@pytest.mark.parametrize("key", [[], 7, {"key": OLD}], ids=repr)
def test_what_is_no_list_of_keys_is_refused(store: MemoryStore, inbox: Inbox, key: object) -> None:
    """Rather than taken for "make one"."""
    with pytest.raises(InvalidInput, match="must be a key, or a list of keys"):
        opened(store, key, inbox)  # type: ignore[arg-type]  # the point


def test_rotation_keeps_everything_alive(store: MemoryStore, inbox: Inbox) -> None:
    """
    Given a session, a mail on its way, and a sealed trail, all made with the old key,
    when the engine is opened with the new key first and the old one after it,
    then all three are still good, and what is made from now on is of the new key.
    """
    before = opened(store, OLD, inbox)
    before.register("ada@example.com", PASSWORD)
    before.confirm(**inbox.last_link().credentials)
    session = log_in(before)
    before.register("grace@example.com", PASSWORD)
    before.work_once()

    rotated = opened(store, [NEW, OLD], inbox)

    rotated.verify(session.access_token)
    rotated.refresh(session.refresh_token)
    grace = rotated.confirm(address="grace@example.com", code=inbox.last_code())
    assert "confirmed" == grace.state
    rotated.work_once()
    assert () == rotated.events.verify().problems


def test_after_a_rotation_the_new_key_alone_is_enough_for_what_is_new(
    store: MemoryStore, inbox: Inbox
) -> None:
    """
    Given a store that was rotated to a new key,
    when it is opened with that alone,
    then new sessions are good, those of the old key are over, and the old key opens nothing.
    """
    old_engine = opened(store, OLD, inbox)
    old_engine.register("ada@example.com", PASSWORD)
    old_engine.confirm(**inbox.last_link().credentials)
    old_session = log_in(old_engine)
    new_session = log_in(opened(store, [NEW, OLD], inbox))

    engine = opened(store, NEW, inbox)

    engine.verify(new_session.access_token)
    with pytest.raises(SessionInvalid):
        engine.verify(old_session.access_token)
    with pytest.raises(WrongKey):
        opened(store, OLD, inbox)


def test_rotating_needs_the_key_of_before(store: MemoryStore, inbox: Inbox) -> None:
    """Two wrong keys are no better than one."""
    opened(store, OLD, inbox)

    with pytest.raises(WrongKey):
        opened(store, [NEW, OTHER], inbox)


def test_seals_of_a_key_that_is_not_given_are_named(store: MemoryStore, inbox: Inbox) -> None:
    """They may be right; it cannot be told."""
    opened(store, OLD, inbox).create("ada@example.com", PASSWORD)
    opened(store, OLD, inbox).work_once()
    opened(store, [NEW, OLD], inbox)

    [problem] = opened(store, NEW, inbox).events.verify().problems

    assert "which is not given" in problem


def test_no_key_is_made_for_reading(json_path: Path) -> None:
    """Opening for reading leaves no trace; a store that is there is read with its key."""
    with admit.open(json_path, settings=CHEAP_HASHING) as engine:
        ada = engine.create("ada@example.com", PASSWORD)
    file = json_path.with_name("users.json.key")
    key = file.read_text()
    file.unlink()
    with pytest.raises(WrongKey):
        admit.open(json_path, read_only=True)
    assert not file.exists()

    with admit.open(json_path, key=key, read_only=True) as engine:
        assert ada == engine.users.get(ada.id)
