"""What a flow answered × what has become of the user meanwhile (design.md §5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest

import admit
from admit import Entry, Outcome, Run, Services, User, hookimpl
from admit.errors import AdmitError, DeliveryFailed, FlowFailed, UserNotFound
from admit.flows import ConfirmationFlow
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"


def success() -> Outcome:
    return Outcome.success()


def pending() -> Outcome:
    return Outcome.pending()


def fail() -> Outcome:
    return Outcome.fail()


def permanent() -> Outcome:
    raise DeliveryFailed("550 no such mailbox", temporary=False)


def temporary() -> Outcome:
    raise DeliveryFailed("451 try again later", temporary=True)


class Deciding:
    """A flow that lets something happen before it answers as it is told, and can veto."""

    name = "deciding"
    proves_address = True

    def __init__(self) -> None:
        self.answer: Callable[[], Outcome] = pending
        self.meanwhile: Callable[[Entry], object] | None = None
        self.says_no = False

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    @hookimpl
    def before_confirm(self, user: User) -> str | None:
        return "Not today." if self.says_no else None

    def begin(self, entry: Entry, services: Services) -> Outcome:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is None:
            return self.answer()
        answer, self.answer = self.answer, pending
        vetoes, self.says_no = self.says_no, False
        meanwhile(entry)
        self.says_no = vetoes
        return answer()


@pytest.fixture
def flow() -> Deciding:
    """The active flow."""
    return Deciding()


@pytest.fixture
def engine(
    store: MemoryStore, clock: SettableClock, inbox: Inbox, flow: Deciding
) -> Iterator[admit.Engine]:
    """An engine in the flow `deciding`."""
    with open_engine(
        store,
        clock=clock,
        inbox=inbox,
        settings={"confirmation_flow": "deciding"},
        plugins=[flow, "admit.plugins.password"],
        discover=False,
    ) as opened:
        yield opened


def press(engine: admit.Engine, entry: Entry) -> None:
    """The reader is faster than the mail server's answer."""
    engine.confirm(token_id=entry.token_id, token=entry.token)


def begin_a_newer_run(engine: admit.Engine, flow: Deciding, entry: Entry) -> None:
    """A newer run begins, and is queued by a hiccup of its own."""
    flow.answer = temporary
    engine.rerun(entry.user_id)


MEANWHILE: Mapping[str, Callable[[admit.Engine, Deciding, Entry], object]] = {
    "nothing, at registration": lambda engine, flow, entry: None,
    "nothing, on a re-run": lambda engine, flow, entry: None,
    "a newer run was begun": begin_a_newer_run,
    "a newer run was dispatched": lambda engine, flow, entry: engine.rerun(entry.user_id),
    "confirmed by this very link": lambda engine, flow, entry: press(engine, entry),
    "confirmed by hand": lambda engine, flow, entry: engine.confirm_manually(entry.user_id),
    "disabled": lambda engine, flow, entry: engine.disable(entry.user_id),
    "deleted": lambda engine, flow, entry: engine.delete(entry.user_id),
}

# The user's state, disabled or not; the run's result ("open": none yet), whether its attempt is
# dispatched, whether it is due again; the results of its other runs; the error that the caller
# sees.
EXPECTED: Mapping[str, Mapping[str, str]] = {
    "nothing, at registration": {
        "success": "confirmed | success dispatched | |",
        "vetoed": "pending | vetoed dispatched | | Vetoed",
        "pending": "pending | open dispatched | |",
        "fail": "nobody | | | RegistrationRefused",
        "permanent error": "pending | failed | | FlowFailed",
        "temporary error": "pending | open due | |",
    },
    "nothing, on a re-run": {
        "success": "confirmed | success dispatched | open |",
        "vetoed": "pending | vetoed dispatched | open | Vetoed",
        "pending": "pending | open dispatched | superseded |",
        "fail": "pending | refused | open | FlowRefused",
        "permanent error": "pending | failed | open | FlowFailed",
        "temporary error": "pending | open due | open |",
    },
    "a newer run was begun": {
        "success": "confirmed | success dispatched | superseded |",
        "vetoed": "pending | vetoed dispatched | open | Vetoed",
        "pending": "pending | open dispatched | open |",
        "fail": "pending | refused | open | FlowRefused",
        "permanent error": "pending | failed | open | FlowFailed",
        "temporary error": "pending | failed | open | FlowFailed",
    },
    "a newer run was dispatched": {
        "success": "confirmed | success dispatched | open |",
        "vetoed": "pending | vetoed dispatched | open | Vetoed",
        "pending": "pending | superseded dispatched | open |",
        "fail": "pending | superseded | open | FlowRefused",
        "permanent error": "pending | superseded | open | FlowFailed",
        "temporary error": "pending | superseded | open | FlowFailed",
    },
    "confirmed by this very link": {
        "success": "confirmed | success dispatched | |",
        "vetoed": "confirmed | success dispatched | |",
        "pending": "confirmed | success dispatched | |",
        "fail": "confirmed | success | |",
        "permanent error": "confirmed | success | |",
        "temporary error": "confirmed | success | |",
    },
    "confirmed by hand": {
        "success": "confirmed | success dispatched | |",
        "vetoed": "confirmed | success dispatched | |",
        "pending": "confirmed | open dispatched | |",
        "fail": "confirmed | refused | |",
        "permanent error": "confirmed | failed | |",
        "temporary error": "confirmed | failed | |",
    },
    "disabled": {
        "success": "confirmed disabled | success dispatched | |",
        "vetoed": "pending disabled | vetoed dispatched | | Vetoed",
        "pending": "pending disabled | open dispatched | |",
        "fail": "nobody | | | RegistrationRefused",
        "permanent error": "pending disabled | failed | | FlowFailed",
        "temporary error": "pending disabled | open due | |",
    },
    "deleted": {
        "success": "nobody | | |",
        "vetoed": "nobody | | |",
        "pending": "nobody | | |",
        "fail": "nobody | | |",
        "permanent error": "nobody | | |",
        "temporary error": "nobody | | |",
    },
}
ANSWERS: Mapping[str, Callable[[], Outcome]] = {
    "success": success,
    "vetoed": success,
    "pending": pending,
    "fail": fail,
    "permanent error": permanent,
    "temporary error": temporary,
}


