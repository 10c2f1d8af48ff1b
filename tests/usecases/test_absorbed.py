"""Records of users as a later version, an import or a merge writes them: read, and kept whole."""

from __future__ import annotations

from typing import Any

import pytest
from races import edit

import admit
from admit import User
from admit.errors import UserNotFound
from admit.testing import MemoryStore

PASSWORD = "correct horse battery staple"


def absorb(store: MemoryStore, user: User, *, by: str) -> None:
    edit(store, "user", user.id, state="deleted", absorbed_by=by)


def test_an_absorbed_id_leads_to_the_survivor(engine: admit.Engine, store: MemoryStore) -> None:
    """
    Given a user that another has absorbed,
    when somebody asks for the old id,
    then the survivor answers, and what is done by the old id is done to the survivor.
    """
    old, survivor = engine.create("ada@example.com"), engine.create("countess@example.com")
    absorb(store, old, by=survivor.id)

    assert survivor == engine.users.get(old.id)
    assert engine.disable(old.id).id == survivor.id
    assert engine.users.get(survivor.id).disabled


def test_ids_that_lead_in_a_circle_lead_nowhere(engine: admit.Engine, store: MemoryStore) -> None:
    """
    Given tombstones that name each other, which no merge makes,
    when one is asked for,
    then nobody is found, rather than asked for ever.
    """
    one, other = engine.create("ada@example.com"), engine.create("grace@example.com")
    absorb(store, one, by=other.id)
    absorb(store, other, by=one.id)

    with pytest.raises(UserNotFound):
        engine.users.get(one.id)


def test_what_this_version_never_writes_survives_a_change(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """
    Given a server user in her grace period, with identities of several providers, one of which has
    no login key, and of two addresses,
    when she is changed,
    then all of it is still there, and she is listed under each provider and by her end.
    """
    ada = engine.create("ada@example.com", PASSWORD)
    body: dict[str, Any] = dict(engine_body(store, ada))
    more = [
        {"provider": "badge", "id": "1" * 24, "login_key": "7-42", "added_at": body["created_at"]},
        {"provider": "anonymous", "id": "2" * 24, "added_at": body["created_at"]},
    ]
    edit(
        store,
        "user",
        ada.id,
        type="server",
        delete_at="2040-01-01T00:00:00.000Z",
        identities=[*body["identities"], *more],
    )

    engine.disable(ada)

    kept = engine.users.get(ada.id)
    record = store.get("user", ada.id)
    assert record is not None
    assert ("server", 2040) == (kept.type, kept.delete_at and kept.delete_at.year)
    assert more == list(record.body["identities"])[1:]
    assert ("local-userpass:ada@example.com", "badge:7-42") == record.keys
    names = {label.name for label in record.labels}
    assert {"grace", "provider/badge", "provider/anonymous", "provider/local-userpass"} <= names


def engine_body(store: MemoryStore, user: User) -> Any:
    record = store.get("user", user.id)
    assert record is not None
    return record.body


def test_a_pending_user_without_a_run_is_explained(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """
    Given a pending user who was imported, for whom no flow was ever entered,
    when somebody asks why,
    then it says so, and what to do.
    """
    ada = engine.register("ada@example.com", PASSWORD)
    edit(store, "user", ada.id, runs=[])

    told = engine.why(ada.id)

    assert ("Pending, and no run was ever begun.", "rerun") == (told.sentence, told.suggestion)
    assert "Nothing was sent." == told.delivery
    assert 1 == len(engine.rerun(ada.id).runs)
