"""What an application keeps beside its users: documents and secrets."""

from __future__ import annotations

import pytest
from races import edit, meanwhile

import admit
from admit import Actor, Secret, care
from admit.errors import InvalidInput, Outdated, StoreDamaged, TryLater, UnknownName
from admit.testing import KEY, MemoryStore, SettableClock
from admit.testing import open as open_engine

NEW = bytes(range(1, 33))
VALUE = "a client secret that nobody may read"


def test_a_document_is_kept_and_replaced(engine: admit.Engine) -> None:
    """Empty before; then what was set last."""
    before = engine.documents.get("front/door")
    engine.documents.set("front/door", {"open": [1, 2]})
    after = engine.documents.set("front/door", {"open": True})

    assert ({}, 0) == (before.data, before.version)
    assert ({"open": True}, 2) == (after.data, after.version)
    assert after == engine.documents.get("front/door")


def test_a_document_that_changed_meanwhile_is_not_replaced(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """Neither by who says what was read, nor in the very moment."""
    engine.documents.set("door", {})

    with pytest.raises(Outdated):
        engine.documents.set("door", {}, version=0)
    meanwhile(store, lambda: engine.documents.set("door", {"by": "other"}))
    with pytest.raises(TryLater):
        engine.documents.set("door", {"by": "me"})

    assert {"by": "other"} == engine.documents.get("door").data


@pytest.mark.parametrize("data", [None, [], "x", {"a": object()}, {"a": "b" * 70_000}])
def test_what_is_no_document_is_not_kept(engine: admit.Engine, data: dict[str, object]) -> None:
    """The place in it is named."""
    with pytest.raises(InvalidInput, match="data"):
        engine.documents.set("door", data)


@pytest.mark.parametrize("name", ["", "a b", "ä", "a" * 65, None])
def test_what_is_no_name_is_told(engine: admit.Engine, name: str) -> None:
    """By every verb."""
    for verb in (
        lambda: engine.documents.get(name),
        lambda: engine.documents.set(name, {}),
        lambda: engine.secrets.set(name, VALUE),
        lambda: engine.secrets.reveal(name),
        lambda: engine.secrets.delete(name),
    ):
        with pytest.raises(InvalidInput, match="name"):
            verb()


def test_a_secret_is_kept_listed_opened_and_deleted(engine: admit.Engine) -> None:
    """
    Given two secrets, one of which was replaced,
    when they are listed, then by name; and each opens as what it is now.
    """
    google = engine.secrets.set("google", "an older one")
    engine.secrets.set("apple", Secret("another"))
    replaced = engine.secrets.set("google", VALUE)

    assert ["apple", "google"] == [secret.name for secret in engine.secrets.all()]
    assert (google.id, 2) == (replaced.id, replaced.version)
    assert Secret(VALUE) == engine.secrets.reveal("google")

    engine.secrets.delete("google")
    assert ["apple"] == [secret.name for secret in engine.secrets.all()]
    for verb in (engine.secrets.reveal, engine.secrets.delete):
        with pytest.raises(UnknownName):
            verb("google")


def test_t3_a_secret_is_found_nowhere(engine: admit.Engine, store: MemoryStore) -> None:
    """Not in the store, the events, nor in anything that is shown."""
    kept = engine.secrets.set("google", VALUE)
    record = store.get("app-secret", kept.id)
    assert record is not None

    assert VALUE not in repr([kept, record, engine.events.unsealed(limit=100)])


def test_one_secret_does_not_open_in_the_place_of_another(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """Whoever may write to the store cannot swap them."""
    one = engine.secrets.set("one", VALUE)
    other = engine.secrets.set("other", "of the attacker")
    record = store.get("app-secret", other.id)
    assert record is not None
    edit(store, "app-secret", one.id, sealed=record.body["sealed"])

    with pytest.raises(StoreDamaged):
        engine.secrets.reveal("one")


def test_changes_are_recorded_with_their_actor(engine: admit.Engine) -> None:
    """And the name, not the value."""
    desk = engine.acting(Actor("admin", "desk"))
    desk.secrets.set("google", VALUE)
    desk.secrets.delete("google")
    desk.documents.set("door", {})

    *_, kept, gone, document = engine.events.unsealed(limit=100)
    assert ["secret-set", "secret-deleted", "document-set"] == [
        event.trigger for event in (kept, gone, document)
    ]
    assert {"secret": "google"} == kept.codes == gone.codes
    assert {"document": "door"} == document.codes
    assert {Actor("admin", "desk")} == {kept.actor, gone.actor, document.actor}


def test_a_copy_with_another_key_opens_its_secrets(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a secret and a document,
    when the store is copied with another engine key, then both are there, and the store is sound.
    """
    engine.secrets.set("google", VALUE)
    engine.documents.set("door", {"open": True})
    target = MemoryStore()
    care.copy(store, target, key=KEY, new_key=NEW)

    assert [] == list(care.check(target, care.keys_of(target, NEW), clock=clock))
    with admit.open(target, key=NEW, clock=clock) as copied:
        assert Secret(VALUE) == copied.secrets.reveal("google")
        assert {"open": True} == copied.documents.get("door").data


def test_the_functions_that_are_registered_are_known_by_name() -> None:
    """By name alone: what they are is code's business."""
    with open_engine(functions={"b": print, "a": print}) as engine:
        assert ("a", "b") == engine.settings.functions()


def test_a_secret_that_always_moves_is_for_later(engine: admit.Engine, store: MemoryStore) -> None:
    """Five times is enough."""
    kept = engine.secrets.set("google", VALUE)

    def again() -> None:
        meanwhile(store, move, before=lambda change: bool(change.events))

    def move() -> None:
        edit(store, "app-secret", kept.id)
        again()

    again()
    with pytest.raises(TryLater):
        engine.secrets.delete("google")
