"""`admit.client`: an engine behind a server has the same verbs, records and errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

import admit
from admit.client import RemoteEngine, connect
from admit.client.errors_told import NotRemote, ServerUnreachable
from admit.errors import (
    AddressTaken,
    FlowFailed,
    InvalidInput,
    NotAllowed,
    ScopeMissing,
    UserNotFound,
)
from admit.plain import plain
from admit.server.app import make_app
from admit.server.hosting import hosted
from admit.testing import Inbox
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ADA = "ada@example.com"

Serve = Callable[..., TestClient]


@pytest.fixture
def inbox() -> Inbox:
    """Where the served engine's mails go."""
    return Inbox()


@pytest.fixture
def engine(serve: Serve, inbox: Inbox) -> Iterator[tuple[admit.Engine, RemoteEngine]]:
    """An engine, and the same through its server."""
    client = serve(inbox=inbox, settings={"api-key.enabled": True})
    here = client.app_state["engine"]
    with remote(client, here.admin_keys.create("owner", scope="owner")) as there:
        yield here, there


def remote(client: TestClient, new: admit.NewAdminKey) -> RemoteEngine:
    """Return the engine behind *client*, as a key opens it."""
    transport = client._transport
    return connect("http://testserver", key=new.private_key, reason="a test", transport=transport)


Pair = tuple[admit.Engine, RemoteEngine]


def test_what_is_looked_at_is_the_same(engine: Pair) -> None:
    """Given users, sessions, keys and events, then each look answers the same records."""
    here, there = engine
    ada = here.register(ADA, PASSWORD)
    bob = here.create("bob@example.com", PASSWORD)
    here.api_keys.create(bob, name="laptop", lifetime=timedelta(days=1))
    here.custom_data.set(bob, {"plan": "free"})
    here.work_once()
    looks: list[Callable[[Any], Any]] = [
        lambda e: e.users.page(limit=1),
        lambda e: e.users.page("pending", reverse=True),
        lambda e: e.users.search("ada"),
        lambda e: e.users.count("pending"),
        lambda e: e.users.get(ada.id),
        lambda e: e.users.find(ADA),
        lambda e: e.users.timeline(address=ADA),
        lambda e: e.why(ada).sentence,
        lambda e: e.custom_data.get(bob),
        lambda e: e.sessions.of(bob),
        lambda e: [(key.id, key.name, key.expires_at) for key in e.api_keys.of(bob)],
        lambda e: e.settings.info("token_lifetime").source,
        lambda e: [info.name for info in e.settings.all()],
        lambda e: [(one.name, one.offers) for one in e.plugins()],
        lambda e: e.events.page(limit=3),
        lambda e: e.events.tail(limit=3),
        lambda e: e.users.runs("queued"),
        lambda e: e.users.runs("failed", flow="email", limit=1),
        lambda e: e.events.verify().problems,
        lambda e: e.sessions.signing_keys(),
        lambda e: [key.name for key in e.admin_keys.all()],
    ]

    for look in looks:
        assert plain(look(here)) == plain(look(there))


def test_what_is_done_there_is_done_here(engine: Pair) -> None:
    """Given verbs asked of the server, then the engine has done them, for the reason given."""
    here, there = engine
    here.register(ADA, PASSWORD)

    assert 2 == len(there.rerun(address=ADA).runs)
    assert "confirmed" == there.confirm_manually(address=ADA).state
    assert there.disable(address=ADA).disabled
    assert not there.enable(address=ADA).disabled
    assert {"plan": "pro"} == there.custom_data.set(address=ADA, data={"plan": "pro"}).data
    there.settings.set("token_lifetime", timedelta(hours=1))
    made = there.api_keys.create_server_key(name="billing")
    assert here.api_keys.verify(made.text).id == made.key.id
    there.api_keys.delete(made.key.id)
    assert "deleted" == there.delete(address=ADA, at_once=True).state
    assert timedelta(hours=1) == here.settings.get("token_lifetime")
    assert "a test" in str(here.events.unsealed(limit=100))


