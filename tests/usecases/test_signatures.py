"""What the public methods take and answer, as a type checker sees it; mypy runs over this file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, assert_type

import pytest

import admit
from admit import (
    Access,
    Actor,
    Address,
    Audit,
    BegunRedirect,
    BulkResult,
    Client,
    CustomData,
    Engine,
    Erasure,
    Event,
    Identity,
    LogIn,
    May,
    MergePlan,
    Page,
    PendingRedirect,
    PluginInfo,
    Prepared,
    Receipt,
    RedirectEnd,
    Secret,
    Session,
    SettingInfo,
    Swept,
    User,
    Why,
    Worked,
)
from admit.errors import (
    FlowFailed,
    LastIdentity,
    NotAllowed,
    RedirectInvalid,
    SessionInvalid,
    TokenMalformed,
    TryLater,
    UnknownName,
)
from admit.records import EventId, RunId, SessionId, UserId
from admit.redirects import Redirects
from admit.testing import CHEAP_HASHING, KEY, Inbox, MemoryStore

PASSWORD = "correct horse battery staple"
NEW = "another password altogether"


def test_opening_gives_an_engine(tmp_path: Path) -> None:
    """A path, text or a store; a context manager that gives itself; views of itself."""
    with admit.open(tmp_path / "users.json", dev=True, settings=CHEAP_HASHING) as engine:
        assert_type(engine, Engine)
        assert_type(engine.acting(Actor("admin", "grace"), "ticket", client=Client()), Engine)
        assert_type(engine.close(wait=timedelta(seconds=1)), None)
    admit.open(MemoryStore(), key=[KEY]).close()


def test_a_life_in_types(engine: Engine, inbox: Inbox) -> None:
    """From registration to deletion: a verb that changes a user answers the user."""
    ada = assert_type(engine.register("ada@example.com", Secret(PASSWORD), data={"a": 1}), User)
    assert_type(ada.id, UserId)
    assert_type(engine.rerun(ada), User)
    assert_type(engine.resend(ada.id), User)
    assert_type(engine.correct_address(ada, to="ada@example.org"), User)
    assert_type(engine.confirm(**inbox.last_link().credentials), User)
    login = assert_type(
        engine.log_in("local-userpass", username="ada@example.org", password=PASSWORD), LogIn
    )
    assert_type(login.access_token, Secret)
    assert_type(engine.verify(login.access_token), Access)
    assert_type(engine.refresh(login.refresh_token), LogIn)
    assert_type(engine.change_password(ada, current=PASSWORD, new=NEW), User)
    assert_type(engine.log_out_all(address="ada@example.org"), User)
    assert_type(engine.reset(ada), User)
    assert_type(engine.set_password(password=NEW, **inbox.last_link().credentials), User)
    assert_type(engine.disable(ada), User)
    assert_type(engine.enable(ada), User)
    assert_type(engine.why(ada), Why)
    assert_type(engine.may(ada), May)
    assert_type(engine.create("grace@example.com"), User)
    assert_type(engine.users.export(ada), dict[str, Any])
    assert_type(engine.custom_data.set(ada, {"a": 1}), CustomData)
    assert_type(engine.delete(ada), User)
    assert_type(engine.users.erasure(ada), Erasure)
    assert_type(engine.users.erasures(), Page[Erasure])


def test_looking_in_types(engine: Engine) -> None:
    """What is grouped: users, sessions, settings, events."""
    ada = engine.create("ada@example.com", PASSWORD)

    assert_type(engine.users.get(ada.id), User)
    assert_type(engine.users.find("ada@example.com"), User)
    assert_type(engine.users.page(limit=1), Page[User])
    assert_type(engine.users.pending(), Page[User])
    assert_type(engine.users.search("ada"), tuple[User, ...])
    assert_type(engine.users.count(), int)
    events = assert_type(engine.users.timeline(ada), tuple[Event, ...])
    assert_type((events[0].id, events[0].at, events[0].run), tuple[EventId, datetime, RunId | None])
    assert_type(engine.users.rerun_all(), Iterator[BulkResult])
    assert_type(engine.sessions.of(ada), tuple[Session, ...])
    assert_type(engine.settings.get("cool_down"), object)
    assert_type(engine.settings.all(), tuple[SettingInfo, ...])
    assert_type(engine.events.verify(), Audit)
    assert_type(engine.events.follow("billing"), Iterator[Event])
    assert_type(engine.plugins(), list[PluginInfo])


def test_identities_in_types(engine: Engine, inbox: Inbox) -> None:
    """What is done to how a user is known answers the user; a plan is one before it is done."""
    ada, old = engine.create("ada@example.com", PASSWORD), engine.create("old@example.com")
    identities, login = engine.identities, {"username": "ada@example.com", "password": PASSWORD}

    assert_type(identities.usable(ada), tuple[Identity, ...])
    assert_type(identities.link(ada, "local-userpass", **login), User)
    plan = assert_type(identities.plan_merge(ada, old.id), MergePlan)
    assert_type((plan.moves, plan.drops), tuple[tuple[Identity, ...], tuple[Identity, ...]])
    assert_type(plan.addresses, tuple[Address, ...])
    assert_type(identities.merge(ada, old, plan=plan, adjust=lambda plan: plan), User)
    assert_type(identities.change_address(ada, to="ada@example.org"), User)
    assert_type(identities.confirm_address(**inbox.last_link().credentials), User)
    assert_type(identities.change_address_manually(ada, to="ada@example.net"), User)
    with pytest.raises(LastIdentity):
        assert_type(identities.unlink(ada, provider="local-userpass"), User)


def test_redirects_in_types(engine: Engine) -> None:
    """A browser goes to a provider and comes back with what it was sent for."""
    redirects = engine.redirects

    with pytest.raises(UnknownName):
        assert_type(redirects.begin("nobody"), BegunRedirect)
    with pytest.raises(SessionInvalid):
        assert_type(redirects.begin_link("oidc", access_token="none"), BegunRedirect)
    with pytest.raises(RedirectInvalid):
        assert_type(redirects.look({"state": "none"}), PendingRedirect)
    with pytest.raises(RedirectInvalid):
        assert_type(redirects.finish({"state": "none"}, binding=None), RedirectEnd)
    assert_type(redirects.cookie_name({"state": "none"}), str)
    assert_type(engine.public.redirects, Redirects)


def test_working_in_types(engine: Engine) -> None:
    """What is prepared says what it will give."""
    assert_type(engine.work_once(), Worked)
    assert_type(engine.recover(), int)
    assert_type(engine.sweep(), Swept)
    registering = assert_type(engine.prepare.register("ada@example.com", PASSWORD), Prepared[User])
    assert_type(registering.run(), User)


def test_a_stranger_is_told_in_types(engine: Engine) -> None:
    """A Receipt, whatever the account's state."""
    public = engine.public

    assert_type(public.register("ada@example.com", PASSWORD), Receipt)
    assert_type(public.resend(address="grace@example.com"), Receipt)
    assert_type(public.rerun(address="hedy@example.com"), Receipt)
    assert_type(public.reset(address="mary@example.com"), Receipt)


