"""Merge: two users become one, by a plan that is made first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import attrs
import pytest
from races import edit, meanwhile
from told_providers import ToldProviders, told

import admit
from admit import LogIn, MergePlan, User
from admit.errors import (
    FreshLogInNeeded,
    InvalidInput,
    LastIdentity,
    NotAllowed,
    PlanOutdated,
    SessionInvalid,
    TokenUnknown,
    UserNotFound,
    Vetoed,
    WrongCredentials,
)
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
OTHER = "another horse, another battery"


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


def person(engine: admit.Engine, address: str, password: str = PASSWORD) -> User:
    """A confirmed user with a password, who has logged in."""
    engine.confirm_manually(engine.register(address, password))
    return engine.log_in("local-userpass", username=address, password=password).user


def merged(engine: admit.Engine, into: LogIn, absorbed: LogIn, **more: object) -> User:
    return engine.public.identities.merge(
        access_token=into.access_token,
        absorbed_access_token=absorbed.access_token,
        **more,  # type: ignore[arg-type]  # plan or adjust
    )


def names(identities: tuple[admit.Identity, ...]) -> list[tuple[str, str | None]]:
    return [(identity.provider, identity.login_key) for identity in identities]


# --- the plan ----------------------------------------------------------------------------------


def test_a_plan_says_what_moves_what_is_dropped_and_what_collides(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """
    Given two users with a password each, of whom one has an identity more and began anonymously,
    when a merge is planned,
    then the plan has it all, and nothing was changed.
    """
    ada = person(engine, "ada@example.com")
    old = engine.log_in("nobody").user
    engine.identities.link(old, "told", **told("ada", "proved@example.com", True))
    engine.identities.add_login(old, "old@example.com", OTHER)
    old = engine.identities.confirm_address(**inbox.last_link().credentials)

    plan = engine.identities.plan_merge(ada, old)

    assert [("told", "ada")] == names(plan.moves)
    assert [("nobody", "nobody-1"), ("local-userpass", "old@example.com")] == names(plan.drops)
    [collision] = plan.collisions
    assert ("ada@example.com", "old@example.com") == (
        collision.stays.login_key,
        collision.goes.login_key,
    )
    assert ["ada@example.com", "proved@example.com", "old@example.com"] == [
        address.typed for address in plan.addresses
    ]
    assert () == plan.drops_addresses
    assert old == engine.users.get(old.id)


def test_an_address_that_was_never_proved_goes_with_its_login(engine: admit.Engine) -> None:
    """Where the login moves, it moves with it."""
    ada, old = person(engine, "ada@example.com"), person(engine, "old@example.com", OTHER)
    desk = engine.log_in("told", **told("ada")).user

    assert ["old@example.com"] == [
        a.typed for a in engine.identities.plan_merge(ada, old).drops_addresses
    ]
    assert ["old@example.com"] == [
        a.typed for a in engine.identities.plan_merge(desk, old).addresses
    ]


# --- the merge ---------------------------------------------------------------------------------


def test_two_users_become_one_in_one_commit(engine: admit.Engine, store: MemoryStore) -> None:
    """
    Given two users with fresh log-ins,
    when one is merged into the other,
    then a single commit has moved the identities and ended the one, with an event on each chain.
    """
    into = engine.log_in("told", **told("ada"))
    absorbed = engine.log_in("other", **told("countess"))
    changes: list[admit.stores.Change] = []
    store.before_commit = changes.append

    user = merged(engine, into, absorbed)

    store.before_commit = None
    assert 1 == len(changes)
    assert [("told", "ada"), ("other", "countess")] == names(user.identities)
    assert {"merge", "absorb"} == {event.body["trigger"] for event in changes[0].events}
    assert {"absorbed": absorbed.user.id, "moved": "other"} == event_of(engine, user, "merge").codes
    assert {"by": user.id, "cause": "merge"} == event_of(engine, absorbed.user, "absorb").codes
    assert () == engine.events.verify().problems


def event_of(engine: admit.Engine, user: User, trigger: str) -> admit.Event:
    return next(e for e in engine.users.timeline(user) if e.trigger == trigger)


def test_h3_several_addresses_that_a_merge_proves_for_the_first_time_all_stay(
    engine: admit.Engine,
) -> None:
    """
    Given a user with two addresses that were never proved,
    when it absorbs one who proved both,
    then the survivor has both, proved, as the plan said; and the password that somebody may have
    chosen is gone.
    """
    engine.settings.set("confirmation_flow", "auto")
    into = engine.log_in("told", **told("ada", "ada@example.com")).user
    engine.register("countess@example.com", PASSWORD)
    engine.identities.link(
        into, "local-userpass", username="countess@example.com", password=PASSWORD
    )
    absorbed = engine.log_in("told", **told("byron", "ada@example.com", True)).user
    engine.identities.link(absorbed, "other", **told("byron", "countess@example.com", True))

    plan = engine.identities.plan_merge(into, absorbed)
    ada = engine.identities.merge(into, absorbed, plan=plan)

    assert {address.typed for address in plan.addresses} == {
        address.typed for address in ada.addresses if address.proved_at is not None
    }
    assert len(ada.addresses) == 2
    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username="countess@example.com", password=PASSWORD)


def test_the_old_id_leads_to_the_survivor(engine: admit.Engine) -> None:
    """Look-ups, verbs and the log-in with what moved; its history stays under the old id."""
    into, absorbed = engine.log_in("told", **told("ada")), engine.log_in("other", **told("old"))

    user = merged(engine, into, absorbed)

    assert user == engine.users.get(absorbed.user.id)
    assert user == engine.users.find_login("other", "old")
    assert user.id == engine.disable(absorbed.user.id).id
    engine.enable(user)
    assert user.id == engine.log_in("other", **told("old")).user.id
    assert ["create", "log-in", "absorb"] == [
        event.trigger for event in engine.users.timeline(absorbed.user.id)
    ]
    assert (1, 1) == (engine.users.count(), engine.users.count("deleted"))


def test_an_id_absorbed_before_leads_to_the_last_survivor(engine: admit.Engine) -> None:
    """
    Given a chain of merges, longer than a look-up follows,
    when the first id of all is asked for,
    then it leads to the last survivor, and so do all between.
    """
    users = [engine.log_in("told", **told(f"ada-{number}")).user for number in range(8)]

    for absorbed, into in zip(users, users[1:], strict=False):
        engine.identities.merge(into, absorbed)

    assert {users[-1].id} == {engine.users.get(user.id).id for user in users}
    assert () == engine.events.verify().problems


def test_when_the_survivor_is_deleted_the_old_ids_lead_to_nobody(engine: admit.Engine) -> None:
    """Nobody is found by either."""
    ada, old = (engine.log_in("told", **told(who)).user for who in ("ada", "old"))
    engine.identities.merge(ada, old)

    engine.delete(ada)

    with pytest.raises(UserNotFound):
        engine.users.get(old.id)


def test_sessions_of_both_end_but_the_callers(engine: admit.Engine) -> None:
    """Credentials never follow: whoever is in the absorbed account's session is out (design §4)."""
    into, absorbed = engine.log_in("told", **told("ada")), engine.log_in("other", **told("old"))
    elsewhere = engine.log_in("told", **told("ada"))

    user = merged(engine, into, absorbed)

    assert user.id == engine.verify(into.access_token).user_id
    for ended in (absorbed, elsewhere):
        with pytest.raises(SessionInvalid):
            engine.verify(ended.access_token)
        with pytest.raises(SessionInvalid):
            engine.refresh(ended.refresh_token)
    engine.work_once()
    assert [into.session.id] == [session.id for session in engine.sessions.of(user)]


