"""Verifying the audit trail: what was edited or removed is found, what was erased may be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest

import admit
from admit.stores import Change, Label, Page, Put, Remove, StoredEvent
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"


@pytest.fixture
def ada(engine: admit.Engine) -> admit.User:
    """A user with five sealed events, the first one with a detail."""
    ada = engine.register("ada@example.com", PASSWORD)
    engine.confirm_manually(ada)
    engine.disable(ada)
    engine.enable(ada)
    engine.work_once()
    return ada


def bodies_of(store: MemoryStore, user: admit.User) -> list[dict[str, Any]]:
    """The very objects that the store keeps: what a person with an editor has in hands."""
    return [cast(dict[str, Any], event.body) for event in store.events(user=user.id).items]


def test_an_untouched_trail_verifies(engine: admit.Engine, ada: admit.User) -> None:
    """And counts what it saw; what came after the last seal is said, too."""
    engine.disable(ada)

    audit = engine.events.verify()

    assert () == audit.problems
    assert (0, 0, 1) == (audit.erased, audit.forgotten, audit.unsealed)
    assert audit.sealed == len(engine.events.page(limit=1000))
    assert 1 == audit.users


def test_an_empty_trail_verifies() -> None:
    """A store of which nobody has used anything yet."""
    with admit.open(MemoryStore(), key=bytes(32)) as engine:
        assert () == engine.events.verify().problems


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trigger", "enable"),
        ("at", "2026-01-01T00:00:00.000Z"),
        ("actor", ["user", "grace"]),
        ("codes", {"cause": "token"}),
        ("user", "0" * 24),
    ],
)
def test_an_edited_event_is_found(
    engine: admit.Engine, store: MemoryStore, ada: admit.User, field: str, value: object
) -> None:
    """Whatever was changed in it."""
    body = bodies_of(store, ada)[2]
    body[field] = value

    problems = engine.events.verify().problems

    assert f"Event {body['id']} was changed after it was sealed." == problems[0]
    assert all(ada.id in problem for problem in problems[1:]), "it is a link of her chain, too"


def test_an_edited_detail_is_found(
    engine: admit.Engine, store: MemoryStore, ada: admit.User
) -> None:
    """Erased it may be, but not be made to say something else."""
    first = store.events(user=ada.id).items[0]
    cast(dict[str, Any], first.detail)["address"] = "grace@example.com"

    [problem] = engine.events.verify().problems

    assert f"The detail of event {first.id} was changed." == problem


@pytest.mark.parametrize("place", [0, 2, -1], ids=["the first", "one between", "the last"])
def test_a_removed_event_is_found(
    engine: admit.Engine, store: MemoryStore, ada: admit.User, place: int
) -> None:
    """Wherever it stood."""
    event = store.events(user=ada.id).items[place]
    store.commit(Change(forget=(event.id,)))

    removed, chain = engine.events.verify().problems

    assert f"Event {event.id}, number {event.sequence}, was removed." == removed
    assert f"The chain of user {ada.id}" in chain


def test_an_exchanged_order_is_found(
    engine: admit.Engine, store: MemoryStore, ada: admit.User
) -> None:
    """Each has its number."""
    first, second = store.events(user=ada.id).items[:2]
    assert first.sequence is not None
    assert second.sequence is not None
    store.commit(Change(sequence={first.id: second.sequence, second.id: first.sequence}))

    assert 2 == len(engine.events.verify().problems)


def test_an_event_that_was_slipped_in_is_found(
    engine: admit.Engine, store: MemoryStore, ada: admit.User
) -> None:
    """A sequence alone is no seal."""
    engine.disable(ada)
    [slipped] = store.events(unsealed=True).items
    store.commit(Change(sequence={slipped.id: 1000}))

    [problem] = engine.events.verify().problems

    assert f"Event {slipped.id} has a sequence, but no seal covers it." == problem


def seals(store: MemoryStore) -> list[tuple[str, dict[str, Any]]]:
    return [(r.id, dict(r.body)) for r in store.page("seal", "seal").items]


def put_back(store: MemoryStore, record_id: str, body: dict[str, Any]) -> None:
    """Write a seal as somebody would who knows the store but not the key."""
    old = store.get("seal", record_id)
    assert old is not None
    store.commit(Change(put=(Put("seal", record_id, body, old.version, old.keys, old.labels),)))


def forge_the_mac(store: MemoryStore) -> None:
    record_id, body = seals(store)[-1]
    put_back(store, record_id, {**body, "mac": "0" * 64})


def drop_an_event_from_its_seal(store: MemoryStore) -> None:
    record_id, body = seals(store)[-1]
    event_id, _ = body["events"][-1]
    put_back(store, record_id, {**body, "events": body["events"][:-1]})
    store.commit(Change(forget=(event_id,)))


def remove_the_newest_seal(store: MemoryStore) -> None:
    record_id, body = seals(store)[-1]
    forget = tuple(event_id for event_id, _ in body["events"])
    store.commit(Change(remove=(Remove("seal", record_id),), forget=forget))


def remove_the_oldest_seal(store: MemoryStore) -> None:
    record_id, body = seals(store)[0]
    forget = tuple(event_id for event_id, _ in body["events"])
    store.commit(Change(remove=(Remove("seal", record_id),), forget=forget))


def name_another_key(store: MemoryStore) -> None:
    record_id, body = seals(store)[-1]
    put_back(store, record_id, {**body, "key": "00000000"})


@pytest.mark.parametrize(
    "tamper",
    [
        forge_the_mac,
        drop_an_event_from_its_seal,
        remove_the_newest_seal,
        remove_the_oldest_seal,
        name_another_key,
    ],
)
def test_who_has_no_key_cannot_touch_a_seal(
    engine: admit.Engine,
    store: MemoryStore,
    ada: admit.User,
    tamper: Callable[[MemoryStore], None],
) -> None:
    """Two seals are there; whatever is done to either is found."""
    engine.disable(ada)
    engine.work_once()
    assert 2 == len(seals(store))

    tamper(store)

    assert () != engine.events.verify().problems


def test_saying_that_an_event_was_forgotten_needs_the_key(
    engine: admit.Engine, store: MemoryStore, ada: admit.User
) -> None:
    """A record that only claims so does not cover a removal."""
    event = store.events(user=ada.id).items[0]
    claim = {"events": [event.id], "key": seals(store)[0][1]["key"], "mac": "0" * 64}
    put = Put("forgotten", "1" * 24, claim, None, (), (Label("forgotten", ""),))
    store.commit(Change(put=(put,), forget=(event.id,)))

    removed, _ = engine.events.verify().problems

    assert "was removed" in removed


def test_erasure_is_fine(engine: admit.Engine, ada: admit.User) -> None:
    """
    Given a deleted user whose details were erased,
    when the trail is verified,
    then it holds, and says how many details are gone.
    """
    engine.delete(ada)
    engine.work_once()

    audit = engine.events.verify()

    assert ((), 1) == (audit.problems, audit.erased)


# --- the chain of each user ----------------------------------------------------------------------


@pytest.fixture
def grace(engine: admit.Engine) -> admit.User:
    """A user with three events that no seal covers."""
    grace = engine.register("grace@example.com", PASSWORD)
    engine.confirm_manually(grace)
    return grace


@pytest.mark.parametrize("place", [0, 1], ids=["the first", "one between"])
def test_an_edited_event_breaks_its_users_chain_before_the_next_one(
    engine: admit.Engine, store: MemoryStore, grace: admit.User, place: int
) -> None:
    """Also where no seal covers it: whose chain, and where, is said."""
    bodies_of(store, grace)[place]["codes"] = {"cause": "token"}

    [problem] = engine.events.verify().problems

    following = bodies_of(store, grace)[place + 1]["id"]
    assert f"The chain of user {grace.id} breaks before event {following}" in problem


def test_the_last_event_of_a_chain_is_held_by_the_user(
    engine: admit.Engine, store: MemoryStore, grace: admit.User
) -> None:
    """There is no next one that would know it."""
    bodies_of(store, grace)[-1]["actor"] = ["user", grace.id]

    [problem] = engine.events.verify().problems

    assert f"The chain of user {grace.id} does not end where the user says" in problem


@pytest.mark.parametrize("place", [0, 1, -1], ids=["the first", "one between", "the last"])
def test_an_unsealed_event_that_was_removed_is_missing_in_the_chain(
    engine: admit.Engine, store: MemoryStore, grace: admit.User, place: int
) -> None:
    """No seal knows that it was ever there."""
    store.commit(Change(forget=(store.events(user=grace.id).items[place].id,)))

    [problem] = engine.events.verify().problems

    assert f"The chain of user {grace.id}" in problem


def test_a_user_that_was_edited_is_not_what_its_events_say(
    engine: admit.Engine, store: MemoryStore, ada: admit.User
) -> None:
    """
    Given a confirmed user,
    when somebody writes past the engine that it is pending, and leaves all events as they are,
    then it is found, and what it became last is said.
    """
    record = store.get("user", ada.id)
    assert record is not None
    cast(dict[str, Any], record.body)["state"] = "pending"

    [problem] = engine.events.verify().problems

    assert f"User {ada.id} is stored as pending, but became confirmed last." == problem


def canonical_digest(body: dict[str, Any]) -> str:
    """The digest that the next link holds: anybody can compute it."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def test_who_writes_a_chain_anew_has_to_make_its_moves_fit(
    engine: admit.Engine, store: MemoryStore, grace: admit.User
) -> None:
    """
    Given a chain that no seal covers, written anew without its middle, every digest computed again,
    when it is verified,
    then it leaps: the confirmation does not begin where the registration ended.
    """
    first, *_, last = bodies_of(store, grace)
    first["to"] = "confirmed"
    before = ""
    for body in bodies_of(store, grace):
        body["previous"] = before
        before = canonical_digest(body)
    record = store.get("user", grace.id)
    assert record is not None
    cast(dict[str, Any], record.body)["last_event"] = before

    [problem] = engine.events.verify().problems

    assert f"The chain of user {grace.id} leaps at event {last['id']}" in problem


