"""Checking a store: whatever is wrong is found, named, and has a remedy; what is right is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from cared_store import Lived, held, live, tiny

import admit
from admit import care
from admit.care import REMEDIES, Finding, Progress
from admit.errors import InvalidInput, StoreFull, WrongKey
from admit.stores import Change, Label, Put, Remove
from admit.testing import KEY, MemoryStore
from admit.upkeep import Fault, Upkeep

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
ID = "1" * 24


def findings(store: Upkeep, lived: Lived) -> list[Finding]:
    """Return all that is wrong."""
    return list(care.check(store, care.keys_of(store, KEY), clock=lived.clock))


# --- what is right -------------------------------------------------------------------------------


def test_a_store_that_an_engine_uses_is_sound(source: MemoryStore, lived: Lived) -> None:
    """After a life with everything in it."""
    assert [] == findings(source, lived)


def test_nothing_is_changed(tmp_path: Path) -> None:
    """A store that is open for reading only is checked as well."""
    with live(tiny(tmp_path, "users")).engine:
        pass
    with closing(care.open_store(tmp_path / "users.json", read_only=True)) as store:
        assert isinstance(store, Upkeep)
        before = held(store)

        assert [] == list(care.check(store, care.keys_of(store, KEY)))

        assert before == held(store)


def test_what_happens_while_a_store_is_checked_is_no_fault(
    source: MemoryStore, lived: Lived
) -> None:
    """
    Given an application that registers, deletes, logs in and seals while its store is checked,
    when the check goes on,
    then it finds nothing.
    """
    names = iter(range(1000))

    def meanwhile(progress: Progress) -> None:
        user = lived.engine.create(f"user{next(names)}@example.com")
        lived.engine.create(f"user{next(names)}@example.com")
        lived.engine.delete(user)
        lived.engine.log_out_all(lived.ada)
        lived.engine.work_once()

    keys = care.keys_of(source, KEY)
    assert [] == list(care.check(source, keys, clock=lived.clock, progress=meanwhile))
    assert [] == findings(source, lived)
    assert next(names) > 15


def test_a_tombstone_that_is_half_forgotten_is_no_fault(source: MemoryStore, lived: Lived) -> None:
    """
    Given a deleted user with more events than one commit forgets,
    when the process dies after the first of these commits,
    then the store is sound.
    """
    for _ in range(130):
        lived.engine.disable(lived.ada)
        lived.engine.enable(lived.ada)
    lived.engine.delete(lived.ada)
    while lived.engine.work_once():
        pass
    lived.clock.advance(timedelta(days=500))

    def die_at_the_end(change: Change) -> None:
        if any(remove.id == lived.ada.id for remove in change.remove):
            raise StoreFull("No room.")

    source.before_commit = die_at_the_end
    with pytest.raises(StoreFull):
        lived.engine.sweep()
    source.before_commit = None

    assert 0 < len(lived.engine.users.timeline(lived.ada)) < 265
    assert [] == findings(source, lived)


def test_sessions_of_a_user_deleted_just_now_are_no_fault(
    source: MemoryStore, lived: Lived
) -> None:
    """The worker ends them; until then they open nothing."""
    lived.engine.delete(lived.ada)
    assert source.get("session", lived.login.session.id) is not None

    assert [] == findings(source, lived)


def test_kinds_that_are_not_the_engines_are_let_be(source: MemoryStore, lived: Lived) -> None:
    """Whatever they hold."""
    for kind in ("invoice", "job", "secret"):
        source.commit(Change(put=(Put(kind, ID, {"n": [1]}, None, (kind,), (Label("x", ""),)),)))

    assert [] == findings(source, lived)


# --- what is wrong -------------------------------------------------------------------------------


def body_of(store: MemoryStore, kind: str, id: str) -> dict[str, Any]:
    """The very object that the store keeps: what a person with an editor has in hands."""
    record = store.get(kind, id)
    assert record is not None
    return cast(dict[str, Any], record.body)


def rewrite(store: MemoryStore, kind: str, id: str, **changed: Any) -> None:
    """Write a record past the engine: its keys, its labels."""
    store._records[kind, id] = store._records[kind, id]._replace(**changed)


Spoil = Callable[[MemoryStore, Lived], str]
"""Spoils a store, and returns where."""
SPOILS: dict[str, Spoil] = {}


def spoils(code: str) -> Callable[[Spoil], Spoil]:
    """Note what leads to the finding *code*."""

    def note(spoil: Spoil) -> Spoil:
        SPOILS[f"{code} {spoil.__name__.strip('_')}"] = spoil
        return spoil

    return note


@spoils("keys-differ")
def _a_key_was_taken_away(store: MemoryStore, lived: Lived) -> str:
    record = store.get("user", lived.ada.id)
    assert record is not None
    store.commit(Change(put=(Put("user", record.id, record.body, record.version),)))
    store.commit(
        Change(put=(Put("user", record.id, record.body, record.version + 1, (), record.labels),))
    )
    rewrite(store, "user", record.id, version=record.version)
    return f"user {lived.ada.id}"


@spoils("keys-differ")
def _a_tombstone_holds_a_key(store: MemoryStore, lived: Lived) -> str:
    [gone] = store.page("user", "deleted").items
    keys = ("local-userpass:gone@example.com",)
    put = Put("user", gone.id, gone.body, gone.version, keys, gone.labels)
    store.commit(Change(put=(put,)))
    rewrite(store, "user", gone.id, version=gone.version)
    return f"user {gone.id}"


@spoils("keys-differ")
def _a_setting_is_kept_under_the_name_of_another(store: MemoryStore, lived: Lived) -> str:
    record = store.find("setting:email.subject")
    assert record is not None
    put = Put("setting", record.id, record.body, 1, ("setting:locale",), record.labels)
    store.commit(Change(put=(put,)))
    return f"setting {record.id}"


@spoils("labels-differ")
def _a_pending_user_is_listed_as_confirmed(store: MemoryStore, lived: Lived) -> str:
    record = store.get("user", lived.grace.id)
    assert record is not None
    labels = tuple(
        Label("confirmed", order) if name == "pending" else Label(name, order)
        for name, order in record.labels
    )
    put = Put("user", record.id, record.body, record.version, record.keys, labels)
    store.commit(Change(put=(put,)))
    rewrite(store, "user", record.id, version=record.version)
    return f"user {record.id}"


@spoils("labels-differ")
def _a_session_is_listed_for_another_user(store: MemoryStore, lived: Lived) -> str:
    id = lived.login.session.id
    body = store._records["session", id].body
    labels = (Label(f"sessions-of/{lived.grace.id}", body["created_at"]),)
    store.commit(Change(put=(Put("session", id, body, 1, (), labels),)))
    return f"session {id}"


@spoils("unreadable")
def _a_user_without_a_state(store: MemoryStore, lived: Lived) -> str:
    del body_of(store, "user", lived.ada.id)["state"]
    return f"user {lived.ada.id}"


@spoils("unreadable")
def _a_user_in_a_state_that_there_is_not(store: MemoryStore, lived: Lived) -> str:
    body_of(store, "user", lived.ada.id)["state"] = "ada@example.com"
    return f"user {lived.ada.id}"


@spoils("unreadable")
def _an_instant_that_is_none(store: MemoryStore, lived: Lived) -> str:
    body_of(store, "user", lived.ada.id)["created_at"] = "yesterday"
    return f"user {lived.ada.id}"


@spoils("unreadable")
def _a_session_with_a_number_for_a_user(store: MemoryStore, lived: Lived) -> str:
    body_of(store, "session", lived.login.session.id)["user"] = 7
    return f"session {lived.login.session.id}"


@spoils("unreadable")
def _a_setting_without_a_value(store: MemoryStore, lived: Lived) -> str:
    record = store.find("setting:email.subject")
    assert record is not None
    del body_of(store, "setting", record.id)["value"]
    return f"setting {record.id}"


@spoils("unreadable")
def _a_throttle_without_an_end(store: MemoryStore, lived: Lived) -> str:
    [record] = store.page("throttle", "until").items
    del body_of(store, "throttle", record.id)["until"]
    return f"throttle {record.id}"


@spoils("unreadable")
def _a_consumer_that_took_a_text(store: MemoryStore, lived: Lived) -> str:
    record = store.find("consumer:billing")
    assert record is not None
    body_of(store, "consumer", record.id)["taken"] = "three"
    return f"consumer {record.id}"


@spoils("unreadable")
def _an_event_without_an_actor(store: MemoryStore, lived: Lived) -> str:
    event = store.events(user=lived.grace.id).items[-1]
    del cast(dict[str, Any], event.body)["actor"]
    return f"event {event.id}"


@spoils("trail-not-checked")
def _a_seal_that_is_none(store: MemoryStore, lived: Lived) -> str:
    [seal] = store.page("seal", "seal").items
    del body_of(store, "seal", seal.id)["mac"]
    return "store"


@spoils("no-engine-key")
def _the_record_of_the_key_is_gone(store: MemoryStore, lived: Lived) -> str:
    record = store.find("secret:engine-key")
    assert record is not None
    store.commit(Change(remove=(Remove("secret", record.id),)))
    return "store"


@spoils("session-orphan")
def _a_session_of_nobody(store: MemoryStore, lived: Lived) -> str:
    body = {**body_of(store, "session", lived.login.session.id), "user": ID}
    labels = (
        Label(f"sessions-of/{ID}", body["created_at"]),
        Label("expiring", body["expires_at"]),
    )
    store.commit(Change(put=(Put("session", ID, body, None, (), labels),)))
    return f"session {ID}"


@spoils("session-orphan")
def _a_session_that_the_worker_forgot(store: MemoryStore, lived: Lived) -> str:
    [gone] = store.page("user", "deleted").items
    body = {**body_of(store, "session", lived.login.session.id), "user": gone.id}
    labels = (
        Label(f"sessions-of/{gone.id}", body["created_at"]),
        Label("expiring", body["expires_at"]),
    )
    store.commit(Change(put=(Put("session", ID, body, None, (), labels),)))
    return f"session {ID}"


@spoils("key-lost")
def _a_key_leads_nowhere(store: MemoryStore, lived: Lived) -> str:
    del store._index._holders["user"]["local-userpass:ada@example.com"]
    return f"user {lived.ada.id}"


@spoils("two-owners")
def _a_login_key_has_two_owners(store: MemoryStore, lived: Lived) -> str:
    identity = {**body_of(store, "user", lived.ada.id)["identities"][0]}
    body_of(store, "user", lived.grace.id)["identities"] = [identity]
    rewrite(store, "user", lived.grace.id, keys=("local-userpass:ada@example.com",))
    return f"user {lived.grace.id}"


@spoils("key-astray")
def _a_key_of_nobody(store: MemoryStore, lived: Lived) -> str:
    store._index._holders["user"]["local-userpass:old@example.com"] = lived.ada.id
    return f"user {lived.ada.id}"


@spoils("label-lost")
def _a_user_is_not_listed(store: MemoryStore, lived: Lived) -> str:
    [label] = [label for label in store._records["user", lived.ada.id].labels if label[0] == "all"]
    store._index._discard("user", label, lived.ada.id)
    return f"user {lived.ada.id}"


@spoils("label-astray")
def _a_list_names_a_user_that_is_not_there(store: MemoryStore, lived: Lived) -> str:
    store._index._add("user", "pending", ("2026", ID))
    return f"user {ID}"


@spoils("chain-broken")
def _an_unsealed_event_is_gone(store: MemoryStore, lived: Lived) -> str:
    store.commit(Change(forget=(store.events(user=lived.grace.id).items[0].id,)))
    return f"user {lived.grace.id}"


@spoils("chain-broken")
def _all_events_of_a_user_are_gone(store: MemoryStore, lived: Lived) -> str:
    store.commit(Change(forget=tuple(e.id for e in store.events(user=lived.grace.id).items)))
    return f"user {lived.grace.id}"


@spoils("state-differs")
def _a_user_is_not_what_its_events_say(store: MemoryStore, lived: Lived) -> str:
    body_of(store, "user", lived.ada.id)["state"] = "pending"
    return f"user {lived.ada.id}"


@spoils("user-removed")
def _a_user_is_gone_and_its_events_are_not(store: MemoryStore, lived: Lived) -> str:
    store.commit(Change(remove=(Remove("user", lived.grace.id),)))
    return f"user {lived.grace.id}"


@spoils("event-changed")
def _a_sealed_event_was_edited(store: MemoryStore, lived: Lived) -> str:
    event = store.events(sequence_after=0).items[0]
    cast(dict[str, Any], event.body)["codes"] = {"flow": "auto"}
    return f"event {event.id}"


@spoils("event-removed")
def _a_sealed_event_is_gone(store: MemoryStore, lived: Lived) -> str:
    event = store.events(sequence_after=0).items[0]
    store.commit(Change(forget=(event.id,)))
    return f"event {event.id}"


@spoils("event-slipped-in")
def _an_event_has_a_number_and_no_seal(store: MemoryStore, lived: Lived) -> str:
    event = store.events(unsealed=True).items[0]
    store.commit(Change(sequence={event.id: 1000}))
    return f"event {event.id}"


@spoils("detail-changed")
def _a_detail_was_edited(store: MemoryStore, lived: Lived) -> str:
    event = next(e for e in store.events(user=lived.ada.id).items if e.detail is not None)
    cast(dict[str, Any], event.detail)["address"] = "mallory@example.com"
    return f"event {event.id}"


@spoils("seal-missing")
def _the_first_seal_is_gone(store: MemoryStore, lived: Lived) -> str:
    lived.engine.work_once()
    first, second = store.page("seal", "seal").items
    store.commit(Change(remove=(Remove("seal", first.id),)))
    return f"seal of {second.body['first']}"


@spoils("seal-wrong")
def _a_seal_was_forged(store: MemoryStore, lived: Lived) -> str:
    [seal] = store.page("seal", "seal").items
    body_of(store, "seal", seal.id)["mac"] = "00" * 32
    return "seal of 1"


@spoils("seal-key-missing")
def _a_seal_of_another_key(store: MemoryStore, lived: Lived) -> str:
    [seal] = store.page("seal", "seal").items
    body_of(store, "seal", seal.id)["key"] = "00000000"
    return "seal of 1"


@spoils("copy-unfinished")
def _the_mark_of_a_copy(store: MemoryStore, lived: Lived) -> str:
    body = {"source": ID, "key_id": "00000000", "tallies": None}
    store.commit(Change(put=(Put("job", ID, body, None, ("job:store-copy",)),)))
    return "store"


@spoils("damaged")
def _the_store_says_so(store: MemoryStore, lived: Lived) -> str:
    def faults() -> Iterator[Fault]:
        yield Fault(code="damaged", where="line 7", sentence="It is not what was written.")

    store.faults = faults  # type: ignore[method-assign]  # what a disk does to other stores
    return "line 7"


@spoils("more")
def _a_whole_trail_was_edited(store: MemoryStore, lived: Lived) -> str:
    for _ in range(1010):
        lived.engine.disable(lived.grace)
        lived.engine.enable(lived.grace)
    while lived.engine.work_once():
        pass
    for event in store.events(sequence_after=0, limit=3000).items:
        cast(dict[str, Any], event.body)["codes"] = {"edited": "yes"}
    return "store"


@pytest.mark.parametrize("spoil", SPOILS)
def test_what_is_wrong_is_found(source: MemoryStore, lived: Lived, spoil: str) -> None:
    """
    Given a sound store,
    when somebody spoils it past the engine,
    then that is found, with its code and place, a sentence and a remedy, and no word of a person.
    """
    keys = care.keys_of(source, KEY)
    where = SPOILS[spoil](source, lived)

    found = list(care.check(source, keys, clock=lived.clock))

    code = spoil.partition(" ")[0]
    assert (code, where) in [(finding.code, finding.where) for finding in found]
    assert all(finding.remedy == REMEDIES[finding.code] for finding in found)
    assert all(finding.sentence.endswith(".") for finding in found)
    assert "example.com" not in repr(found)


def test_each_code_has_a_test_and_a_line_in_the_documentation() -> None:
    """Nothing is found of which nobody was told."""
    assert set(REMEDIES) == {spoil.partition(" ")[0] for spoil in SPOILS}
    rows = re.findall(r"^\| (`[a-z-]+`.*?) \|", OPERATIONS.read_text(), re.MULTILINE)
    assert set(REMEDIES) <= set(re.findall(r"`([a-z-]+)`", "".join(rows)))


def test_a_code_of_a_stores_own_has_a_remedy_too(source: MemoryStore, lived: Lived) -> None:
    """Of a store that somebody else wrote."""

    def faults() -> Iterator[Fault]:
        yield Fault(code="shard-away", where="shard 3", sentence="It does not answer.")

    source.faults = faults  # type: ignore[method-assign]  # another store than ours

    [finding] = findings(source, lived)

    assert ("shard-away", "shard 3") == (finding.code, finding.where)
    assert "documentation" in finding.remedy


def test_only_what_is_wrong_is_found(source: MemoryStore, lived: Lived) -> None:
    """Of one slip, one finding."""
    body_of(source, "user", lived.ada.id)["epoch"] = None

    [finding] = findings(source, lived)

    assert ("unreadable", f"user {lived.ada.id}") == (finding.code, finding.where)


def test_what_is_wrong_with_keys_and_lists_is_right_in_a_copy(
    source: MemoryStore, lived: Lived
) -> None:
    """
    Given a store whose lists lost a user, and whose keys lead astray,
    when it is copied,
    then nothing is wrong with the copy: that is the remedy.
    """
    for spoil in (_a_user_is_not_listed, _a_key_leads_nowhere, _a_key_of_nobody):
        spoil(source, lived)
    assert {"label-lost", "key-lost", "key-astray"} == {f.code for f in findings(source, lived)}

    target = MemoryStore()
    care.copy(source, target)

    assert [] == findings(target, lived)


@pytest.mark.parametrize("spoil", [_a_key_was_taken_away, _a_pending_user_is_listed_as_confirmed])
def test_what_differs_is_right_once_the_engine_writes_it(
    source: MemoryStore, lived: Lived, spoil: Spoil
) -> None:
    """That is the remedy, too."""
    user = spoil(source, lived).removeprefix("user ")
    assert [] != findings(source, lived)

    lived.engine.disable(user)
    lived.engine.enable(user)

    assert [] == findings(source, lived)


# --- keys ----------------------------------------------------------------------------------------


def test_a_backup_can_be_checked_without_its_key(source: MemoryStore, lived: Lived) -> None:
    """
    Given a store and nobody with its key,
    when it is checked,
    then seals are compared with events all the same, and only whose they are stays open.
    """
    lived.engine.delete(lived.ada)
    lived.let_a_year_pass()
    assert [] == list(care.check(source, None, clock=lived.clock))

    event = source.events(sequence_after=0).items[0]
    cast(dict[str, Any], event.body)["codes"] = {"edited": "yes"}

    found = list(care.check(source, None, clock=lived.clock))
    assert "event-changed" in [finding.code for finding in found]


def test_the_keys_are_those_that_an_engine_would_find(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given, of the environment, or beside the store; others are refused."""
    with admit.open(tmp_path / "users.json"):
        pass
    with closing(care.open_store(tmp_path / "users.json", read_only=True)) as store:
        keys = care.keys_of(store)
        text = (tmp_path / "users.json.key").read_text().strip()
        assert keys.ids == care.keys_of(store, text).ids
        assert text not in repr(keys)
        with pytest.raises(WrongKey):
            care.keys_of(store, KEY)
        monkeypatch.setenv("ADMIT_KEY", KEY.hex())
        with pytest.raises(WrongKey):
            care.keys_of(store)


def test_what_no_engine_has_opened_has_no_keys() -> None:
    """It is told so, not taken for a wrong key."""
    with pytest.raises(InvalidInput, match="never opened by an engine"):
        care.keys_of(MemoryStore(), KEY)


def test_a_store_that_cannot_be_walked_cannot_be_checked() -> None:
    """Said at once, not at the first finding."""

    class Plain:
        path, read_only = None, False
        commit = MemoryStore.commit

    with pytest.raises(InvalidInput, match="cannot be walked"):
        care.check(cast(MemoryStore, Plain()), None)


# --- progress, and room --------------------------------------------------------------------------


def test_progress_is_told(source: MemoryStore, lived: Lived) -> None:
    """Stage by stage."""
    told: list[str] = []

    keys = care.keys_of(source, KEY)
    for _ in care.check(source, keys, progress=lambda progress: told.append(progress.stage)):
        pass

    assert ["checking keys and lists", "checking admin-key"] == told[:2]
    assert ["checking user", "checking seals"] == told[-2:]