def test_t4_links_of_the_absorbed_user_are_dead(engine: admit.Engine, inbox: Inbox) -> None:
    """A reset that was mailed to it sets nobody's password; its password moved and stays."""
    ada, old = engine.log_in("told", **told("ada")).user, person(engine, "old@example.com", OTHER)
    engine.reset(old)
    link = inbox.last_link("old@example.com")

    engine.identities.merge(ada, old)

    with pytest.raises(TokenUnknown):
        engine.set_password(**link.credentials, password="a third horse and battery")
    login = engine.log_in("local-userpass", username="old@example.com", password=OTHER)
    assert ada.id == login.user.id


def test_api_keys_of_the_absorbed_user_are_dead(engine: admit.Engine) -> None:
    """Credentials never follow; the survivor's own keys go on."""
    engine.settings.set("api-key.enabled", True)
    ada, old = (engine.log_in("told", **told(who)).user for who in ("ada", "old"))
    kept = engine.api_keys.create(ada, name="of-ada").text
    gone = engine.api_keys.create(old, name="of-the-old").text

    engine.identities.merge(ada, old)
    engine.work_once()

    assert ada.id == engine.log_in("api-key", key=kept).user.id
    with pytest.raises(WrongCredentials):
        engine.log_in("api-key", key=gone)
    assert ["of-ada"] == [key.name for key in engine.api_keys.of(ada)]


