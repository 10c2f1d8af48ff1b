"""Registered objects: async or not, under a limit or inline, and what happens when one hangs,
raises or answers nonsense."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import SimpleNamespace

import pytest

import admit
from admit.errors import FlowFailed, NotConfigured, PluginFailed, PluginTimedOut
from admit.flows import ConfirmationFlow
from admit.providers import Provider

PASSWORD = "correct horse battery staple"
HANGING_AT_MOST = 8

OpenWith = Callable[..., admit.Engine]


class Flow:
    """A flow that does what it is told."""

    name = "told"

    def __init__(self, do: Callable[[admit.Entry], object], **declared: object) -> None:
        self.do = do
        vars(self).update(declared)

    @admit.hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    def begin(self, entry: admit.Entry, services: admit.Services) -> admit.Outcome:
        answer: admit.Outcome = self.do(entry)  # type: ignore[assignment]  # or nonsense
        return answer


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """What hanging calls wait for; set when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def info(engine: admit.Engine, plugin: str) -> admit.PluginInfo:
    return next(found for found in engine.plugins() if found.name == plugin)


# Where they run


def test_an_object_may_be_async(open_with: OpenWith) -> None:
    """
    Given a flow whose `begin` is async,
    when it is entered from code that has no event loop, and from code that runs in one,
    then it is run to its end.
    """

    async def begin(entry: admit.Entry) -> admit.Outcome:
        await asyncio.sleep(0)
        return admit.Outcome.success()

    engine = open_with(Flow(begin), flow="told")

    async def registering() -> admit.User:
        return engine.register("grace@example.com", PASSWORD)

    assert "confirmed" == engine.register("ada@example.com", PASSWORD).state
    assert "confirmed" == asyncio.run(registering()).state


def test_an_object_that_declares_itself_inline_must_not_be_async(open_with: OpenWith) -> None:
    """
    Given a flow that is async and says that it is inline,
    when it is entered,
    then the contradiction is named, and the user is kept.
    """

    async def begin(entry: admit.Entry) -> admit.Outcome:
        return admit.Outcome.success()

    engine = open_with(Flow(begin, inline=True), flow="told")

    with pytest.raises(FlowFailed, match="declares inline = True but is async") as raised:
        engine.register("ada@example.com", PASSWORD)

    assert "pending" == raised.value.user.state


def test_a_call_sees_the_context_of_its_caller(open_with: OpenWith) -> None:
    """
    Given a context variable, such as a request's id,
    when a flow runs in a thread of the engine's,
    then it sees what its caller set, and cannot change it for him.
    """
    request = contextvars.ContextVar("request", default="none")
    seen: list[str] = []

    def begin(entry: admit.Entry) -> admit.Outcome:
        seen.append(request.get())
        request.set("changed")
        return admit.Outcome.success()

    engine = open_with(Flow(begin), flow="told")
    request.set("r-1")

    engine.register("ada@example.com", PASSWORD)

    assert (["r-1"], "r-1") == (seen, request.get())


# What goes wrong


