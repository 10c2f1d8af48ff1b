"""A5: nothing of a deleted user is left, wherever one looks, in each store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from postgres import Postgres
from sql_opener import open_url

import admit
from admit import Actor, Client, hookimpl
from admit.storage import TinyStore
from admit.stores import Change, Label, Put, Ref, Store
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine
from admit.upkeep import Upkeep

PASSWORD = "correct horse battery staple"
ADDRESS = "vanishing@example.com"
CLIENT = Client(address="203.0.113.77", device="a phone of hers", locale="eo-XX")
GIVEN = (ADDRESS, "vanishing", "Vanishing Name", "c-424242", "203.0.113.77", "a phone of hers")


class Elsewhere:
    """A plugin with a step that fails until it is mended; so what it needs is kept meanwhile."""

    is_broken = True

    @hookimpl
    def register_erase_steps(self) -> Mapping[str, Any]:
        return {"elsewhere": self.erase_there}

    def erase_there(self, user: admit.User) -> None:
        if self.is_broken:
            raise ConnectionError("away")


Files = Callable[[], bytes]
"""All bytes that a store keeps on a disk, or that a database tells of its tables."""


@pytest.fixture(params=["memory", "tinydb", "sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Files]]:
    """A new store of each kind."""

    def files() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())

    if request.param == "memory":
        with closing(MemoryStore()) as memory:
            yield memory, lambda: b""
    elif request.param == "tinydb":
        with closing(TinyStore(tmp_path / "users.json")) as tiny:
            yield tiny, files
    elif request.param == "sqlite":
        with closing(open_url(f"sqlite:///{tmp_path}/users.db")) as sqlite:
            yield sqlite, files
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        app = f"app-{uuid4()}"
        with closing(open_url(f"postgresql+psycopg://{postgres.location(app)}")) as sql:
            yield sql, lambda: rows_of(postgres, app)


def rows_of(postgres: Postgres, app: str) -> bytes:
    """All rows of one application, as text; what is binary in them is text, too."""
    listed = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    rows = []
    for table in postgres.run(listed).split():
        text = postgres.run(f"SELECT to_jsonb(t)::text FROM {table} t")  # noqa: S608 – ours
        rows += [line for line in text.splitlines() if app in line]
    assert rows, "there is something to search"
    return "\n".join(rows).encode()


def forms(traces: list[str]) -> dict[str, list[bytes]]:
    """Each trace as itself, and as hexadecimal digits write it."""
    return {trace: [trace.encode(), trace.encode().hex().encode()] for trace in traces}


def found_in(raw: bytes, traces: list[str]) -> list[str]:
    return [trace for trace, ways in forms(traces).items() if any(way in raw for way in ways)]


def held(store: Store) -> bytes:
    """Everything that a store gives to whoever may ask it for all, keys and labels too."""
    assert isinstance(store, Upkeep)
    with store.view() as view:
        texts = [repr(record) for kind in view.kinds() for record in view.records(kind)]
        texts += [repr(event) for event in view.events()]
    return "\n".join(texts).encode()


def lived(store: Store, engine: admit.Engine, inbox: Inbox) -> tuple[admit.User, list[str]]:
    """Let her leave every kind of trace that there is; return her, and what of it is in no other's
    hands: what she gave, and what was made of her secrets."""
    hers = engine.acting(Actor("user"), "for Vanishing Name", client=CLIENT)
    user = hers.register(ADDRESS.title(), PASSWORD, data={"name": "Vanishing Name"})
    hers.confirm(**inbox.last_link().credentials)
    engine.custom_data.set(user, {"customer": "c-424242"})
    login = hers.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    for act in (
        lambda: hers.log_in("local-userpass", username=ADDRESS, password="wrong wrong wrong"),
        lambda: hers.public.log_in("local-userpass", username=ADDRESS, password="wrong wrong"),
        lambda: hers.confirm(address=ADDRESS, code="AAAA-AAAA"),
        lambda: hers.rerun(user),
        lambda: hers.public.register(ADDRESS, PASSWORD),
        lambda: hers.public.reset(address=ADDRESS),
        lambda: hers.users.export(user),
        lambda: hers.reset(user),
    ):
        with suppress(admit.AdmitError):
            act()
    key = ("api-key", "a" * 24, {"name": "Vanishing Name"}, f"keys-of/{user.id}")
    token = ("secret", "b" * 24, {"sealed": "of Vanishing Name"}, f"secrets-of/{user.id}")
    for kind, id, body, label in (key, token):
        store.commit(Change(put=(Put(kind, id, body, None, (), (Label(label, "1"),)),)))

    def secrets_in(value: Any) -> Iterator[str]:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                if isinstance(inner, str) and ("digest" in name or name == "hash"):
                    yield inner
                yield from secrets_in(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from secrets_in(inner)

    refs = [Ref("user", user.id), Ref("session", login.session.id)]
    kept = [record.body for record in store.get_many(refs) if record is not None]
    made = [text for body in kept for text in secrets_in(body)]
    assert any(text.startswith("$argon2id$") for text in made)
    assert len(made) >= 5
    return user, [*GIVEN, ADDRESS.title(), *made]


def test_a5_every_trace_of_a_deleted_user_is_gone_from_each_store(
    place: tuple[Store, Files],
) -> None:
    """
    Given a user who left every kind of trace, with a message still queued, and an erase step that
    fails for a day,
    when she is deleted, the worker comes by, the step succeeds, and the time of `erase_within`
    passes,
    then no record, key, label, event or detail, and no byte of the files, holds any of it; no
    message goes out; somebody else with her address inherits nothing.
    """
    store, files = place
    clock, inbox, elsewhere = SettableClock(), Inbox(), Elsewhere()
    engine = open_engine(store, clock=clock, inbox=inbox, plugins=[elsewhere])
    user, traces = lived(store, engine, inbox)
    assert traces == found_in(held(store), traces), "else the search below proves nothing"
    assert ADDRESS in found_in(files() or ADDRESS.encode(), traces)
    mails = len(inbox.messages)

    engine.public.delete(address=ADDRESS, password=PASSWORD)
    engine.work_once()
    left_for_the_step = {"erasure", "secret"}
    assert isinstance(store, Upkeep)
    with store.view() as view:
        kinds = set(view.kinds()) - left_for_the_step
        texts = "".join([repr(record) for kind in kinds for record in view.records(kind)])
        texts += "".join([repr(event) for event in view.events()])
    assert [] == found_in(texts.encode(), traces)

    elsewhere.is_broken = False
    clock.advance(timedelta(days=1))
    engine.work_once()
    assert engine.users.erasure(user).finished
    assert [] == found_in(held(store), traces)

    clock.advance(timedelta(days=1))
    engine.work_once()
    assert [] == found_in(files(), traces)
    assert () == engine.events.verify().problems
    assert mails == len(inbox.messages)

    again = engine.register(ADDRESS, PASSWORD)
    assert again.id != user.id
    assert {} == engine.custom_data.get(again).data
    assert () == engine.sessions.of(again)
    assert ["register", "dispatched"] == [e.trigger for e in engine.users.timeline(again)]
