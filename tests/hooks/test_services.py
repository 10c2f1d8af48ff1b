"""The services that the engine hands to plugins say what they cannot do, and whose fault it is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from typing import Any

import attrs
import pytest

import admit
from admit import Outcome, hookimpl
from admit.errors import FlowFailed, PluginFailed
from admit.flows import ConfirmationFlow
from admit.testing import CHEAP_HASHING, KEY, MemoryStore
from admit.transports import Message, Transport

OpenWith = Callable[..., admit.Engine]

PASSWORD = "correct horse battery staple"


class Calling:
    """The flow `calling`, which calls its services as a test says."""

    name = "calling"

    def __init__(self, act: Callable[[admit.Services], object]) -> None:
        self.act = act

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    def begin(self, entry: admit.Entry, services: admit.Services) -> Outcome:
        self.act(services)
        return Outcome.pending()


def said(open_with: OpenWith, act: Callable[[admit.Services], object]) -> str:
    """Return what the caller is told of a flow that does *act*."""
    engine = open_with(Calling(act), flow="calling")
    with pytest.raises(FlowFailed) as failed:
        engine.register("ada@example.com", PASSWORD)
    assert "pending" == failed.value.user.state
    return str(failed.value)


def test_a_section_that_nobody_registered_is_named(open_with: OpenWith) -> None:
    """
    Given a plugin that forgot to register its settings,
    when it asks for them,
    then the section is named.
    """

    @attrs.frozen
    class Forgotten:
        depth: int = 7

    assert "no plugin registered the settings section Forgotten" in said(
        open_with, lambda services: services.settings(Forgotten)
    )


def test_a_field_that_is_no_setting_is_named(open_with: OpenWith) -> None:
    """
    Given a section with a field that was not made with `admit.setting`,
    when the engine opens,
    then plugin and field are named.
    """

    @attrs.frozen
    class Plain:
        depth: int = 7

    class Careless:
        @hookimpl
        def register_settings(self) -> dict[str, type]:
            return {"careless": Plain}

    with pytest.raises((PluginFailed, TypeError), match="Plain.depth was not made with"):
        open_with(Careless())


def test_p3_a_password_is_hashed_from_its_masked_type_only(open_with: OpenWith) -> None:
    """
    Given a plugin that hands over a password as plain text,
    when it is to be hashed,
    then it is refused, and not quoted.
    """
    told = said(open_with, lambda services: services.hash_password("sesame open"))  # type: ignore[arg-type]

    assert "must be text" in told
    assert "sesame" not in told


def test_an_inline_object_may_not_answer_what_has_to_be_awaited(open_with: OpenWith) -> None:
    """
    Given a flow that declares itself inline and answers something awaitable, no coroutine,
    when it is entered,
    then the contradiction is named.
    """

    class Later:
        def __await__(self) -> Generator[Any, None, Outcome]:
            yield
            return Outcome.success()

    class Async(Calling):
        inline = True

        def begin(  # type: ignore[override]  # the point
            self, entry: admit.Entry, services: admit.Services
        ) -> Awaitable[Outcome]:
            return Later()

    engine = open_with(Async(lambda services: None), flow="calling")

    with pytest.raises(FlowFailed, match="declares inline = True but is async"):
        engine.register("ada@example.com", PASSWORD)


def test_a_transport_without_a_connection_is_tried_again(inbox: admit.testing.Inbox) -> None:
    """
    Given a stranger's transport that raises what sockets raise,
    when a message is sent,
    then that is a hiccup: the caller is not troubled, and the run waits for its next attempt.
    """

    class Pigeon:
        name = "pigeon"

        @hookimpl
        def register_transports(self) -> Iterable[Transport]:
            return [self]

        def send(self, message: Message, services: admit.Services) -> None:
            raise ConnectionResetError("a hawk")

    settings = {
        **CHEAP_HASHING,
        "transport": "pigeon",
        "email.sender": "admit@example.com",
        "email.link_base": "https://app.example.com/confirm",
    }
    with admit.open(MemoryStore(), key=KEY, plugins=[Pigeon()], settings=settings) as engine:
        run = engine.register("ada@example.com", PASSWORD).last_run

    assert run is not None
    assert run.error is not None
    assert run.due_at is not None
    assert "The transport 'pigeon' failed: ConnectionResetError." == run.error.sentence


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Press Ctrl-C: again and again, since a press may come before the caller waits; the first one
    that is felt counts."""
    felt = threading.Event()

    def feel(number: int, frame: object) -> None:
        if not felt.is_set():
            felt.set()
            raise KeyboardInterrupt

    def press() -> None:
        while not felt.wait(0.01):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    before = signal.signal(signal.SIGINT, feel)
    yield press
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_while_a_flow_is_awaited_reaches_the_caller(
    open_with: OpenWith, ctrl_c: Callable[[], None]
) -> None:
    """
    Given a caller who waits for a flow that hangs,
    when she presses Ctrl-C,
    then she has it at once; the user is kept, and the next call is served.
    """
    release = threading.Event()

    def hang(services: admit.Services) -> None:
        ctrl_c()
        release.wait(60)

    flow = Calling(lambda services: None)
    engine = open_with(flow, flow="calling")
    engine.register("grace@example.com", PASSWORD)  # the thread that the next call is made in
    flow.act = hang

    with pytest.raises(KeyboardInterrupt):
        engine.register("ada@example.com", PASSWORD)

    assert "pending" == engine.users.find("ada@example.com").state
    flow.act = lambda services: None
    assert "pending" == engine.rerun(address="ada@example.com").state
    release.set()