def test_many_are_rerun_there(engine: Pair) -> None:
    """Results come one by one, with the cursor to go on from."""
    here, there = engine
    for number in range(3):
        here.register(f"user{number}@example.com", PASSWORD)
    first = next(there.users.rerun_all(per_second=None))
    rest = list(there.users.rerun_all(per_second=None, after=first.cursor))

    assert ["rerun"] * 2 == [result.outcome for result in rest]
    assert first.user_id not in {result.user_id for result in rest}


def test_users_move_through_a_server(engine: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given users given out by a server, when another takes them in – by twos, one line being none
    –, then each has its answer at its place, and taking them in again finds them there."""
    here, there = engine
    for number in range(3):
        here.create(f"user{number}@example.com", PASSWORD, must_change=False)
    monkeypatch.setattr("admit.client.groups.ROWS_AT_ONCE", 2)
    rows: list[Any] = list(there.users.export_all(hashes=True))

    with open_engine() as other:
        app = make_app([hosted(other)])
        key = other.admin_keys.create("owner", scope="owner").private_key
        transport = TestClient(app)._transport
        with connect("http://testserver", key=key, transport=transport) as far:
            results = list(far.users.import_all([*rows[:2], "{", *rows[2:]]))
            again = list(far.users.import_all(rows, skip=1))
        login = other.log_in("local-userpass", username="user2@example.com", password=PASSWORD)

    assert [(1, "imported"), (2, "imported"), (3, "refused"), (4, "imported")] == [
        (result.place, result.outcome) for result in results
    ]
    assert isinstance(results[2].error, InvalidInput)
    assert [(2, "there"), (3, "there")] == [(one.place, one.outcome) for one in again]
    assert here.users.find("user2@example.com").id == login.user.id


def test_events_are_followed_there(engine: Pair) -> None:
    """Given the last event and one that comes, each is told once, until it is stopped."""
    here, there = engine
    here.register(ADA, PASSWORD)
    stop = threading.Event()
    live = there.events.live(stop, last=1, every=timedelta(milliseconds=10))
    last = next(live)
    here.confirm_manually(address=ADA)
    new = next(live)
    stop.set()

    assert ("dispatched", "confirm") == (last.trigger, new.trigger)
    assert [] == list(live)


def test_errors_are_those_of_the_engine(engine: Pair, inbox: Inbox) -> None:
    """Of the same class, with the same code, sentence and what they carry."""
    here, there = engine
    ada = here.register(ADA, PASSWORD)
    with pytest.raises(AddressTaken) as taken:
        there.create(ADA)
    with pytest.raises(UserNotFound):
        there.users.find("nobody@example.com")
    with pytest.raises(InvalidInput) as wrong:
        there.users.page(limit=0)
    with pytest.raises(NotAllowed) as not_allowed:
        there.identities.change_address_manually(ada, to="new@example.com")
    inbox.refuse_mail()
    with pytest.raises(FlowFailed) as failed:
        there.rerun(ada)

    assert "pending" == taken.value.holder_state
    assert "limit" == wrong.value.field
    assert "rerun" in not_allowed.value.allowed
    assert ada.id == failed.value.user.id
    assert 4 == taken.value.exit_code


def test_a_key_of_a_small_scope_is_told_so(serve: Serve) -> None:
    """As the engine would."""
    client = serve()
    new = client.app_state["engine"].admin_keys.create("desk", scope="viewer")

    with remote(client, new) as there, pytest.raises(ScopeMissing, match="owner"):
        there.settings.set("token_lifetime", "1 hour")


def test_what_needs_the_store_itself_says_so(engine: Pair) -> None:
    """By name, and what to do."""
    with pytest.raises(NotRemote, match="where the store is"):
        engine[1].verify("token")
    with pytest.raises(NotRemote):
        engine[1].users.find_login("local-userpass", ADA)


def test_a_server_that_is_none_is_told() -> None:
    """Nothing listens there, or something else does."""
    with (
        connect("http://127.0.0.1:9", key="admit_ak_0") as there,
        pytest.raises(ServerUnreachable) as unreachable,
    ):
        there.users.count()

    assert 5 == unreachable.value.exit_code
