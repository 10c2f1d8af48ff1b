"""A merge while something else happens, and what becomes of custom data."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from merged import OTHER, person
from races import meanwhile
from told_providers import ToldProviders, told

import admit
from admit import User
from admit.errors import InvalidInput, NotAllowed, PlanOutdated, SessionInvalid, UserNotFound
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine


@pytest.fixture
def plugin() -> ToldProviders:
    return ToldProviders()


@pytest.fixture
def engine(
    store: MemoryStore, clock: SettableClock, inbox: Inbox, plugin: ToldProviders
) -> Iterator[admit.Engine]:
    """An engine with the providers `told`, `other` and `nobody`, in the flow `email`."""
    with open_engine(store, clock=clock, inbox=inbox, plugins=[plugin]) as opened:
        yield opened


# --- races and crashes ---------------------------------------------------------------------------


def test_what_happens_between_the_plan_and_the_commit_is_seen(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """
    Given a merge that has looked at both users,
    when one of them is disabled, gains an identity, or is deleted before it commits,
    then it decides again from what is found, and nothing half-done stays.
    """
    verbs: list[tuple[Callable[[User, User], object], type[admit.AdmitError]]] = [
        (lambda ada, old: engine.disable(old), NotAllowed),
        (lambda ada, old: engine.disable(ada), NotAllowed),
        (lambda ada, old: engine.identities.link(old, "other", **told(old.id)), PlanOutdated),
        (lambda ada, old: engine.delete(old), UserNotFound),
        (lambda ada, old: engine.delete(ada), UserNotFound),
    ]
    for number, (verb, problem) in enumerate(verbs):
        ada = engine.log_in("told", **told(f"ada{number}")).user
        old = engine.log_in("told", **told(f"old{number}")).user
        meanwhile(store, lambda verb=verb, ada=ada, old=old: verb(ada, old))  # type: ignore[misc]

        with pytest.raises(problem):
            engine.identities.merge(ada, old)

    assert 0 == sum(e.trigger == "merge" for e in engine.events.unsealed(limit=1000))
    assert () == engine.events.verify().problems


def test_a_log_in_to_the_absorbed_user_that_is_under_way_opens_nothing(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """
    Given a log-in that has found a user who is seen all the time, so that it writes a session only,
    when that user is absorbed before it commits,
    then the session is dead; the same credentials open the survivor's account.
    """
    ada, old = engine.log_in("told", **told("ada")).user, engine.log_in("other", **told("old")).user
    meanwhile(store, lambda: engine.identities.merge(ada, old))

    raced = engine.log_in("other", **told("old"))

    with pytest.raises(SessionInvalid):
        engine.verify(raced.access_token)
    assert ada.id == engine.log_in("other", **told("old")).user.id


class Crash(BaseException):
    """The process ends here."""


def test_a_crash_in_the_commit_leaves_both_or_one(engine: admit.Engine, store: MemoryStore) -> None:
    """Given a merge cut off before its commit, then both users are as they were; repeated, one is
    left, and repeated again it says that they are one."""
    ada, old = engine.log_in("told", **told("ada")).user, engine.log_in("told", **told("old")).user
    store.fail_next_commit(Crash())

    with pytest.raises(Crash):
        engine.identities.merge(ada, old)
    assert [ada, old] == [engine.users.get(ada.id), engine.users.get(old.id)]

    engine.identities.merge(ada, old)
    with pytest.raises(InvalidInput, match="is the same user"):
        engine.identities.merge(ada, old)


# --- custom data -------------------------------------------------------------------------------


def test_custom_data_follows_to_a_survivor_that_has_none(engine: admit.Engine) -> None:
    """
    Given two users, of whom the one that is absorbed has custom data,
    when they are merged,
    then the survivor has it, the event says so, and nothing of it stays under the old id.
    """
    ada, old = person(engine, "ada@example.com"), person(engine, "old@example.com", OTHER)
    engine.custom_data.set(old, {"plan": "gold"})
    assert not engine.identities.plan_merge(ada, old).drops_custom_data

    engine.identities.merge(ada, old)

    assert {"plan": "gold"} == engine.custom_data.get(ada).data
    assert ada.id == engine.custom_data.get(old.id).user, "the old id leads to the survivor"
    [merge] = [e for e in engine.users.timeline(ada) if e.trigger == "merge"]
    assert "moved" == merge.codes["custom_data"]


def test_a_plan_says_that_custom_data_will_be_dropped(engine: admit.Engine) -> None:
    """
    Given two users with custom data each,
    when a merge is planned, that is said; carried out, the survivor's own stays;
    and a plan that was shown before there was any to be lost is not carried out.
    """
    ada, old = person(engine, "ada@example.com"), person(engine, "old@example.com", OTHER)
    engine.custom_data.set(ada, {"plan": "tin"})
    shown = engine.identities.plan_merge(ada, old)
    engine.custom_data.set(old, {"plan": "gold"})

    with pytest.raises(PlanOutdated):
        engine.identities.merge(ada, old, plan=shown)
    plan = engine.identities.plan_merge(ada, old)
    assert plan.drops_custom_data
    engine.identities.merge(ada, old, plan=plan)

    assert {"plan": "tin"} == engine.custom_data.get(ada).data
    [merge] = [e for e in engine.users.timeline(ada) if e.trigger == "merge"]
    assert "dropped" == merge.codes["custom_data"]


def test_whoever_is_absorbed_is_erased_nowhere_else(
    store: MemoryStore, clock: SettableClock, inbox: Inbox, plugin: ToldProviders
) -> None:
    """
    Given a plugin that erases what is elsewhere – and would revoke what is the survivor's now –,
    when a user was absorbed and the worker has come by,
    then its step was not called, and of the absorbed one no session, key or detail is left.
    """
    called: list[User] = []

    class Elsewhere:
        @admit.hookimpl
        def register_erase_steps(self) -> dict[str, Callable[[User], None]]:
            return {"elsewhere": called.append}

    plugins = [plugin, Elsewhere()]
    with open_engine(store, clock=clock, inbox=inbox, plugins=plugins) as engine:
        ada, old = person(engine, "ada@example.com"), person(engine, "old@example.com", OTHER)
        engine.identities.merge(ada, old)
        engine.work_once()
        engine.work_once()

        assert [] == called
        assert 0 == store.count("session", f"sessions-of/{old.id}")
        assert 0 == store.count("erasure", "erasure")