def test_errors_carry_typed_facts(engine: Engine, inbox: Inbox) -> None:
    """So that a handler needs no text."""
    inbox.refuse_mail()
    with pytest.raises(FlowFailed) as failed:
        engine.register("ada@example.com", PASSWORD)
    assert_type(failed.value.user, User)
    with pytest.raises(NotAllowed) as refused:
        engine.rerun(engine.create("grace@example.com"))
    assert_type(refused.value.allowed, tuple[str, ...])
    assert_type(TryLater("of the test").after, timedelta | None)


def test_one_id_is_not_another(engine: Engine) -> None:
    """
    Given ids of several kinds, all of them text,
    when one is passed where another belongs,
    then a type checker says so – an ignore that is not needed fails –, and the engine too.
    """
    mistakes: list[Callable[[], object]] = [
        lambda: engine.users.timeline(EventId("no user")),  # type: ignore[arg-type]
        lambda: engine.sessions.of(SessionId("no user")),  # type: ignore[arg-type]
        lambda: engine.verify(7),  # type: ignore[arg-type]
        lambda: engine.confirm("0" * 24, "0" * 128),  # type: ignore[call-arg]
    ]

    for mistake in mistakes:
        with pytest.raises((admit.errors.InvalidInput, SessionInvalid, TypeError)):
            mistake()
    with pytest.raises(TokenMalformed):
        engine.confirm(token_id="0" * 24, token="0" * 24)
