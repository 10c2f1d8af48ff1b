"""A5: what was erased is gone from the files within a set time."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sql_opener import open_url

from admit import Actor, Client
from admit.errors import StoreError
from admit.storage import TinyStore
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
TRACES = ("vanishing@example.com", "203.0.113.77", "a phone of hers", "Vanishing Name")


def traces_in(folder: Path) -> set[str]:
    """Which of the traces stand in any file of a folder."""
    raw = b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())
    return {trace for trace in TRACES if trace.encode() in raw}


@pytest.mark.parametrize("kind", ["tinydb", "sqlite"])
def test_a5_a_deleted_user_is_gone_from_the_files_within_a_set_time(
    kind: str, tmp_path: Path
) -> None:
    """
    Given a user with an address, a name, a client and a session, who was deleted,
    when the setting `erase_within` has passed and the worker came by,
    then no file of the store holds any of it; and the trail is whole.
    """
    clock = SettableClock()
    store = (
        TinyStore(tmp_path / "users.json")
        if kind == "tinydb"
        else open_url(f"sqlite:///{tmp_path}/users.db")
    )
    with closing(store):
        engine = open_engine(store, clock=clock, settings={"confirmation_flow": "auto"})
        client = Client(address=TRACES[1], device=TRACES[2])
        hers = engine.acting(Actor("user"), client=client)
        user = hers.register(TRACES[0], PASSWORD, data={"name": TRACES[3]})
        hers.log_in("local-userpass", username=TRACES[0], password=PASSWORD)
        engine.register("grace@example.com", PASSWORD)
        engine.delete(user)
        engine.work_once()
        clock.advance(timedelta(hours=23))
        engine.work_once()
        assert 0 == engine.sweep().compactions

        clock.advance(timedelta(hours=1))
        engine.work_once()

        assert set() == traces_in(tmp_path)
        assert () == engine.events.verify().problems
        assert 1 == engine.users.count("confirmed")


def test_a5_before_that_time_it_may_stand_there(tmp_path: Path) -> None:
    """Otherwise the search above would prove nothing."""
    with closing(TinyStore(tmp_path / "users.json")) as store:
        engine = open_engine(store, settings={"confirmation_flow": "auto"})
        engine.delete(engine.register(TRACES[0], PASSWORD))
        engine.work_once()

        assert {TRACES[0]} == traces_in(tmp_path)


def test_a5_what_is_erased_during_a_compaction_has_a_compaction_of_its_own() -> None:
    """
    Given something erased whose time is up,
    when something more is erased while the store is compacted for it,
    then the next sweep compacts once more, and the one after has nothing to do.
    """
    clock = SettableClock()

    class Meanwhile(MemoryStore):
        compacted = 0

        def compact(self) -> None:
            super().compact()
            self.compacted += 1
            if self.compacted == 1:
                engine.delete(address="grace@example.com")
                engine.work_once()

    store = Meanwhile()
    engine = open_engine(store, clock=clock, settings={"confirmation_flow": "auto"})
    engine.register("grace@example.com", PASSWORD)
    engine.delete(engine.register("ada@example.com", PASSWORD))
    engine.work_once()
    clock.advance(timedelta(days=1))

    engine.sweep()
    engine.sweep()
    compacted = store.compacted
    engine.sweep()

    assert 2 <= compacted == store.compacted


def test_a5_a_compaction_that_fails_is_tried_again() -> None:
    """
    Given a store whose disk is full when it should be compacted,
    when the worker comes by, and again when there is room,
    then nothing else was held up, and the second compaction is made.
    """
    clock, inbox = SettableClock(), Inbox()

    class Full(MemoryStore):
        full, compacted = True, 0

        def compact(self) -> None:
            if self.full:
                raise StoreError("The disk is full.", "Make room.")
            self.compacted += 1

    store = Full()
    engine = open_engine(store, clock=clock, inbox=inbox, settings={"confirmation_flow": "auto"})
    engine.delete(engine.register("ada@example.com", PASSWORD))
    engine.work_once()
    clock.advance(timedelta(days=1))
    worked = engine.work_once()
    assert 0 == store.compacted
    assert worked is not None

    store.full = False
    engine.work_once()

    assert 1 == store.compacted