def said_of(run: Run) -> str:
    """The run's result, and what is known of its newest attempt."""
    dispatched = " dispatched" if run.attempts[-1].dispatched_at is not None else ""
    return f"{run.result or 'open'}{dispatched}{' due' if run.due_at is not None else ''}"


def said_of_user(engine: admit.Engine, user_id: str, run_id: str, error: str) -> str:
    """One line of the table above."""
    try:
        user = engine.users.get(user_id)
    except UserNotFound:
        return f"nobody | | | {error}".rstrip()
    run = user.run(run_id)
    assert run is not None
    others = " ".join(other.result or "open" for other in user.runs if other.id != run_id)
    state = user.state + (" disabled" if user.disabled else "")
    return " ".join(f"{state} | {said_of(run)} | {others} | {error}".split())


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("meanwhile", EXPECTED)
def test_an_answer_does_to_the_user_found_then_what_the_table_says(
    engine: admit.Engine, flow: Deciding, meanwhile: str, answer: str
) -> None:
    """
    Given a flow that was entered for a user,
    when it answers after something else has happened to that user,
    then what is found by then decides what the answer does, and the caller is told.
    """
    entered: list[Entry] = []
    on_a_rerun = meanwhile == "nothing, on a re-run"
    ada = engine.register(ADDRESS, PASSWORD) if on_a_rerun else None

    def let_it_happen(entry: Entry) -> None:
        entered.append(entry)
        MEANWHILE[meanwhile](engine, flow, entry)

    flow.answer, flow.says_no = ANSWERS[answer], answer == "vetoed"
    flow.meanwhile = let_it_happen
    error = ""
    try:
        if ada is None:
            engine.register(ADDRESS, PASSWORD)
        else:
            engine.rerun(ada)
    except AdmitError as problem:
        error = type(problem).__name__

    [entry] = entered
    told = said_of_user(engine, entry.user_id, entry.token_id, error)
    assert EXPECTED[meanwhile][answer] == told


def test_a_rerun_whose_user_was_deleted_meanwhile_says_so(
    engine: admit.Engine, flow: Deciding
) -> None:
    """
    Given a pending user,
    when it is deleted while the flow of a re-run is at work,
    then the caller hears that nobody is left.
    """
    ada = engine.register(ADDRESS, PASSWORD)
    flow.meanwhile = lambda entry: engine.delete(ada)

    with pytest.raises(UserNotFound):
        engine.rerun(ada)


def test_an_answer_to_a_user_deleted_meanwhile_leaves_no_event(
    engine: admit.Engine, flow: Deciding
) -> None:
    """
    Given a user who is deleted while the flow is at work,
    when the flow answers,
    then it is only logged: the deletion stays the last event.
    """
    flow.answer = success
    flow.meanwhile = lambda entry: engine.delete(entry.user_id)

    ada = engine.register(ADDRESS, PASSWORD)

    assert "delete" == engine.users.timeline(ada)[-1].trigger


def test_a_failed_flow_hands_the_kept_user_to_its_caller(
    engine: admit.Engine, flow: Deciding
) -> None:
    """
    Given a flow that cannot deliver for good,
    when somebody registers,
    then the error carries the user that was registered, and the run that failed.
    """
    flow.answer = permanent

    with pytest.raises(FlowFailed) as failed:
        engine.register(ADDRESS, PASSWORD)

    error = failed.value
    assert "delivery-refused" == error.error_code
    assert engine.users.find(ADDRESS) == error.user
    assert error.run == error.user.runs[-1].id


@pytest.mark.parametrize(
    "nonsense",
    [None, True, "success", {"status": "yes"}, {}, {"status": "success", "proved": "no"}],
    ids=repr,
)
def test_an_answer_that_is_none_is_a_failure_that_names_the_plugin(
    engine: admit.Engine, flow: Deciding, nonsense: object
) -> None:
    """
    Given a flow that answers neither an Outcome nor a mapping that says the same,
    when somebody registers,
    then the user stays pending, and the error names the plugin at fault.
    """
    flow.answer = lambda: nonsense  # type: ignore[assignment,return-value]  # nonsense on purpose

    with pytest.raises(FlowFailed, match="Deciding") as failed:
        engine.register(ADDRESS, PASSWORD)

    assert "flow-nonsense" == failed.value.error_code
    assert "pending" == failed.value.user.state
