"""What a confirmation flow promises, as a test suite that drives it through a real engine."""

from __future__ import annotations

import contextlib
import importlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from importlib.metadata import entry_points
from typing import Any, ClassVar, Final, Protocol

import pytest

from ...engine import Engine
from ...errors import (
    DeliveryFailed,
    FlowFailed,
    FlowRefused,
    NotConfigured,
    RegistrationRefused,
    ResendNotPossible,
    TokenUnknown,
)
from ...flows import ConfirmationFlow, Entry, Outcome, OutcomeStatus
from ...hookspecs import hookimpl
from ...lifecycle import TABLE
from ...records import Run, User
from ...services import Services
from ...stores import Change
from ..clock import SettableClock
from ..inbox import Inbox
from ..memory import MemoryStore
from .opened import PASSWORD, all_text, check_offer, open_on

_THREADS: Final = 4
_SHORT_LIMIT_SECONDS: Final = 0.05


class OpenFlow(Protocol):
    """Opens an engine on the flow under test, on a store, without some of its settings."""

    def __call__(self, store: MemoryStore, *without: str) -> AbstractContextManager[Engine]: ...


class WatchedFlow:
    """Stands before the flow under test under a name of its own, and sees what it is entered with.

    What the engine reads off a flow – `inline`, `check`, `proves_address`, … – is the inner one's.
    """

    name = "watched-by-the-contract"

    def __init__(self, inner: ConfirmationFlow) -> None:
        self._inner = inner
        self.entries: list[Entry] = []
        self.threads: list[int] = []
        self.afterwards: Callable[[], object] | None = None
        """Called when the flow has acted, before its answer goes on: raise or hang there, and the
        answer is lost."""
        self.hangs = False
        """Whether `afterwards` waits: then the limit is short."""

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        """Offer this flow, and one that merely waits."""
        return [self, _Waiting()]

    def begin(self, entry: Entry, services: Services) -> Any:
        """Enter the flow under test."""
        self.entries.append(entry)
        self.threads.append(threading.get_ident())
        answer = self._inner.begin(entry, services)
        return answer if self.afterwards is None else self._lose(answer)

    async def _lose(self, answer: Any) -> Any:
        if hasattr(answer, "__await__"):
            answer = await answer
        assert self.afterwards is not None, "there is a way to lose the answer"
        self.afterwards()
        return answer

    def __getattr__(self, name: str) -> Any:
        if name == "inline" and self.afterwards is not None:
            return False  # what hangs can only be cut in another thread
        if name == "limit_seconds" and self.afterwards is not None:
            return _SHORT_LIMIT_SECONDS if self.hangs else 30.0
        return getattr(self._inner, name)


class _Waiting:
    """A flow that does nothing, so that a user is pending whatever the flow under test answers."""

    name = "waiting-for-the-contract"
    inline = True

    def begin(self, entry: Entry, services: Services) -> Outcome:
        return Outcome.pending()


