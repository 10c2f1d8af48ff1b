"""What keeps an engine from opening: said, and the store let go of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from bad_input import ADDRESS, LONGEST, PASSWORD, TEN_MEGABYTES

import admit
from admit import AdmitError, Engine
from admit.errors import InvalidInput, UnknownName
from admit.testing import KEY, Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine


@pytest.fixture
def engine(clock: SettableClock, inbox: Inbox) -> Iterator[Engine]:
    """An engine with one confirmed user, Ada, and one pending one."""
    with open_engine(MemoryStore(), clock=clock, inbox=inbox) as engine:
        engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
        engine.register("grace@example.com", PASSWORD)
        engine.settings.set("cool_down", 0)
        yield engine


OPENING: Mapping[str, tuple[type[AdmitError], dict[str, object]]] = {
    "store-none": (InvalidInput, {"store": None}),
    "store-number": (InvalidInput, {"store": 7}),
    "store-empty": (InvalidInput, {"store": ""}),
    "store-nul": (InvalidInput, {"store": "users\x00.json"}),
    "store-scheme": (UnknownName, {"store": "redis://localhost"}),
    "store-long": (InvalidInput, {"store": TEN_MEGABYTES}),
    "key-short": (InvalidInput, {"key": b"short"}),
    "key-number": (InvalidInput, {"key": 7}),
    "key-empty-list": (InvalidInput, {"key": []}),
    "settings-list": (InvalidInput, {"settings": ["cool_down"]}),
    "settings-unknown": (UnknownName, {"settings": {"cool-down": 1}}),
    "settings-no-name": (InvalidInput, {"settings": {7: 1}}),
    "settings-value": (InvalidInput, {"settings": {"cool_down": object()}}),
    "functions-list": (InvalidInput, {"functions": ["greet"]}),
    "functions-no-callable": (InvalidInput, {"functions": {"greet": "greet"}}),
    "functions-no-name": (InvalidInput, {"functions": {7: print}}),
    "plugins-text": (InvalidInput, {"plugins": "admit.plugins.auto"}),
    "plugins-number": (InvalidInput, {"plugins": 7}),
    "discover-text": (InvalidInput, {"discover": "email"}),
    "config-number": (InvalidInput, {"config": 7}),
    "config-missing": (InvalidInput, {"config": "no-such-file.toml"}),
}


@pytest.mark.parametrize("bad", OPENING)
def test_an_engine_that_cannot_open_says_why_and_lets_go_of_its_store(
    tmp_path: Path, bad: str
) -> None:
    """Given a wrong argument, when an engine is opened, then it is named; afterwards the same store
    opens."""
    expected, arguments = OPENING[bad]
    store = tmp_path / "users.json"
    given: dict[str, Any] = {"store": store, **arguments}

    with pytest.raises(expected) as raised:
        admit.open(**given)

    assert len(f"{raised.value} {raised.value!r}") < LONGEST
    with admit.open(store) as engine:
        assert 0 == engine.users.count()


def test_a_store_of_ones_own_stays_closed_to_the_wrong_key() -> None:
    """Given a store in memory that was made with a key, when it is opened with what is no key, then
    that is said, and the key is not quoted."""
    with pytest.raises(InvalidInput) as raised:
        admit.open(MemoryStore(), key="not a key at all")

    assert "not a key at all" not in f"{raised.value} {raised.value!r}"
    admit.open(MemoryStore(), key=KEY).close()