def test_a_server_keys_user_has_no_identities_to_change(engine: admit.Engine) -> None:
    """It is its key's: nothing is linked to it, added, unlinked or merged."""
    engine.settings.set("api-key.enabled", True)
    server = engine.api_keys.create_server_key(name="worker").key.user
    ada = engine.log_in("told", **told("ada")).user

    with pytest.raises(NotAllowed, match="a server's cannot link"):
        engine.identities.link(server, "other", **told("ada"))
    with pytest.raises(NotAllowed, match="a server's cannot link"):
        engine.identities.add_login(server, "server@example.com", PASSWORD)
    with pytest.raises(NotAllowed, match="a server's cannot change-address"):
        engine.identities.change_address(server, to="server@example.com")
    with pytest.raises(NotAllowed, match="a server's cannot merge"):
        engine.identities.merge(ada, server)
    with pytest.raises(LastIdentity):
        engine.identities.unlink(server, provider="api-key")


def test_the_login_that_collides_opens_nothing_any_more(engine: admit.Engine) -> None:
    """Its address is free, and its password opens no account."""
    ada, old = person(engine, "ada@example.com"), person(engine, "old@example.com", OTHER)

    engine.identities.merge(ada, old)

    with pytest.raises(WrongCredentials):
        engine.log_in("local-userpass", username="old@example.com", password=OTHER)
    assert "pending" == engine.register("old@example.com", PASSWORD).state
    assert {"absorbed": old.id, "dropped": "local-userpass"} == event_of(engine, ada, "merge").codes


def test_both_owners_are_told(engine: admit.Engine, inbox: Inbox) -> None:
    """Whoever had the account that is no more hears of it at its address."""
    ada = engine.log_in("told", **told("ada", "ada@example.com", True)).user
    old = engine.log_in("other", **told("old", "old@example.com", True)).user

    engine.identities.merge(ada, old)
    engine.work_once()

    assert ["ada@example.com", "old@example.com"] == sorted(m.to for m in inbox.messages)
    assert all("merged with another one" in message.text for message in inbox.messages)


def test_what_the_absorbed_user_did_is_not_erased_elsewhere(
    store: MemoryStore, clock: SettableClock
) -> None:
    """
    Given a plugin with an erase step,
    when a user is absorbed,
    then the step is not called – the person is still there –, and the details of its past are gone.
    """
    erased: list[User] = []

    class Elsewhere(ToldProviders):
        @admit.hookimpl
        def register_erase_steps(self) -> dict[str, Callable[[User], None]]:
            return {"elsewhere": erased.append}

    with open_engine(store, clock=clock, plugins=[Elsewhere()]) as engine:
        ada, old = (engine.log_in("told", **told(who)).user for who in ("ada", "old"))
        engine.identities.merge(ada, old)
        engine.work_once()

        assert [] == erased
        assert {None} == {event.detail for event in engine.users.timeline(old.id)}


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
