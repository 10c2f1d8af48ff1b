"""The plan of a merge as the application adjusts it, and who may not be merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import attrs
import pytest
from merged import OTHER, PASSWORD, merged, names, person
from races import edit
from told_providers import ToldProviders, told

import admit
from admit import MergePlan
from admit.errors import (
    FreshLogInNeeded,
    InvalidInput,
    NotAllowed,
    PlanOutdated,
    SessionInvalid,
    Vetoed,
    WrongCredentials,
)
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


# --- the application's part ----------------------------------------------------------------------


def test_the_application_may_take_the_other_login(engine: admit.Engine) -> None:
    """
    Given two logins that collide,
    when the application's callback takes the absorbed user's,
    then that one logs in, and the survivor's own does not.
    """
    ada, old = person(engine, "ada@example.com"), person(engine, "old@example.com", OTHER)

    engine.identities.merge(ada, old, adjust=lambda plan: plan.taking(plan.collisions[0].goes))

    login = engine.log_in("local-userpass", username="old@example.com", password=OTHER)
    assert ada.id == login.user.id
    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username="ada@example.com", password=PASSWORD)
    assert ["old@example.com"] == [a.typed for a in login.user.addresses]


def test_the_application_may_leave_an_identity_behind(engine: admit.Engine) -> None:
    """What it leaves opens nothing, and is free."""
    ada, old = engine.log_in("told", **told("ada")).user, engine.log_in("other", **told("o")).user

    user = engine.identities.merge(ada, old, adjust=lambda plan: plan.leaving(plan.moves[0]))

    assert [("told", "ada")] == names(user.identities)
    assert {ada.id, old.id}.isdisjoint({engine.log_in("other", **told("o")).user.id})


def test_the_application_may_refuse(engine: admit.Engine) -> None:
    """Its sentence is what the caller reads; nothing was changed."""
    ada, old = engine.log_in("told", **told("ada")).user, engine.log_in("told", **told("old")).user

    with pytest.raises(Vetoed, match="End the subscription first"):
        engine.identities.merge(ada, old, adjust=lambda plan: "End the subscription first.")

    assert [ada, old] == [engine.users.get(ada.id), engine.users.get(old.id)]
    assert {"asked": "merge", "because": "vetoed"} == engine.users.timeline(ada)[-1].codes


def _empty(plan: MergePlan) -> MergePlan:
    return attrs.evolve(plan, identities=())


def _foreign(plan: MergePlan) -> MergePlan:
    stranger = attrs.evolve(plan.into.identities[0], id="somebody-else")
    return attrs.evolve(plan, identities=(*plan.identities, stranger))


def _both_passwords(plan: MergePlan) -> MergePlan:
    return attrs.evolve(plan, identities=plan.all_identities)


def _no_plan(plan: MergePlan) -> MergePlan:
    return None  # type: ignore[return-value]  # what a forgotten return does


def _turned_round(plan: MergePlan) -> MergePlan:
    return attrs.evolve(plan, into=plan.absorbed, absorbed=plan.into)


@pytest.mark.parametrize("adjust", [_empty, _foreign, _both_passwords, _no_plan, _turned_round])
def test_a_plan_that_cannot_be_carried_out_is_refused(
    engine: admit.Engine, adjust: Callable[[MergePlan], MergePlan]
) -> None:
    """No way to log in, an identity of nobody, two passwords, no plan, other users: each is said,
    and nothing was changed."""
    ada, old = person(engine, "ada@example.com"), person(engine, "old@example.com", OTHER)

    with pytest.raises(InvalidInput):
        engine.identities.merge(ada, old, adjust=adjust)

    assert [ada, old] == [engine.users.get(ada.id), engine.users.get(old.id)]


def test_the_plan_that_was_shown_is_the_one_carried_out(engine: admit.Engine) -> None:
    """
    Given a plan that was shown,
    when one of the users links another identity before it is agreed to,
    then the merge refuses, until a new plan was made; a mere log-in does not matter.
    """
    ada, old = engine.log_in("told", **told("ada")).user, engine.log_in("told", **told("old")).user
    plan = engine.identities.plan_merge(ada, old)
    engine.identities.link(old, "other", **told("more"))

    with pytest.raises(PlanOutdated):
        engine.identities.merge(ada, old, plan=plan)

    plan = engine.identities.plan_merge(ada, old)
    engine.log_in("told", **told("old"))
    user = engine.identities.merge(ada, old, plan=plan)
    assert [("told", "ada"), ("told", "old"), ("other", "more")] == names(user.identities)


# --- who may not -----------------------------------------------------------------------------


def test_o6_a_merge_needs_a_fresh_log_in_of_both(
    engine: admit.Engine, clock: SettableClock
) -> None:
    """Live proof of both sides: neither token may be old, and both must be alive."""
    into = engine.log_in("told", **told("ada"))
    clock.advance(timedelta(minutes=6))
    absorbed = engine.log_in("other", **told("old"))
    mine = engine.public.identities

    with pytest.raises(FreshLogInNeeded):
        merged(engine, into, absorbed)
    with pytest.raises(FreshLogInNeeded):
        merged(engine, absorbed, into)
    with pytest.raises(FreshLogInNeeded):
        mine.plan_merge(access_token=into.access_token, absorbed_access_token=absorbed.access_token)
    fresh = engine.log_in("told", **told("ada"))
    engine.log_out(absorbed.refresh_token)
    with pytest.raises(SessionInvalid):
        merged(engine, fresh, absorbed)

    assert 2 == engine.users.count()


def test_a_user_is_not_merged_with_itself(engine: admit.Engine) -> None:
    """Nor with an id that it absorbed: that is itself."""
    ada, old = engine.log_in("told", **told("ada")).user, engine.log_in("told", **told("old")).user
    with pytest.raises(InvalidInput, match="is the same user"):
        engine.identities.merge(ada, ada)
    engine.identities.merge(ada, old)

    with pytest.raises(InvalidInput, match="is the same user"):
        engine.identities.merge(ada, old)


@pytest.mark.parametrize("turned", [False, True], ids=["absorbed", "survivor"])
def test_who_is_pending_disabled_leaving_or_a_server_is_not_merged(
    engine: admit.Engine, store: MemoryStore, turned: bool
) -> None:
    """A merge is no way past any of it, on either side."""
    ada = person(engine, "ada@example.com")
    pending = engine.register("pending@example.com", PASSWORD)
    disabled = engine.disable(person(engine, "disabled@example.com"))
    leaving, server = person(engine, "leaving@example.com"), person(engine, "server@example.com")
    edit(store, "user", leaving.id, delete_at="2040-01-01T00:00:00.000Z")
    edit(store, "user", server.id, type="server")

    for other in (pending, disabled, leaving, server):
        pair = (other, ada) if turned else (ada, other)
        with pytest.raises(NotAllowed, match="cannot merge"):
            engine.identities.merge(*pair)
        with pytest.raises(NotAllowed, match="cannot merge"):
            engine.identities.plan_merge(*pair)