class FlowContract:
    """Subclass it, name the flow, hand over its plugin, and set what it needs.

    class TestSms(FlowContract):
        flow = "sms"
        plugins = ("admit_sms",)
        needs_settings = frozenset({"sms.outbox"})

        @pytest.fixture
        def settings(self, tmp_path):
            return {"sms.outbox": tmp_path}

    The flow is entered by a real engine on a memory store, whose transport `inbox` is the fixture
    `admit_inbox`.
    """

    flow: ClassVar[str]
    """The flow's name."""
    plugins: ClassVar[tuple[object, ...]] = ()
    """What to hand to `open(plugins=…)`; nothing for a plugin that is installed."""

    answers: ClassVar[OutcomeStatus] = "pending"
    """What an entry that goes well comes to."""
    inline: ClassVar[bool] = False
    """Whether the flow does no I/O and runs on the caller's thread."""
    sends_messages: ClassVar[bool] = False
    """Whether `resend` makes sense: the flow declares `resends = True`."""
    proves_address: ClassVar[bool] = False
    """Whether its token, pressed, proves the user's address."""
    needs_settings: ClassVar[frozenset[str]] = frozenset()
    """Settings without each of which the flow's `check` raises NotConfigured, naming it."""
    lacks: ClassVar[frozenset[str]] = frozenset()
    """What the flow cannot do, by name: `failure` (there is nothing that could go wrong). Each test
    that needs it is reported as skipped, with this reason."""

    provider: ClassVar[str | None] = None
    """The provider to register with; None: with an e-mail address and a password."""
    data: ClassVar[Mapping[str, object]] = {}
    """What to give with a registration."""

    def login(self, number: int) -> str:
        """Return the login of a user, another one for each number."""
        return f"ada{number}@example.com"

    @pytest.fixture
    def settings(self) -> Mapping[str, object]:
        """Return the settings that the flow needs, by their dotted names."""
        return {}

    @pytest.fixture
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """Return the functions that the flow needs, by name."""
        return {}

    @pytest.fixture
    def broken(self) -> Callable[[], None]:
        """Return a function after whose call the flow cannot do its work: a dead gateway, say."""
        if "failure" in self.lacks:
            pytest.skip("the flow declares that it lacks: failure")
        raise NotImplementedError("override the fixture `broken`, or declare lacks = {'failure'}")

    @pytest.fixture
    def written(self) -> list[Change]:
        """All that the engine asked its store to keep."""
        return []

    @pytest.fixture
    def watched(self) -> WatchedFlow:
        """The flow under test, and what it was entered with."""
        return WatchedFlow(_found_flow(self.flow, self.plugins))

    @pytest.fixture
    def open_flow(
        self,
        watched: WatchedFlow,
        settings: Mapping[str, object],
        functions: Mapping[str, Callable[..., Any]],
        admit_inbox: Inbox,
        admit_clock: SettableClock,
    ) -> OpenFlow:
        """Return a function that opens an engine on the flow."""

        def opened(store: MemoryStore, *without: str) -> AbstractContextManager[Engine]:
            return open_on(
                store,
                (*self.plugins, watched),
                settings={**settings, "confirmation_flow": watched.name},
                functions=functions,
                without=without,
                inbox=admit_inbox,
                clock=admit_clock,
            )

        return opened

    @pytest.fixture
    def flow_engine(self, open_flow: OpenFlow, written: list[Change]) -> Iterator[Engine]:
        """An engine whose active flow is the one under test."""
        store = MemoryStore()
        store.before_commit = written.append
        with open_flow(store) as engine:
            yield engine

    def register(self, engine: Engine, number: int = 1) -> User | None:
        """Register a user; None when the flow, as declared, refuses."""
        try:
            return engine.register(
                self.login(number), PASSWORD, provider=self.provider, data=self.data
            )
        except RegistrationRefused:
            assert self.answers == "fail", "only a flow that declares it may refuse"
            return None

    def rerun(self, engine: Engine, user: User) -> User:
        """Return a re-run user as the flow left it, also when the flow, as declared, refuses."""
        try:
            return engine.rerun(user)
        except FlowRefused as refused:
            assert self.answers == "fail", "only a flow that declares it may refuse"
            return refused.user

    def waiting(self, engine: Engine, number: int = 1) -> User:
        """Return a pending user who has not entered the flow under test."""
        active = engine.settings.get("confirmation_flow")
        engine.settings.set("confirmation_flow", _Waiting.name)
        user = engine.register(self.login(number), PASSWORD, provider=self.provider, data=self.data)
        engine.settings.set("confirmation_flow", active)
        return user

    # What it is

    def test_it_is_offered_once_with_settings_that_explain_themselves(
        self, flow_engine: Engine
    ) -> None:
        """Given the plugin, when an engine opens, then it offers the flow, which can be chosen, and
        each of its settings has a help and a valid default."""
        check_offer(flow_engine, f"confirmation flow {self.flow}")

        assert self.flow.isprintable()
        flow_engine.settings.set("confirmation_flow", self.flow)

    def test_it_works_under_its_own_name(self, flow_engine: Engine) -> None:
        """Given the flow is active, when somebody registers, then the run carries its name."""
        flow_engine.settings.set("confirmation_flow", self.flow)

        user = self.register(flow_engine)

        if user is not None:
            assert [self.flow] == [run.flow for run in user.runs]

    def test_it_is_what_it_declares(self, watched: WatchedFlow) -> None:
        """Given the flow, when the engine looks at it, then it is what the suite was told."""
        declared = {
            "inline": self.inline,
            "resends": self.sends_messages,
            "proves_address": self.proves_address,
        }
        assert declared == {name: bool(getattr(watched, name, False)) for name in declared}

    def test_what_it_needs_is_named_before_anything_is_written(self, open_flow: OpenFlow) -> None:
        """Given one of its settings is missing, when somebody registers, then it is named, and no
        user is left."""
        for name in self.needs_settings:
            with open_flow(MemoryStore(), name) as engine:
                with pytest.raises(NotConfigured) as raised:
                    self.register(engine)
                assert name in raised.value.settings
                assert engine.users.count() == 0

    def test_it_runs_where_it_declares(self, flow_engine: Engine, watched: WatchedFlow) -> None:
        """Given the flow, when it is entered, then it runs here if inline, else under a limit in a
        thread of the engine's."""
        self.register(flow_engine)

        assert self.inline == (threading.get_ident() == watched.threads[0])

    # Entering it

    def test_a_registration_ends_where_the_lifecycle_allows(self, flow_engine: Engine) -> None:
        """Given the flow, when somebody registers, then the user is where the answer leads, and
        every move on the way is an arrow of the table."""
        user = self.register(flow_engine)

        state = {"success": "confirmed", "pending": "pending", "fail": "deleted"}[self.answers]
        if user is None:
            assert flow_engine.users.count("pending") + flow_engine.users.count("confirmed") == 0
            return
        assert state == user.state
        arrows = {(arrow.trigger, arrow.source, arrow.dest) for arrow in TABLE}
        for event in flow_engine.users.timeline(user):
            if event.from_state is not None:
                assert (event.trigger, event.from_state, event.to_state) in arrows

    def test_the_token_it_was_given_confirms(
        self, flow_engine: Engine, watched: WatchedFlow
    ) -> None:
        """Given a user in the flow, when the token of the entry is pressed, then she is confirmed,
        and her address is proved if the flow says so – unless the flow refused her."""
        self.register(flow_engine)
        (entry,) = watched.entries

        if self.answers == "fail":
            with pytest.raises(TokenUnknown):
                flow_engine.confirm(token_id=entry.token_id, token=entry.token)
            return
        user = flow_engine.confirm(token_id=entry.token_id, token=entry.token)

        assert user.state == "confirmed"
        if user.address is not None:
            assert self.proves_address == (user.address.proved_at is not None)

    def test_it_can_be_entered_again(self, flow_engine: Engine, watched: WatchedFlow) -> None:
        """Given an entry whose answer was lost, when the user is re-run, then the flow works again,
        with another run, key and token."""
        user = self.waiting(flow_engine)
        watched.afterwards = _raise
        with pytest.raises(FlowFailed):
            flow_engine.rerun(user)
        watched.afterwards = None

        again = self.rerun(flow_engine, user)

        first, second = watched.entries
        assert again.state == ("confirmed" if self.answers == "success" else "pending")
        assert (first.reason, second.reason) == ("rerun", "rerun")
        assert first.idempotency_key != second.idempotency_key
        assert first.token != second.token
        assert self._result_of_good_run == _last_run(again).result

    def test_an_attempt_can_be_repeated(
        self, flow_engine: Engine, watched: WatchedFlow, admit_clock: SettableClock
    ) -> None:
        """Given a first attempt whose answer was lost, when the worker makes the second one, then
        the flow is entered in the same run with another key, and answers as ever."""
        user = self.waiting(flow_engine)
        watched.afterwards = _defer
        flow_engine.rerun(user)
        watched.afterwards = None
        admit_clock.advance(timedelta(minutes=1))

        flow_engine.work_once()

        first, second = watched.entries
        assert (first.attempt, second.attempt) == (1, 2)
        assert first.token_id == second.token_id
        assert first.idempotency_key != second.idempotency_key
        assert self._result_of_good_run == _last_run(flow_engine.users.get(user.id)).result

    @property
    def _result_of_good_run(self) -> str | None:
        return {"success": "success", "pending": None, "fail": "refused"}[self.answers]

    def test_a_message_can_be_sent_again_if_it_sends_one(
        self, flow_engine: Engine, watched: WatchedFlow
    ) -> None:
        """Given a pending user, when her message is asked for again, then a flow that sends one is
        entered for it, and one that does not says what to do instead."""
        user = self.waiting(flow_engine)

        if not self.sends_messages:
            with pytest.raises(ResendNotPossible):
                flow_engine.resend(user)
            assert watched.entries == []
            return
        flow_engine.resend(user)

        assert [entry.reason for entry in watched.entries] == ["resend"]

    def test_users_who_register_at_once_do_not_mix(
        self, flow_engine: Engine, watched: WatchedFlow
    ) -> None:
        """Given several users, when they register at the same moment, then each is entered once,
        and each token confirms its own user."""
        together = threading.Barrier(_THREADS)

        def register(number: int) -> User | None:
            together.wait(10)
            return self.register(flow_engine, number)

        with ThreadPoolExecutor(_THREADS) as threads:
            users = list(threads.map(register, range(_THREADS)))

        assert len({entry.user_id for entry in watched.entries}) == _THREADS
        if self.answers != "fail":
            ids = {user.id for user in users if user is not None}
            assert ids == {
                flow_engine.confirm(token_id=entry.token_id, token=entry.token).id
                for entry in watched.entries
            }

    # When something goes wrong

    def test_a_flow_that_cannot_do_its_work_keeps_the_user(
        self, flow_engine: Engine, broken: Callable[[], None]
    ) -> None:
        """Given the flow's outside is broken, when a pending user enters it, then she is kept,
        pending, with the error on her run."""
        user = self.waiting(flow_engine)
        broken()

        with contextlib.suppress(FlowFailed):  # not told while it is tried again
            flow_engine.rerun(user)

        kept = flow_engine.users.get(user.id)
        assert kept.state == "pending"
        assert _last_run(kept).error is not None

    def test_raising_after_it_acted_keeps_the_user_and_her_token(
        self, flow_engine: Engine, watched: WatchedFlow
    ) -> None:
        """Given the flow has acted, when it then raises, then the caller is told, the user stays
        pending, and the token that went out confirms."""
        watched.afterwards = _raise

        with pytest.raises(FlowFailed) as raised:
            self.register(flow_engine)

        assert (raised.value.error_code, raised.value.user.state) == ("flow-raised", "pending")
        (entry,) = watched.entries
        confirmed = flow_engine.confirm(token_id=entry.token_id, token=entry.token)
        assert confirmed.state == "confirmed"

    def test_hanging_after_it_acted_is_cut_and_keeps_the_user(
        self, flow_engine: Engine, watched: WatchedFlow
    ) -> None:
        """Given the flow has acted, when it then hangs, then it is abandoned after its limit, the
        user stays pending with the error on her run, and the token that went out confirms."""
        release = threading.Event()
        watched.afterwards, watched.hangs = release.wait, True
        user = self.waiting(flow_engine)

        with contextlib.suppress(FlowFailed):  # not told while it is tried again
            flow_engine.rerun(user)
        release.set()

        kept = flow_engine.users.get(user.id)
        error = _last_run(kept).error
        assert error is not None
        assert (kept.state, error.code) == ("pending", "flow-timed-out")
        if watched.entries:  # on a busy machine it may be cut before it has begun
            (entry,) = watched.entries
            confirmed = flow_engine.confirm(token_id=entry.token_id, token=entry.token)
            assert confirmed.state == "confirmed"

    # What must not be kept

    def test_t3_no_raw_token_is_kept_or_logged(
        self,
        flow_engine: Engine,
        written: list[Change],
        watched: WatchedFlow,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Given the log at its most talkative, when users go through the flow, then neither a token
        nor a code stands in the store, the log, an event or a `repr`."""
        caplog.set_level(logging.DEBUG)

        users = [self.register(flow_engine), self.rerun(flow_engine, self.waiting(flow_engine, 2))]

        found = "\n".join([caplog.text, repr(users), repr(watched.entries), all_text(written)])
        for entry in watched.entries:
            for raw in (entry.token.reveal(), entry.code.reveal(), PASSWORD):
                assert raw not in found, "a secret was kept or logged"


def _found_flow(name: str, plugins: Iterable[object]) -> ConfirmationFlow:
    """Return the flow of that name, of these plugins or of an installed one."""
    given = [importlib.import_module(p) if isinstance(p, str) else p for p in plugins]
    for plugin in given or [entry.load() for entry in entry_points(group="admit")]:
        offers: Callable[[], Iterable[ConfirmationFlow]] | None = getattr(
            plugin, "register_confirmation_flows", None
        )
        for flow in () if offers is None else offers():
            if flow.name == name:
                return flow
    raise LookupError(f"no plugin offers a confirmation flow named {name!r}")


def _last_run(user: User) -> Run:
    assert user.last_run is not None, "who entered a flow has a run"
    return user.last_run


def _raise() -> None:
    raise ConnectionResetError("the answer was lost")


def _defer() -> None:
    raise DeliveryFailed("The answer was lost.", temporary=True)