def test_so_many_problems_are_counted_and_not_listed(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """A store that was rewritten would fill the memory with complaints."""
    for number in range(1010):
        engine.create(f"user{number}@example.com")
    for event in store.events(unsealed=True, limit=2000).items:
        if event.detail is not None:
            cast(dict[str, Any], event.detail)["address"] = "eve@example.com"

    problems = engine.events.verify().problems

    assert 1001 == len(problems)
    assert "… and 10 more problems." == problems[-1]


def test_a_user_that_was_removed_is_missed(
    engine: admit.Engine, store: MemoryStore, ada: admit.User, grace: admit.User
) -> None:
    """Sealed or not: a user goes together with its events, and not alone."""
    store.commit(Change(remove=(Remove("user", ada.id), Remove("user", grace.id))))

    problems = engine.events.verify().problems

    assert [
        f"User {user.id} was removed, while its events were not." for user in (ada, grace)
    ] == list(problems)


def test_a_long_chain_verifies_and_its_break_is_found(
    engine: admit.Engine, store: MemoryStore, ada: admit.User
) -> None:
    """More than a page of events, and of users."""
    for number in range(120):
        engine.create(f"user{number}@example.com")
    for _ in range(130):
        engine.disable(ada)
        engine.enable(ada)
    while engine.work_once():
        pass
    audit = engine.events.verify()
    assert ((), 121) == (audit.problems, audit.users)
    assert audit.sealed == len(engine.events.page(limit=1000)) > 380

    event = store.events(user=ada.id, limit=250).items[240]
    cast(dict[str, Any], event.body)["trigger"] = "edited"

    assert 2 == len(engine.events.verify().problems)


def test_what_happens_while_a_chain_is_walked_is_no_break(
    clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given a user who is disabled in the very moment in which her chain is being read,
    when the trail is verified,
    then her chain holds.
    """
    store = Meddling("before", "user")
    with open_engine(store, clock=clock, inbox=inbox) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        store.meddle = lambda: engine.disable(ada)

        audit = engine.events.verify()

        assert ((), 1) == (audit.problems, audit.users)
        assert "disable" == engine.users.timeline(ada)[-1].trigger


@pytest.mark.parametrize("when", ["before", "after"])
def test_two_sealers_do_not_seal_an_event_twice(
    clock: SettableClock, inbox: Inbox, when: str
) -> None:
    """
    Given two workers, one of which seals while the other has just read what is to be sealed,
    when both are done,
    then each event has one number, and the trail verifies.
    """
    store = Meddling(when, "unsealed")
    with open_engine(store, clock=clock, inbox=inbox) as engine:
        engine.register("ada@example.com", PASSWORD)
        engine.work_once()
        engine.register("grace@example.com", PASSWORD)
        store.meddle = engine.work_once

        engine.work_once()

        audit = engine.events.verify()
        assert ((), 0) == (audit.problems, audit.unsealed)
        assert [*range(1, audit.sealed + 1)] == [e.sequence for e in engine.events.page(limit=100)]


class Meddling(MemoryStore):
    """A store that lets somebody in right before, or after, some events are read."""

    def __init__(self, when: str, asked: str) -> None:
        super().__init__()
        self.when, self.asked = when, asked
        self.meddle: Callable[[], object] = bool

    def events(self, **asked: Any) -> Page[StoredEvent]:
        meddle: Callable[[], object] = bool
        if self.asked in asked:
            meddle, self.meddle = self.meddle, bool
        if self.when == "before":
            meddle()
        page = super().events(**asked)
        if self.when == "after":
            meddle()
        return page


def test_a_tombstone_that_is_half_forgotten_is_no_break(
    engine: admit.Engine, store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a deleted user with more events than one commit forgets,
    when the process dies after the first of these commits,
    then the trail verifies, and the next sweep forgets the rest.
    """
    ada = engine.create("ada@example.com", PASSWORD)
    for _ in range(130):
        engine.disable(ada)
        engine.enable(ada)
    engine.delete(ada)
    while engine.work_once():
        pass
    clock.advance(timedelta(days=400))

    def die_at_the_second(change: Change) -> None:
        if any(gone.kind == "user" for gone in change.remove):
            raise Died

    store.before_commit = die_at_the_second
    with pytest.raises(Died):
        engine.sweep()
    store.before_commit = None

    assert 0 < len(engine.users.timeline(ada)) < 262
    assert () == engine.events.verify().problems
    assert 1 == engine.sweep().tombstones
    assert () == engine.events.verify().problems


class Died(BaseException):
    """The process ended here."""
