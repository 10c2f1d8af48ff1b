"""The proof of the cluster trial finds what it is there to find; this part runs without servers."""

from __future__ import annotations

from collections.abc import Callable

import proof
import pytest
from proof import Step

import admit
from admit.stores import Change, Put, Remove
from admit.testing import MemoryStore

PASSWORD = "correct horse battery staple"
Tamper = Callable[[MemoryStore, admit.User], None]


@pytest.fixture
def ada(engine: admit.Engine) -> admit.User:
    """A confirmed user."""
    return engine.confirm_manually(engine.register("ada@example.com", PASSWORD))


def told(user: admit.User) -> list[Step]:
    """What an application says of a user that it registered and confirmed."""
    address = user.addresses[0].canonical
    return [
        Step(1.0, "one", "try-register", address, "-"),
        Step(2.0, "one", "registered", address, user.id),
        Step(3.0, "one", "confirmed", address, user.id),
    ]


def found(steps: list[Step], engine: admit.Engine, store: MemoryStore) -> list[str]:
    """The first word of each contradiction."""
    return [line.split(":")[0] for line in proof.contradictions(steps, engine, store)]


def test_a_store_that_is_as_was_told_contradicts_nothing(
    engine: admit.Engine, store: MemoryStore, ada: admit.User
) -> None:
    """Given what one application was told, when nothing was lost, then nothing is found."""
    assert [] == found(told(ada), engine, store)


def _lose(store: MemoryStore, ada: admit.User) -> None:
    store.commit(Change(remove=(Remove("user", ada.id),)))


def _give_the_address_twice(store: MemoryStore, ada: admit.User) -> None:
    record = store.get("user", ada.id)
    assert record is not None
    body = {**record.body, "id": "f" * 24}
    store.commit(Change(put=(Put("user", "f" * 24, body, labels=record.labels),)))


def _take_back_the_confirmation(store: MemoryStore, ada: admit.User) -> None:
    record = store.get("user", ada.id)
    assert record is not None
    body = {**record.body, "state": "pending"}
    labels = record.labels
    store.commit(Change(put=(Put("user", ada.id, body, record.version, record.keys, labels),)))


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (_lose, {"lost"}),
        (_give_the_address_twice, {"twice"}),
        (_take_back_the_confirmation, {"lost", "twice or never"}),
    ],
)
def test_a_store_that_is_not_as_was_told_is_found_out(
    engine: admit.Engine, store: MemoryStore, ada: admit.User, tamper: Tamper, expected: set[str]
) -> None:
    """Given what one application was told, when the store has it otherwise, then that is found."""
    steps = told(ada)

    tamper(store, ada)

    assert expected <= set(found(steps, engine, store))


def test_a_user_that_nobody_registered_is_found(
    engine: admit.Engine, store: MemoryStore, ada: admit.User
) -> None:
    """Given an application that never tried it, when there is a user, it is found."""
    assert ["from nowhere"] == found([], engine, store)


def test_one_address_acknowledged_to_two_is_found(
    engine: admit.Engine, store: MemoryStore, ada: admit.User
) -> None:
    """Given two applications told that each registered an address, then one was told wrongly."""
    other = Step(2.5, "two", "registered", "ada@example.com", "f" * 24)

    assert ["lost"] == found([*told(ada), other], engine, store)
