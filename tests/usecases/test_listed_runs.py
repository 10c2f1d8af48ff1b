"""Runs of all users: what waits for a worker, and what failed."""

from __future__ import annotations

import pytest

import admit
from admit.errors import FlowFailed, InvalidInput
from admit.testing import Inbox

PASSWORD = "correct horse battery staple"


def names(page: admit.Page[admit.RunOfUser]) -> list[str | None]:
    return [item.address for item in page.items]


def test_queued_runs_are_told_until_they_were_worked(engine: admit.Engine) -> None:
    """
    Given strangers who registered, whose mails a worker will send,
    when runs are listed, then theirs are there, with whose they are;
    when the worker came by, then none is.
    """
    engine.public.register("ada@example.com", PASSWORD)
    engine.public.register("grace@example.com", PASSWORD)

    queued = engine.users.runs()
    assert ["ada@example.com", "grace@example.com"] == names(queued)
    assert engine.users.find("ada@example.com").id == queued.items[0].user_id

    engine.work_once()
    assert () == engine.users.runs().items


def test_failed_runs_are_told_with_why(engine: admit.Engine, inbox: Inbox) -> None:
    """Of those who still wait; by flow, too."""
    inbox.refuse_mail()
    with pytest.raises(FlowFailed):
        engine.register("ada@example.com", PASSWORD)

    failed = engine.users.runs("failed")

    assert ["ada@example.com"] == names(failed)
    assert failed.items[0].run.error is not None
    assert () == engine.users.runs("failed", flow="sms").items
    assert 1 == len(engine.users.runs("failed", flow="email").items)


def test_pages_go_on_behind_each_other(engine: admit.Engine) -> None:
    """Each run is seen once."""
    for number in range(5):
        engine.public.register(f"user{number}@example.com", PASSWORD)

    seen: list[str | None] = []
    page = engine.users.runs(limit=2)
    while True:
        seen += names(page)
        if page.next is None:
            break
        page = engine.users.runs(limit=2, after=page.next)

    assert [f"user{number}@example.com" for number in range(5)] == seen


def test_there_are_no_other_lists(engine: admit.Engine) -> None:
    """A slip is told."""
    with pytest.raises(InvalidInput, match="queued or failed"):
        engine.users.runs("lost")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="limit"):
        engine.users.runs(limit=0)
