"""Rehearsals: whatever is done is done to a copy, and told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cli_calls import PASSWORD, engine_on

import admit
from admit.errors import FlowFailed, FlowRefused, InvalidInput, UserNotFound, Vetoed
from admit.hookspecs import hookimpl
from admit.rehearsing import OUTCOMES, Outcomes, Step, pressed, rehearse
from admit.testing import CHEAP_HASHING


def bytes_of(folder: Path) -> Mapping[str, bytes]:
    """Return all that lies in a folder; the lock's hint, which readers may map, aside."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix != ".lock"
    }


@pytest.fixture
def path(json_path: Path) -> Path:
    """A store in which Ada waits for her mail."""
    with engine_on(json_path) as engine:
        engine.register("ada@example.com", PASSWORD)
    return json_path


def rehearsed(path: Path, outcome: Outcomes = "pending", **more: Any) -> Any:
    return rehearse(path, outcome=outcome, dev=True, settings=CHEAP_HASHING, **more)


def told(steps: list[Step]) -> list[tuple[str, str]]:
    return [(step.kind, step.name) for step in steps]


def test_what_is_done_in_a_rehearsal_was_never_done(path: Path) -> None:
    """
    Given a store with a user who waits,
    when one is re-run, confirmed, deleted and another made in a rehearsal,
    then all of it has happened there, and not one byte beside the store has changed.
    """
    before = bytes_of(path.parent)

    with rehearsed(path) as rehearsal:
        ada = rehearsal.engine.rerun(address="ada@example.com")
        rehearsal.engine.confirm_manually(ada)
        rehearsal.engine.delete(ada)
        rehearsal.engine.create("grace@example.com", PASSWORD)
        rehearsal.engine.settings.set("confirmation_flow", "auto")
        rehearsal.engine.sessions.rotate_keys()
        rehearsal.engine.work_once()
        with pytest.raises(UserNotFound):
            rehearsal.engine.users.find("ada@example.com")

    assert before == bytes_of(path.parent)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [("pending", "pending"), ("success", "confirmed"), ("proved", "confirmed")],
)
def test_a_flow_answers_what_was_chosen(path: Path, outcome: Outcomes, state: str) -> None:
    """The lifecycle goes on from there as it would."""
    with rehearsed(path, outcome) as rehearsal:
        ada = rehearsal.engine.rerun(address="ada@example.com")

        assert state == ada.state
        assert (outcome == "proved") == (ada.addresses[0].proved_at is not None)


@pytest.mark.parametrize(("outcome", "error"), [("fail", FlowRefused), ("error", FlowFailed)])
def test_a_flow_fails_as_was_chosen(path: Path, outcome: Outcomes, error: type) -> None:
    """What the caller would be told is told."""
    with rehearsed(path, outcome) as rehearsal, pytest.raises(error):
        rehearsal.engine.rerun(address="ada@example.com")


def test_a_message_that_is_delayed_waits_for_a_worker(path: Path) -> None:
    """As when the mail server would not take it now."""
    with rehearsed(path, "delayed") as rehearsal:
        ada = rehearsal.engine.rerun(address="ada@example.com")

        assert ada.runs[-1].due_at is not None


def test_each_step_is_told_in_order(path: Path) -> None:
    """
    Given a plugin with a before and an after hook,
    when a user is re-run with success,
    then it is told what was asked, entered, held back, written, and who would be told.
    """
    plugin = Watching()

    with rehearsed(path, "success", plugins=[plugin]) as rehearsal:
        rehearsal.engine.rerun(address="ada@example.com")

    assert [
        ("commit", "rerun"),
        ("flow", "email"),
        ("message", "folder"),
        ("asked", "before_confirm"),
        ("commit", "confirm"),
    ] == told(rehearsal.steps)[:5]
    assert {("told", "after_confirm"), ("told", "after_rerun")} >= set(told(rehearsal.steps)[5:])
    assert ("told", "after_confirm") in told(rehearsal.steps)
    assert ["before_confirm"] == plugin.called
    message = rehearsal.steps[2].message
    assert message is not None
    assert "ada@example.com" == message.to
    assert "pending → confirmed" in rehearsal.steps[4].text


