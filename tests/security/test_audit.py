"""Rules A: what the audit trail holds, and what nobody can do to it unnoticed."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

import admit
from admit.errors import AdmitError, PluginFailed, StoreFull, Vetoed
from admit.stores import Change
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"


def test_a1_each_transition_says_who_what_when_and_why(
    engine: admit.Engine, inbox: Inbox, clock: SettableClock
) -> None:
    """Given a life from registration to deletion, when its events are read, then each transition
    has actor, instant, from and to, and the run; the admin's reason stands in the detail."""
    ada = engine.register(ADDRESS, PASSWORD)
    engine.confirm(**inbox.last_link().credentials)
    engine.acting(admit.Actor("admin", "key-1"), "asked by mail").delete(ada)

    moves = [event for event in engine.users.timeline(ada) if event.to_state is not None]

    assert [
        ("register", "new", "pending", "application"),
        ("confirm", "pending", "confirmed", "application"),
        ("delete", "confirmed", "deleted", "admin"),
    ] == [(e.trigger, e.from_state, e.to_state, e.actor.kind) for e in moves]
    assert [ada.runs[0].id, ada.runs[0].id, None] == [event.run for event in moves]
    assert {clock.now()} == {event.at for event in moves}
    assert {"reason": "asked by mail"} == moves[-1].detail


def _press_a_dead_token(engine: admit.Engine, inbox: Inbox) -> None:
    ada = engine.register(ADDRESS, PASSWORD)
    link = inbox.last_link()
    engine.rerun(ada)
    engine.confirm(**link.credentials)


def _register_twice(engine: admit.Engine, inbox: Inbox) -> None:
    engine.register(ADDRESS, PASSWORD)
    engine.register(ADDRESS, PASSWORD)


def _rerun_a_confirmed_one(engine: admit.Engine, inbox: Inbox) -> None:
    engine.rerun(engine.create(ADDRESS, PASSWORD))


def _change_with_a_wrong_password(engine: admit.Engine, inbox: Inbox) -> None:
    engine.change_password(engine.create(ADDRESS, PASSWORD), current="wrong", new=PASSWORD)


def _delete_with_a_wrong_password(engine: admit.Engine, inbox: Inbox) -> None:
    engine.create(ADDRESS, PASSWORD)
    engine.public.delete(address=ADDRESS, password="wrong wrong wrong")


def _refresh_an_ended_session(engine: admit.Engine, inbox: Inbox) -> None:
    engine.settings.set("must_change_is_enforced", False)
    engine.create(ADDRESS, PASSWORD)
    login = engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    engine.log_out(login.refresh_token)
    engine.refresh(login.refresh_token)


def _create_twice(engine: admit.Engine, inbox: Inbox) -> None:
    engine.create(ADDRESS, PASSWORD)
    engine.create(ADDRESS, PASSWORD)


def _correct_to_a_taken_address(engine: admit.Engine, inbox: Inbox) -> None:
    engine.register(ADDRESS, PASSWORD)
    engine.correct_address(engine.register("grace@example.com", PASSWORD), to=ADDRESS)


def _correct_with_a_wrong_password(engine: admit.Engine, inbox: Inbox) -> None:
    ada = engine.register(ADDRESS, PASSWORD)
    engine.correct_address(ada, to="ada@example.org", password="wrong wrong wrong")


@pytest.mark.parametrize(
    ("attempt", "asked", "because"),
    [
        (_create_twice, "create", "address-taken"),
        (_correct_to_a_taken_address, "correct-address", "address-taken"),
        (_correct_with_a_wrong_password, "correct-address", "wrong-credentials"),
        (_press_a_dead_token, "confirm", "token-superseded"),
        (_register_twice, "register", "address-taken"),
        (_rerun_a_confirmed_one, "rerun", "not-allowed"),
        (_change_with_a_wrong_password, "change-password", "wrong-credentials"),
        (_delete_with_a_wrong_password, "proof", "log-in-refused"),
        (_refresh_an_ended_session, "session", "session-invalid"),
    ],
)
def test_a6_what_is_refused_is_recorded(
    engine: admit.Engine,
    inbox: Inbox,
    attempt: Callable[[admit.Engine, Inbox], None],
    asked: str,
    because: str,
) -> None:
    """Given something that is refused, when it was, then an event says what was asked for and why
    it was not given."""
    with pytest.raises(AdmitError):
        attempt(engine, inbox)

    refused = [event for event in engine.events.unsealed(limit=100) if event.trigger == "refused"]
    assert [{"asked": asked, "because": because}] == [dict(event.codes) for event in refused]


def test_a6_a_failed_log_in_is_recorded(engine: admit.Engine) -> None:
    """Known user or not: one event each."""
    engine.create(ADDRESS, PASSWORD)
    for address in (ADDRESS, "nobody@example.com"):
        with pytest.raises(AdmitError):
            engine.log_in("local-userpass", username=address, password="wrong wrong wrong")

    triggers = [event.trigger for event in engine.events.unsealed(limit=100)]
    assert 2 == triggers.count("log-in-refused")


