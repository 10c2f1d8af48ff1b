"""Opening an engine: on a path, a URL or a store; to work, or only to read."""

from __future__ import annotations

from pathlib import Path

import pytest

import admit
from admit.errors import InvalidInput, StoreReadOnly, UnknownName, UserNotFound, WrongKey
from admit.stores import Change, Remove
from admit.testing import KEY, MemoryStore

PASSWORD = "correct horse battery staple"


@pytest.mark.parametrize(
    ("where", "rule"),
    [
        ("", "is empty"),
        ("tinydb://", "is empty"),
        ("users\0.json", "NUL"),
        (7, "must be text"),
        ("users\ud83d.json", "half of a surrogate pair"),
        ("x" * 100_000, "characters"),
    ],
    ids=["empty", "no path", "nul", "number", "half a character", "endless"],
)
def test_what_can_be_no_store_is_refused(where: str, rule: str) -> None:
    """Before a file is made."""
    with pytest.raises(InvalidInput, match=rule) as refused:
        admit.open(where, key=KEY)

    assert "store" == refused.value.field


def test_a_scheme_that_nobody_serves_is_named_with_those_there_are() -> None:
    """A store is found by the scheme of its URL."""
    with pytest.raises(UnknownName, match="postgres") as refused:
        admit.open("postgres://db.example/users", key=KEY)

    assert {"memory", "tinydb"} <= set(refused.value.known)


def test_a_store_by_its_url_is_the_store_by_its_path(tmp_path: Path) -> None:
    """One spelling is as good as the other."""
    path = tmp_path / "users.json"
    with admit.open(f"tinydb://{path}", dev=True) as engine:
        ada = engine.create("ada@example.com", PASSWORD)

    with admit.open(path) as engine:
        assert ada == engine.users.find("ada@example.com")


def test_an_empty_store_can_be_read() -> None:
    """
    Given a store that nobody has written to,
    when it is opened for reading,
    then nobody is there, and no key is written down.
    """
    store = MemoryStore(read_only=True)

    with admit.open(store, key=KEY, read_only=True) as engine:
        with pytest.raises(UserNotFound):
            engine.users.find("ada@example.com")
        with pytest.raises(StoreReadOnly):
            engine.create("ada@example.com")


def test_users_without_a_word_of_their_key_are_not_opened_with_any() -> None:
    """
    Given a store with users, in which it does not stand which key made it,
    when it is opened with some key,
    then that is refused: their tokens and sessions would be dead without a word.
    """
    store = MemoryStore()
    admit.open(store, key=KEY).create("ada@example.com")
    record = store.find("secret:engine-key")
    assert record is not None
    store.commit(Change(remove=(Remove("secret", record.id),)))

    with pytest.raises(WrongKey, match="unknown"):
        admit.open(store, key=KEY)