def test_a_flow_that_raises_keeps_the_user(
    open_with: OpenWith, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Given a flow that raises with the token in its text,
    when somebody registers,
    then the caller is told what, without the token; the user is registered, pending, with the error
    on her run; the plugin's failure is counted, and the log has no token either.
    """
    tokens: list[str] = []

    def begin(entry: admit.Entry) -> None:
        tokens.append(entry.token.reveal())
        raise LookupError(f"no route for {tokens[0]} of {entry.username}")

    engine = open_with(Flow(begin), flow="told")

    with pytest.raises(FlowFailed) as raised:
        engine.register("ada@example.com", PASSWORD)

    kept = engine.users.find("ada@example.com")
    assert kept.last_run is not None
    assert kept.last_run.error is not None
    assert ("flow-raised", "LookupError: no route for … of …") == (
        kept.last_run.error.code,
        kept.last_run.error.sentence,
    )
    assert ("pending", 1) == (raised.value.user.state, info(engine, "Flow").failures)
    assert "LookupError" in caplog.text
    assert tokens[0] not in caplog.text
    assert "ada@example.com" not in caplog.text


def test_a_flow_that_ends_its_thread_only_fails(open_with: OpenWith) -> None:
    """
    Given a flow that raises SystemExit,
    when it is entered,
    then it has failed like any other, and the next entry works.
    """
    ends = [SystemExit(1)]

    def begin(entry: admit.Entry) -> admit.Outcome:
        if ends:
            raise ends.pop()
        return admit.Outcome.success()

    engine = open_with(Flow(begin), flow="told")

    with pytest.raises(FlowFailed, match="SystemExit") as raised:
        engine.register("ada@example.com", PASSWORD)
    assert "confirmed" == engine.rerun(raised.value.user).state


@pytest.mark.parametrize("inline", [True, False])
@pytest.mark.parametrize(
    "nonsense", [None, True, "success", {"status": "maybe"}, {"status": "success", "proved": "yes"}]
)
def test_a_flow_that_answers_nonsense_is_named(
    open_with: OpenWith, nonsense: object, inline: bool
) -> None:
    """
    Given a flow that answers neither an outcome nor its mapping,
    when it is entered,
    then the caller is told whose answer it was, and the user is kept, pending.
    """
    engine = open_with(Flow(lambda entry: nonsense, inline=inline), flow="told")

    with pytest.raises(FlowFailed, match="The plugin 'Flow' answered") as raised:
        engine.register("ada@example.com", PASSWORD)

    assert ("flow-nonsense", "pending") == (raised.value.error_code, raised.value.user.state)


@pytest.mark.parametrize(
    "declared",
    [{"check": lambda services: [][0]}, {"limit_seconds": lambda services: "soon"}],
    ids=["check", "limit_seconds"],
)
def test_what_a_flow_says_of_itself_may_not_raise_past_us(
    open_with: OpenWith, declared: Mapping[str, object]
) -> None:
    """
    Given a flow whose `check` raises, or whose limit is no number,
    when somebody registers,
    then the plugin is named, and nothing was written.
    """
    engine = open_with(Flow(lambda entry: admit.Outcome.success(), **declared), flow="told")

    with pytest.raises(PluginFailed, match="The plugin 'Flow' failed in"):
        engine.register("ada@example.com", PASSWORD)

    assert 0 == engine.users.count()


def test_a_check_that_names_settings_passes(open_with: OpenWith) -> None:
    """
    Given a flow whose `check` says what is missing,
    when somebody registers, that is what the caller reads, and nothing was written,
    and when a pending user is looked at, `why` says it as well.
    """

    def check(services: admit.Services) -> None:
        raise NotConfigured("The flow 'told'", ["told.gateway"])

    engine = open_with(Flow(lambda entry: admit.Outcome.pending(), check=check), flow="told")

    with pytest.raises(NotConfigured, match=r"Set told\.gateway"):
        engine.register("ada@example.com", PASSWORD)

    assert 0 == engine.users.count()


@pytest.mark.parametrize(
    ("method", "answer", "what"),
    [
        ("identify", None, "must answer a Claim, not NoneType"),
        ("identify", "ada", "must answer a Claim, not str"),
        ("check", True, "must answer a Check, not bool"),
        ("new_identity", {}, "must answer a NewIdentity, not dict"),
        ("private_data", "hash", "must answer a Mapping, not str"),
        ("verify_private", "yes", "must answer a bool, not str"),
    ],
)
@pytest.mark.parametrize("inline", [True, False])
def test_a_provider_that_answers_nonsense_is_named(
    open_with: OpenWith, method: str, answer: object, what: str, inline: bool
) -> None:
    """
    Given a provider one of whose methods answers nonsense,
    when somebody registers, changes her password or logs in,
    then plugin and method are named, and nobody is let in.
    """
    answers = {
        "identify": admit.Claim(login_key="ada"),
        "check": admit.Check(accepted=True),
        "new_identity": admit.NewIdentity(login_key="ada"),
        "private_data": {"hash": "x"},
        "verify_private": True,
        method: answer,
    }
    provider = SimpleNamespace(name="odd", inline=inline)
    for name, value in answers.items():
        setattr(provider, name, lambda *_, value=value: value)

    class Odd:
        @admit.hookimpl
        def register_providers(self) -> Iterable[Provider]:
            return [provider]

    engine = open_with(Odd())

    def live() -> None:
        user = engine.register("ada", PASSWORD, provider="odd")
        engine.change_password(user, current=PASSWORD, new=PASSWORD)
        engine.log_in("odd")

    with pytest.raises(PluginFailed, match=what) as raised:
        live()

    assert ("Odd", method) == (raised.value.plugin, raised.value.hook)


# What hangs


def test_a_hanging_call_is_abandoned_and_counted(
    open_with: OpenWith, release: threading.Event
) -> None:
    """
    Given a flow that does not come back,
    when its limit is over,
    then the caller goes on, is told so, has the user, and the plugin's hanging call is counted.
    """
    engine = open_with(Flow(lambda entry: release.wait(), limit_seconds=0.05), flow="told")

    with pytest.raises(FlowFailed, match=r"did not answer begin within 0\.05 seconds") as raised:
        engine.register("ada@example.com", PASSWORD)

    assert ("flow-timed-out", "pending") == (raised.value.error_code, raised.value.user.state)
    assert 1 == info(engine, "Flow").hanging
    assert PluginTimedOut("Flow", "begin", 0.05).sentence in str(raised.value)


def test_an_answer_that_comes_too_late_changes_nothing(
    open_with: OpenWith, release: threading.Event
) -> None:
    """
    Given a call that was abandoned,
    when it answers `success` after all,
    then the user stays as she is, and the plugin hangs no more.
    """
    engine = open_with(
        Flow(lambda entry: release.wait() and admit.Outcome.success(), limit_seconds=0.05),
        flow="told",
    )
    with pytest.raises(FlowFailed) as raised:
        engine.register("ada@example.com", PASSWORD)

    release.set()

    assert eventually(lambda: info(engine, "Flow").hanging == 0)
    assert raised.value.user == engine.users.get(raised.value.user.id)


def test_a_plugin_of_which_eight_calls_hang_is_refused_by_name(
    open_with: OpenWith, release: threading.Event
) -> None:
    """
    Given a plugin of which eight calls hang,
    when a ninth is due, it is not even called, and the plugin is named; another plugin works as
    ever;
    and when the calls came back, it is called again.
    """
    called: list[str] = []

    def begin(entry: admit.Entry) -> admit.Outcome:
        called.append(entry.user_id)
        release.wait()
        return admit.Outcome.success()

    flow = Flow(begin, limit_seconds=0.05)
    engine = open_with(flow, flow="told")
    for number in range(HANGING_AT_MOST):
        with pytest.raises(FlowFailed, match="did not answer"):
            engine.register(f"ada{number}@example.com", PASSWORD)

    with pytest.raises(FlowFailed, match="8 calls of the plugin 'Flow' hang") as raised:
        engine.register("grace@example.com", PASSWORD)

    grace = raised.value.user
    assert ("plugin-overloaded", "pending") == (raised.value.error_code, grace.state)
    assert grace.id not in called
    assert HANGING_AT_MOST == info(engine, "Flow").hanging
    engine.settings.set("confirmation_flow", "auto")
    assert "confirmed" == engine.register("alan@example.com", PASSWORD).state
    release.set()
    assert eventually(lambda: info(engine, "Flow").hanging == 0)
    vars(flow)["limit_seconds"] = 30.0
    engine.settings.set("confirmation_flow", "told")
    assert "confirmed" == engine.rerun(grace).state


def test_a_flow_that_sends_and_of_which_eight_calls_hang_is_tried_again_later(
    open_with: OpenWith, release: threading.Event
) -> None:
    """
    Given a flow that sends messages, of which eight calls hang,
    when a ninth is due,
    then its run is queued like one that timed out: a hiccup of the other side strands nobody.
    """

    def begin(entry: admit.Entry) -> admit.Outcome:
        release.wait()
        return admit.Outcome.pending()

    engine = open_with(Flow(begin, limit_seconds=0.05, resends=True), flow="told")
    users = [
        engine.register(f"ada{number}@example.com", PASSWORD)
        for number in range(HANGING_AT_MOST + 1)
    ]
    release.set()

    runs = [user.last_run for user in users]
    errors = [run.error.code for run in runs if run is not None and run.error is not None]
    assert ["flow-timed-out"] * HANGING_AT_MOST + ["plugin-overloaded"] == errors
    assert all(run is not None and run.due_at is not None for run in runs)


def eventually(claim: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    """Return whether *claim* comes true; other threads are given a little time in between."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if claim():
            return True
        pause.wait(0.01)
    return claim()