class Watching:
    """A plugin that notes which of its hooks were called."""

    def __init__(self) -> None:
        self.called: list[str] = []

    @hookimpl
    def before_confirm(self, user: admit.User) -> None:
        self.called.append("before_confirm")

    @hookimpl
    def after_confirm(self, user: admit.User) -> None:
        self.called.append("after_confirm")


class Refusing:
    """A plugin that lets nobody be deleted."""

    @hookimpl
    def before_delete(self, user: admit.User) -> str:
        return "Not on Sundays."


def test_a_veto_counts(path: Path) -> None:
    """What a plugin would refuse is refused, and told."""
    with rehearsed(path, plugins=[Refusing()]) as rehearsal:
        with pytest.raises(Vetoed):
            rehearsal.engine.delete(address="ada@example.com")

        assert "vetoes: Not on Sundays." in [step.text for step in rehearsal.steps]


class Reaching:
    """A plugin whose flow, function and erase step reach out."""

    name = "reaching"

    def __init__(self) -> None:
        self.reached: list[str] = []

    @hookimpl
    def register_confirmation_flows(self) -> list[Reaching]:
        return [self]

    @hookimpl
    def register_erase_steps(self) -> Mapping[str, object]:
        return {"crm": lambda left, services: self.reached.append("erase")}

    def begin(self, entry: admit.Entry, services: admit.Services) -> admit.Outcome:
        self.reached.append("begin")
        return admit.Outcome.success()


def test_nothing_reaches_out(path: Path) -> None:
    """
    Given a plugin whose flow and erase step, and a function, would reach other systems,
    when users go through them in a rehearsal,
    then none of them was called, and each is told.
    """
    plugin = Reaching()
    calls: list[object] = []

    with rehearsed(path, plugins=[plugin], functions={"ask_crm": calls.append}) as rehearsal:
        engine = rehearsal.engine
        engine.settings.set("function.confirmation", "ask_crm")
        for flow in ("reaching", "function"):
            engine.settings.set("confirmation_flow", flow)
            engine.rerun(address="ada@example.com")
        engine.delete(address="ada@example.com")
        engine.work_once()

    assert ([], []) == (plugin.reached, calls)
    assert {("flow", "reaching"), ("flow", "function"), ("erase", "crm")} <= set(
        told(rehearsal.steps)
    )


def test_the_link_of_the_last_message_can_be_pressed(path: Path) -> None:
    """It is good in the rehearsal, and opens nothing outside of it."""
    with rehearsed(path) as rehearsal:
        rehearsal.engine.rerun(address="ada@example.com")

        assert "confirmed" == pressed(rehearsal).state

    with rehearsed(path) as rehearsal, pytest.raises(InvalidInput):
        pressed(rehearsal)


def test_a_store_that_is_not_there_is_rehearsed_as_an_empty_one(tmp_path: Path) -> None:
    """And nothing is begun, no key file either."""
    with rehearsed(tmp_path / "users.json") as rehearsal:
        rehearsal.engine.register("ada@example.com", PASSWORD)

        assert 1 == rehearsal.engine.users.count()
    assert [] == list(tmp_path.iterdir())


def test_what_no_flow_can_answer_is_refused(path: Path) -> None:
    """The ones that it can are named."""
    with pytest.raises(InvalidInput, match=", ".join(OUTCOMES)), rehearsed(path, "nonsense"):  # type: ignore[arg-type]
        pass


def test_a_store_in_a_database_is_rehearsed_as_well(tmp_path: Path) -> None:
    """Any store that can be walked."""
    url = f"sqlite:///{tmp_path / 'users.db'}"
    with admit.open(url, dev=True, settings=CHEAP_HASHING, worker=False, key=b"k" * 32) as engine:
        engine.create("ada@example.com")

    with rehearse(url, dev=True, key=b"k" * 32) as rehearsal:
        rehearsal.engine.disable(address="ada@example.com")

    with admit.open(url, dev=True, worker=False, key=b"k" * 32) as engine:
        assert engine.users.find("ada@example.com").disabled is False
