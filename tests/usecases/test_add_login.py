"""Add an address and a password to a user who is there: proved before it is a login."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from changed_addresses import NEW, OLD, PASSWORD, log_in, opens, press
from races import edit
from told_providers import open_told, told

import admit
from admit import LogIn
from admit.errors import AddressTaken, AlreadyLinked, PasswordRefused, TokenSuperseded
from admit.testing import Inbox, MemoryStore, SettableClock


@pytest.fixture(params=["reserve", "first-proof"])
def engine(
    request: pytest.FixtureRequest, store: MemoryStore, clock: SettableClock, inbox: Inbox
) -> Iterator[admit.Engine]:
    """An engine under either address policy, with the providers `told`, `other` and `nobody`."""
    with open_told(store, clock, inbox, address_policy=request.param) as opened:
        yield opened


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> LogIn:
    """A log-in of Ada, whose address is proved."""
    engine.register(OLD, PASSWORD)
    engine.confirm(**inbox.last_link().credentials)
    return log_in(engine, OLD)


def add(engine: admit.Engine, login: LogIn, address: str = NEW, password: str = PASSWORD) -> None:
    engine.public.identities.add_login(
        access_token=login.access_token, login=address, password=password
    )
    engine.work_once()


def test_a_login_is_added_by_its_proof(engine: admit.Engine, inbox: Inbox) -> None:
    """
    Given an anonymous user who registers an address on her account,
    when its link is pressed in her session,
    then she logs in with it, keeps her id, and her other sessions have ended: her first proof (H2).
    """
    login = engine.log_in("nobody")
    add(engine, login)
    assert not opens(engine, NEW)

    user = press(engine, login, **inbox.last_link(NEW).credentials)

    assert (login.user.id, ["nobody", "local-userpass"]) == (
        user.id,
        [identity.provider for identity in user.identities],
    )
    assert login.user.id == log_in(engine, NEW).user.id
    assert login.user.id == engine.verify(login.access_token).user_id
    assert [True] == [address.proved_at is not None for address in user.addresses]
    linked = next(e for e in engine.users.timeline(user) if e.trigger == "link")
    assert {"provider": "local-userpass", "cause": "token", "flow": "email"} == linked.codes


def test_an_address_that_is_proved_is_added_at_once(engine: admit.Engine, inbox: Inbox) -> None:
    """Its provider vouched for it: no message is needed."""
    login = engine.log_in("told", **told("ada", OLD, True))

    add(engine, login, OLD)

    assert login.user.id == log_in(engine, OLD).user.id


def test_what_the_run_would_add_goes_with_the_run(
    engine: admit.Engine, inbox: Inbox, store: MemoryStore
) -> None:
    """The password's hash stands in the user's record only while the token is good."""
    login = engine.log_in("nobody")
    add(engine, login)
    [run] = [r for r in engine.users.get(login.user.id).runs if r.purpose == "change-address"]
    assert run.adds is not None
    assert "hash" in run.adds.private
    assert run.adds.private["hash"] not in repr(engine.users.get(login.user.id))

    user = press(engine, login, **inbox.last_link(NEW).credentials)

    assert [None] == [r.adds for r in user.runs if r.purpose == "change-address"]
    record = store.get("user", user.id)
    assert record is not None
    assert 1 == str(record.body).count("$argon2id$")


def test_one_login_with_a_password_is_all(engine: admit.Engine, ada: LogIn) -> None:
    """Who has one changes its address."""
    with pytest.raises(AlreadyLinked):
        add(engine, ada)
    with pytest.raises(AlreadyLinked):
        engine.identities.add_login(ada.user, NEW, PASSWORD)


def test_a_login_linked_meanwhile_wins(engine: admit.Engine, inbox: Inbox) -> None:
    """The press of the other says that there is one."""
    login = engine.log_in("nobody")
    add(engine, login)
    change = inbox.last_link(NEW).credentials
    engine.confirm_manually(engine.register(OLD, PASSWORD))
    run_id = change["token_id"]
    user = engine.identities.link(login.user, "local-userpass", username=OLD, password=PASSWORD)

    assert "cancelled" == next(run.result for run in user.runs if run.id == run_id)
    with pytest.raises(TokenSuperseded):
        press(engine, login, **change)


def test_a_password_that_the_policy_refuses_is_refused(engine: admit.Engine) -> None:
    """Before anything is written."""
    login = engine.log_in("nobody")

    with pytest.raises(PasswordRefused):
        add(engine, login, password="password")

    assert () == engine.users.get(login.user.id).runs


def test_e1_somebody_elses_login_is_not_told(engine: admit.Engine, inbox: Inbox) -> None:
    """The caller gets the same receipt, the owner a notice; the application is told."""
    grace = engine.confirm_manually(engine.register("Grace@example.com", PASSWORD))
    login = engine.log_in("nobody")
    inbox.messages.clear()

    add(engine, login, "grace@example.com", "a password of the caller's")

    assert ["Grace@example.com"] == [message.to for message in inbox.messages]
    assert "you already have an account" in inbox.last().text
    assert grace.id == log_in(engine, "grace@example.com").user.id
    with pytest.raises(AddressTaken):
        engine.identities.add_login(login.user, "grace@example.com", PASSWORD)


def test_a_login_that_came_some_other_way_makes_the_link_useless(
    engine: admit.Engine, store: MemoryStore, inbox: Inbox
) -> None:
    """Given a login that waits for its proof, when another one was imported meanwhile, then the
    press says that there is one."""
    login = engine.log_in("nobody")
    add(engine, login)
    record = store.get("user", login.user.id)
    assert record is not None
    more = {"provider": "local-userpass", "id": "1" * 24, "added_at": "2026-01-01T00:00:00.000Z"}
    edit(store, "user", record.id, identities=[*record.body["identities"], more])

    with pytest.raises(AlreadyLinked):
        press(engine, login, **inbox.last_link(NEW).credentials)
