"""A store that goes away for a while: callers are told, and the worker waits for it."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

import pytest

from admit.errors import FlowFailed, StoreUnreachable
from admit.stores import Change, Cursor, Page, Record
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
LIMIT_SECONDS = 30
"""How long a test waits for another thread before it fails."""


class Leaving(MemoryStore):
    """A store that is away for as many calls as a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away_for = 0
        self.back = threading.Event()

    def _reach(self) -> None:
        if self.is_away_for:
            self.is_away_for -= 1
            raise StoreUnreachable("The database shop could not be reached: refused.")
        self.back.set()

    def get(self, kind: str, id: str) -> Record | None:
        self._reach()
        return super().get(kind, id)

    def page(
        self,
        kind: str,
        label: str,
        after: Cursor | None = None,
        limit: int = 50,
        reverse: bool = False,
    ) -> Page[Record]:
        self._reach()
        return super().page(kind, label, after, limit, reverse)

    def commit(self, change: Change, *, settle: bool = True) -> None:
        self._reach()
        super().commit(change, settle=settle)


@pytest.fixture
def leaving() -> Leaving:
    return Leaving()


def test_a_store_that_is_away_before_the_first_commit_leaves_nobody(leaving: Leaving) -> None:
    """Given a store that is away, when somebody registers, then StoreUnreachable; and when it is
    back, the same call succeeds."""
    with open_engine(leaving) as engine:
        leaving.is_away_for = 1
        with pytest.raises(StoreUnreachable):
            engine.register("ada@example.com", PASSWORD)

        assert "pending" == engine.register("ada@example.com", PASSWORD).state


def test_a_store_that_goes_away_behind_the_flow_leaves_a_user_who_is_named(
    leaving: Leaving, clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given a store that goes away while the mail is sent,
    when somebody registers,
    then the error says that the user is kept and carries it; it is pending, its link works, and a
    re-run carries on.
    """
    with open_engine(leaving, clock=clock, inbox=inbox) as engine:
        inbox.before_mail(lambda message: setattr(leaving, "is_away_for", 1))
        with pytest.raises(FlowFailed) as failed:
            engine.register("ada@example.com", PASSWORD)

        assert "answer-lost" == failed.value.error_code
        assert "could not be reached" in failed.value.sentence
        assert "The user is kept" in failed.value.next_step
        ada = engine.users.find("ada@example.com")
        assert (failed.value.user.id, "pending") == (ada.id, ada.state)
        link = inbox.last_link()
        inbox.before_mail(lambda message: None)
        engine.rerun(ada)
        assert 2 == len(inbox.messages)
        assert link.credentials != inbox.last_link().credentials
        assert "confirmed" == engine.confirm(**inbox.last_link().credentials).state


def test_a_pass_of_the_worker_ends_when_the_store_is_away(
    leaving: Leaving, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a store that is away, when `work_once` is called, then it raises, and logs nothing."""
    with open_engine(leaving) as engine:
        leaving.is_away_for = 1
        with pytest.raises(StoreUnreachable):
            engine.work_once()

    assert [] == [record for record in caplog.records if record.name == "admit.worker"]


def test_the_worker_says_once_what_is_wrong_and_looks_less_and_less_often(
    leaving: Leaving, clock: SettableClock, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Given a store that is away for four tries of the worker,
    when it works,
    then the first says what is wrong, the others are short, each waits twice as long as the one
    before, and that it is back is said too.
    """
    caplog.set_level(logging.INFO, "admit.worker")
    stop = threading.Event()
    with open_engine(leaving, clock=clock) as engine:
        leaving.is_away_for = 4
        leaving.back.clear()
        idle = {"idle": timedelta(milliseconds=10)}
        loop = threading.Thread(target=engine.work, args=(stop,), kwargs=idle, daemon=True)
        loop.start()
        assert leaving.back.wait(LIMIT_SECONDS)
        stop.set()
        loop.join(LIMIT_SECONDS)

    said = [record.getMessage() for record in caplog.records if record.name == "admit.worker"]
    assert said[0].startswith("the store is away, next try in 0.02 s: The database shop could not")
    assert [
        "the store is still away, next try in 0.04 s",
        "the store is still away, next try in 0.08 s",
        "the store is still away, next try in 0.16 s",
        "the store is back",
    ] == said[1:]
