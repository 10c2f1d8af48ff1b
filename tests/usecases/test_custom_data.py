"""Custom data: a JSON object that the application keeps of a user."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import pytest

import admit
from admit import CustomData
from admit._usecases.custom_data import moving  # noqa: PLC2701 – a part of merge
from admit.errors import InvalidInput, Outdated, UserNotFound
from admit.stores import Change
from admit.testing import MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ada(engine: admit.Engine) -> admit.User:
    """A confirmed user."""
    return engine.create("ada@example.com", PASSWORD)


def nested(levels: int) -> dict[str, object]:
    """Objects inside each other."""
    document: dict[str, object] = {}
    for _ in range(levels):
        document = {"in": document}
    return document


def test_a_user_has_none_at_first(engine: admit.Engine, ada: admit.User) -> None:
    """Empty, in a version that is no version yet."""
    assert CustomData(user=ada.id, data={}, version=0) == engine.custom_data.get(ada)


def test_what_is_set_is_what_is_read(engine: admit.Engine, ada: admit.User) -> None:
    """Named by record, id or address; it has a version of its own."""
    document = {"plan": "gold", "seats": 3, "tags": ["a", None, True, 1.5], "ü": {"inner": {}}}

    kept = engine.custom_data.set(ada, document)

    assert CustomData(user=ada.id, data=document, version=1) == kept
    assert kept == engine.custom_data.get(ada.id)
    assert kept == engine.custom_data.get(address="ada@example.com")


def test_what_the_caller_does_to_its_document_afterwards_changes_nothing(
    engine: admit.Engine, ada: admit.User
) -> None:
    """What is kept is a copy."""
    document: dict[str, Any] = {"tags": ["a"]}
    engine.custom_data.set(ada, document)

    document["tags"].append("b")

    assert {"tags": ["a"]} == engine.custom_data.get(ada).data


def test_it_is_replaced_whole_and_its_version_rises(engine: admit.Engine, ada: admit.User) -> None:
    """Emptying it is a change like any other, so that no version comes twice."""
    engine.custom_data.set(ada, {"plan": "gold"})
    engine.custom_data.set(ada, {"seats": 3})
    emptied = engine.custom_data.set(ada, {})

    assert ({}, 3) == (emptied.data, emptied.version)


def test_a_version_that_was_overtaken_replaces_nothing(
    engine: admit.Engine, ada: admit.User
) -> None:
    """
    Given two who read the same version,
    when both replace it, each with the version that it read,
    then the second is told, with both versions, and the first one's stands.
    """
    read = engine.custom_data.get(ada)
    engine.custom_data.set(ada, {"by": "the first"}, version=read.version)

    with pytest.raises(Outdated) as told:
        engine.custom_data.set(ada, {"by": "the second"}, version=read.version)

    assert (0, 1) == (told.value.expected, told.value.found)
    assert {"by": "the first"} == engine.custom_data.get(ada).data


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ([1, 2], "custom_data: must be a JSON object, not list."),
        (None, "custom_data: must be a JSON object, not NoneType."),
        (
            {"profile": {"born": dt.date(1815, 12, 10)}},
            "custom_data.profile.born: is a date, which JSON does not have.",
        ),
        ({"x": [0, math.nan]}, "custom_data.x[1]: is a number that JSON does not have."),
        ({"x": b"raw"}, "custom_data.x: is a bytes, which JSON does not have."),
        ({"x": 2**63}, "custom_data.x: is a whole number of more than 64 bits."),
        ({"x": {7: 1}}, "custom_data.x: has a name that is a int, not text."),
        ({"x": "\ud800"}, "custom_data.x: has half of a surrogate pair, which is no character."),
        ({"\ud800": 1}, "custom_data: has half of a surrogate pair, which is no character."),
        (nested(40), "is nested more than 32 levels deep."),
        ({"\x1b[2J": {"y": {1}}}, "custom_data.�[2J.y: is a set, which JSON does not have."),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_json_is_refused_by_place_and_rule(
    engine: admit.Engine, ada: admit.User, bad: Any, said: str
) -> None:
    """The place in the document is named, the value never quoted; nothing was written."""
    with pytest.raises(InvalidInput) as told:
        engine.custom_data.set(ada, bad)

    assert said in told.value.sentence
    assert 0 == engine.custom_data.get(ada).version


def test_a_document_that_holds_itself_is_refused(engine: admit.Engine, ada: admit.User) -> None:
    """Not followed for ever."""
    document: dict[str, object] = {}
    document["me"] = document

    with pytest.raises(InvalidInput, match="nested more than 32 levels"):
        engine.custom_data.set(ada, document)


def test_its_size_is_limited_in_bytes_by_a_setting() -> None:
    """
    Given a limit of 1,024 bytes,
    when a document has exactly as many as JSON, then one more,
    then the first is kept and the second refused, with both numbers. Bytes, not characters.
    """
    with open_engine(settings={"custom_data_bytes": 1024}) as engine:
        ada = engine.create("ada@example.com", PASSWORD)
        engine.custom_data.set(ada, {"a": "ü" * 508})

        with pytest.raises(InvalidInput, match=r"has 1,025 bytes as JSON; at most 1,024 are kept"):
            engine.custom_data.set(ada, {"a": "ü" * 508 + "x"})


@pytest.mark.parametrize("bad", [-1, True, "1", 2**63], ids=repr)
def test_a_version_is_a_number(engine: admit.Engine, ada: admit.User, bad: Any) -> None:
    """What could be none is named."""
    with pytest.raises(InvalidInput, match="version"):
        engine.custom_data.set(ada, {}, version=bad)


def test_nobody_has_none(engine: admit.Engine, ada: admit.User) -> None:
    """Of a user who is gone nothing is read, and nothing is kept."""
    engine.delete(ada)

    with pytest.raises(UserNotFound):
        engine.custom_data.get(ada)
    with pytest.raises(UserNotFound):
        engine.custom_data.set(ada, {"plan": "gold"})


def test_a_change_is_an_event_that_tells_no_data(engine: admit.Engine, ada: admit.User) -> None:
    """Who, when, and which version; the trail stays whole."""
    engine.acting(admit.Actor("admin", "support")).custom_data.set(ada, {"plan": "gold"})

    last = engine.users.timeline(ada)[-1]
    assert ("custom-data", {"version": "1"}) == (last.trigger, last.codes)
    assert "gold" not in repr(last)
    assert () == engine.events.verify().problems


def test_whoever_is_deleted_at_that_moment_keeps_nothing(clock: SettableClock) -> None:
    """
    Given an application that sets custom data of a user,
    when she is deleted between its reading and its writing,
    then it is told that there is nobody, and no such record stays in the store.
    """

    class Meanwhile(MemoryStore):
        armed = False

        def commit(self, change: Any, *, settle: bool = True) -> None:
            if self.armed and any(put.kind == "custom-data" for put in change.put):
                self.armed = False
                engine.delete(ada)
            super().commit(change, settle=settle)

    store = Meanwhile()
    engine = open_engine(store, clock=clock)
    ada = engine.create("ada@example.com", PASSWORD)
    store.armed = True

    with pytest.raises(UserNotFound):
        engine.custom_data.set(ada, {"plan": "gold"})

    assert store.get("custom-data", ada.id) is None


@pytest.mark.parametrize(
    ("hers", "theirs", "kept", "collides"),
    [
        (None, {"plan": "gold"}, {"plan": "gold"}, False),
        ({}, {"plan": "gold"}, {"plan": "gold"}, False),
        ({"plan": "tin"}, {"plan": "gold"}, {"plan": "tin"}, True),
        ({"plan": "gold"}, {"plan": "gold"}, {"plan": "gold"}, False),
        ({"plan": "tin"}, None, {"plan": "tin"}, False),
        ({"plan": "tin"}, {}, {"plan": "tin"}, False),
        (None, None, {}, False),
    ],
    ids=["none", "empty", "two", "the same twice", "from none", "from empty", "nobody's"],
)
def test_custom_data_moves_with_a_merge(
    engine: admit.Engine,
    store: MemoryStore,
    hers: dict[str, object] | None,
    theirs: dict[str, object] | None,
    kept: dict[str, object],
    collides: bool,
) -> None:
    """
    Given two users, of whom one is about to be absorbed by the other,
    when what moves is committed,
    then the survivor keeps her own, or gets the other's if she has none; two that differ collide,
    and the absorbed one has nothing left.
    """
    ada, other = engine.create("ada@example.com"), engine.create("ada@example.org")
    for user, data in ((ada, hers), (other, theirs)):
        if data is not None:
            engine.custom_data.set(user, data)

    found = moving(engine._core, other.id, ada.id)
    store.commit(Change(put=found.put, remove=found.remove))

    assert (kept, collides) == (engine.custom_data.get(ada).data, found.collides)
    assert store.get("custom-data", other.id) is None
