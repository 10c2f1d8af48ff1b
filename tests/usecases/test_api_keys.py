"""API keys: shown once, kept as digests, dead when they should be."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

import admit
from admit import NewApiKey, User
from admit.errors import (
    ApiKeyNameTaken,
    InvalidInput,
    NotAllowed,
    TooManyApiKeys,
    TryLater,
    UserNotFound,
)
from admit.testing import Inbox, MemoryStore, SettableClock
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


def test_a_key_logs_its_owner_in(engine: admit.Engine, ada: User) -> None:
    """
    Given a key that a user made,
    when a program logs in with it, then the session is hers, and names the key.
    """
    new = engine.api_keys.create(ada, name="backup")

    login = log_in(engine, new)

    assert ada.id == login.user.id == engine.verify(login.access_token).user_id
    assert ("api-key", new.key.id) == (login.session.provider, login.session.identity)
    assert ["local-userpass"] == [identity.provider for identity in login.user.identities]


def test_a_server_key_logs_in_a_user_of_its_own(engine: admit.Engine) -> None:
    """
    Given a key of the application's server,
    when it logs in, then as a user of type `server` whose identity is the key.
    """
    new = engine.api_keys.create_server_key(name="nightly")

    user = log_in(engine, new).user

    (identity,) = user.identities
    assert ("server", "confirmed") == (user.type, user.state)
    assert ("api-key", new.key.id, {"name": "nightly"}) == (
        identity.provider,
        identity.id,
        identity.data,
    )
    assert new.key.is_server


def test_a_key_is_recognised_by_its_beginning(engine: admit.Engine, ada: User) -> None:
    """A scanner for leaked secrets finds it, whoever has one can tell which, and 256 bits of it are
    random."""
    mine = engine.api_keys.create(ada, name="mine")
    servers = engine.api_keys.create_server_key(name="servers")

    for new, prefix in ((mine, "admit_uk_"), (servers, "admit_sk_")):
        text = new.text.reveal()
        assert text.startswith(prefix + new.key.id)
        assert re.fullmatch(r"[0-9a-f]{64}", text.removeprefix(prefix + new.key.id))


def test_t3_a_key_is_kept_as_a_digest_and_shown_once(
    engine: admit.Engine, ada: User, store: MemoryStore
) -> None:
    """
    Given a key was made and used,
    when all that can be shown is searched, then its random part stands nowhere.
    """
    new = engine.api_keys.create(ada, name="backup")
    log_in(engine, new)

    secret = new.text.reveal()[-64:]
    records = [store.get("api-key", new.key.id), engine.api_keys.of(ada), engine.users.get(ada.id)]
    shown = repr([new, *records, engine.users.timeline(ada)])
    assert "backup" in shown
    assert secret not in shown


@pytest.mark.parametrize("name", ["", "two words", "käse", "a/b", "x" * 65, 7, None])
def test_a_name_is_one_word(engine: admit.Engine, ada: User, name: str) -> None:
    """Existing clients know the rule by its sentence (wire-contract.md §1)."""
    with pytest.raises(
        InvalidInput,
        match="can only contain ASCII letters, numbers, underscores, and hyphens",
    ):
        engine.api_keys.create(ada, name=name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": "orders"},
        {"scopes": ["two words"]},
        {"scopes": [7]},
        {"scopes": ["a"] * 51},
        {"lifetime": timedelta(0)},
        {"lifetime": timedelta(days=5000)},
        {"lifetime": 30},
    ],
)
def test_what_a_key_is_for_is_checked(
    engine: admit.Engine, ada: User, wrong: dict[str, object]
) -> None:
    """Nothing is made of what cannot be understood."""
    create: Callable[..., NewApiKey] = engine.api_keys.create

    with pytest.raises(InvalidInput):
        create(ada, name="backup", **wrong)

    assert () == engine.api_keys.of(ada)


def test_a_user_has_as_many_keys_as_the_setting_says(engine: admit.Engine, ada: User) -> None:
    """Twenty, or what the application says; a deleted one makes room."""
    keys = [engine.api_keys.create(ada, name=f"key-{n}").key for n in range(20)]

    with pytest.raises(TooManyApiKeys, match="api_keys_a_user"):
        engine.api_keys.create(ada, name="one-more")
    assert keys == list(engine.api_keys.of(ada))

    engine.api_keys.delete(keys[0].id)
    assert engine.api_keys.create(ada, name="one-more").key in engine.api_keys.of(ada)


def test_a_server_has_as_many_keys_as_the_setting_says(engine: admit.Engine) -> None:
    """The places are counted, and a deleted key's is free again."""
    engine.settings.set("server_api_keys", 2)
    first = engine.api_keys.create_server_key(name="first").key
    engine.api_keys.create_server_key(name="second")

    with pytest.raises(TooManyApiKeys, match="server_api_keys"):
        engine.api_keys.create_server_key(name="third")

    engine.api_keys.delete(first.id)
    engine.api_keys.create_server_key(name="third")
    assert ["second", "third"] == sorted(key.name for key in engine.api_keys.of_server())


@pytest.mark.parametrize("server", [False, True])
def test_no_race_makes_more_keys_than_there_may_be(
    engine: admit.Engine, ada: User, server: bool
) -> None:
    """
    Given room for three keys,
    when eight are asked for at once, then three are made, and the others are told why not.
    """
    engine.settings.set("api_keys_a_user", 3)
    engine.settings.set("server_api_keys", 3)
    together = threading.Barrier(8)

    def create(number: int) -> bool:
        together.wait(10)
        try:
            if server:
                engine.api_keys.create_server_key(name=f"key-{number}")
            else:
                engine.api_keys.create(ada, name=f"key-{number}")
        except (TooManyApiKeys, TryLater):
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        made = sum(threads.map(create, range(8)))

    kept = engine.api_keys.of_server() if server else engine.api_keys.of(ada)
    assert made == len(kept) <= 3
    assert made >= 1


def test_a_name_is_taken_once(engine: admit.Engine, ada: User) -> None:
    """Of one user; another one, and the server, may have a key of the same name."""
    grace = engine.create("grace@example.com")
    makers: list[Callable[[], NewApiKey]] = [
        lambda: engine.api_keys.create(ada, name="backup"),
        lambda: engine.api_keys.create(grace, name="backup"),
        lambda: engine.api_keys.create_server_key(name="backup"),
    ]
    for make in makers:
        make()
        with pytest.raises(ApiKeyNameTaken):
            make()


def test_only_a_confirmed_user_has_keys(engine: admit.Engine, ada: User) -> None:
    """Neither who is pending, nor the user of a server key, nor nobody."""
    pending = engine.register("grace@example.com", PASSWORD)
    server = engine.api_keys.create_server_key(name="nightly").key

    with pytest.raises(NotAllowed):
        engine.api_keys.create(pending, name="backup")
    with pytest.raises(InvalidInput, match="belongs to a server key"):
        engine.api_keys.create(server.user, name="backup")
    with pytest.raises(UserNotFound):
        engine.api_keys.create("0" * 24, name="backup")