class Refusing:
    """A plugin that says no to everything from some time on."""

    refuses = False

    @admit.hookimpl
    def before_register(self, request: admit.Registration) -> str | None:
        return "no" if self.refuses else None

    @admit.hookimpl
    def before_log_in(self, user: admit.User) -> str | None:
        return "no" if self.refuses else None

    @admit.hookimpl
    def before_delete(self, user: admit.User) -> str | None:
        return "no" if self.refuses else None


def test_a6_what_a_plugin_refuses_is_recorded() -> None:
    """Given a plugin that says no, when somebody registers, corrects an address, logs in or is to
    be deleted, then each time an event says what was asked for."""
    plugin = Refusing()
    engine = open_engine(plugins=[plugin], settings={"must_change_is_enforced": False})
    ada = engine.register(ADDRESS, PASSWORD)
    grace = engine.create("grace@example.com", PASSWORD)
    plugin.refuses = True
    asked: list[Callable[[], object]] = [
        lambda: engine.register("eve@example.com", PASSWORD),
        lambda: engine.public.register("eve@example.com", PASSWORD),
        lambda: engine.correct_address(ada, to="eve@example.com"),
        lambda: engine.public.correct_address(user=ada, password=PASSWORD, to="eve@example.com"),
        lambda: engine.log_in("local-userpass", username="grace@example.com", password=PASSWORD),
        lambda: engine.delete(grace),
    ]
    for ask in asked:
        with pytest.raises(Vetoed):
            ask()

    refused = [event for event in engine.events.unsealed(limit=100) if event.trigger == "refused"]
    assert ["register"] * 2 + ["correct-address"] * 2 + ["log-in", "delete"] == [
        event.codes["asked"] for event in refused
    ]
    assert {"vetoed"} == {event.codes["because"] for event in refused}


class Breaking:
    """A plugin whose veto raises."""

    @admit.hookimpl
    def before_confirm(self, user: admit.User) -> str | None:
        raise LookupError


def test_a4_a_failing_hook_refuses_and_never_confirms() -> None:
    """Given a veto hook that raises, when a good link is pressed, then it is refused by name, and
    the link stays good."""
    inbox = Inbox()
    engine = open_engine(inbox=inbox, plugins=[Breaking()])
    ada = engine.register(ADDRESS, PASSWORD)

    with pytest.raises(PluginFailed, match="Breaking"):
        engine.confirm(**inbox.last_link().credentials)

    assert "pending" == engine.users.get(ada.id).state


def test_a4_a_failing_store_refuses_and_never_confirms(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """Given a store without room, when a good link is pressed, then the error comes through, and
    the user is pending."""
    ada = engine.register(ADDRESS, PASSWORD)
    store.fail_next_commit(StoreFull("There is no room."))

    with pytest.raises(StoreFull):
        engine.confirm(**inbox.last_link().credentials)

    assert "pending" == engine.users.get(ada.id).state


def test_a5_erasure_keeps_the_events_drops_the_person_and_verifies(
    engine: admit.Engine, inbox: Inbox
) -> None:
    """Given a sealed life, when its user is deleted and the worker has passed, then the events
    stand without their details, and every seal still holds."""
    ada = engine.register(ADDRESS, PASSWORD)
    engine.work_once()

    engine.delete(ada)
    engine.work_once()

    assert ADDRESS not in str([event.detail for event in engine.users.timeline(ada)])
    assert "register" == engine.users.timeline(ada)[0].trigger
    audit = engine.events.verify()
    assert (True, ()) == (audit.erased > 0, audit.problems)


def test_a3_a_removed_event_is_found(engine: admit.Engine, store: MemoryStore) -> None:
    """Given sealed events, when one is removed past the engine, then verifying names it."""
    engine.register(ADDRESS, PASSWORD)
    engine.work_once()
    gone = engine.events.page()[0]

    store.commit(Change(forget=(gone.id,)))

    assert any(gone.id in problem for problem in engine.events.verify().problems)


def test_a2_no_secret_stands_in_an_event(engine: admit.Engine, inbox: Inbox) -> None:
    """Given a life with links, codes and log-ins, when its events are searched, then none of its
    secrets is there."""
    ada = engine.register(ADDRESS, PASSWORD)
    link, code = inbox.last_link(), inbox.last_code()
    engine.confirm(**link.credentials)
    login = engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)

    text = str([attrs.asdict(event) for event in engine.users.timeline(ada)])

    for secret in (
        PASSWORD,
        code,
        link.token.reveal(),
        login.access_token.reveal(),
        login.refresh_token.reveal(),
    ):
        assert secret not in text
