"""A user's life against a model of it: random verbs, flows and faults, and what always holds."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sql_opener import open_url

import admit
from admit.errors import AddressTaken, AdmitError, FlowFailed, NotAllowed, RegistrationRefused
from admit.storage import TinyStore
from admit.stores import Store
from admit.testing import Inbox, Link, MemoryStore, SettableClock
from admit.testing import open as open_engine

ADDRESSES = ("ada@example.com", "grace@example.com", "alan@example.com")
PASSWORDS = ("correct horse battery staple", "a wholly different sentence")
ANSWERS = ("success", "pending", "fail", "raise")
anybody = st.sampled_from(ADDRESSES)
any_password = st.sampled_from(PASSWORDS)


class Crash(BaseException):
    """The process ends here."""


class Life(RuleBasedStateMachine):
    """The model: address → state, password and the disabled flag; and links that are dead."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.clock, self.inbox = self.new_store(), SettableClock(), Inbox()
        self.answer = "pending"
        self.states: dict[str, str] = {}
        self.passwords: dict[str, str] = {}
        self.disabled: set[str] = set()
        self.links: dict[str, list[Link]] = {}
        self.dead: list[Link] = []
        self.open_again()

    def new_store(self) -> Store:
        """What the life is kept in."""
        return MemoryStore()

    def open_again(self) -> None:
        """A new process on the same store."""
        self.engine = open_engine(
            self.store,
            clock=self.clock,
            inbox=self.inbox,
            functions={"decide": self.decide},
            settings={"function.confirmation": "decide", "function.reset": "decide"},
        )

    def decide(self, call: dict[str, object]) -> dict[str, str]:
        """The function of the function flow: it answers what the test last chose."""
        if self.answer == "raise":
            raise LookupError
        return {"status": self.answer}

    def entered(self, address: str, *, registers: bool) -> None:
        """What entering the active flow does to the model."""
        flow = self.engine.settings.get("confirmation_flow")
        if flow == "auto" or (flow == "function" and self.answer == "success"):
            self.states[address] = "confirmed"
        elif flow == "function" and self.answer == "fail" and registers:
            self.gone(address)

    def gone(self, address: str) -> None:
        self.states.pop(address, None)
        self.disabled.discard(address)
        self.dead += self.links.pop(address, [])

    def collect(self, address: str, sent_before: int) -> None:
        """Keep the link of a message that was handed over; the ones before it are dead."""
        if len(self.inbox.messages) > sent_before:
            self.dead += self.links.get(address, [])
            self.links[address] = [self.inbox.last_link(address)]

    @rule(address=anybody, password=any_password)
    def register(self, address: str, password: str) -> None:
        sent = len(self.inbox.messages)
        try:
            self.engine.register(address, password)
        except AddressTaken:
            assert address in self.states
            return
        except (RegistrationRefused, FlowFailed):
            pass
        assert address not in self.states
        self.states[address], self.passwords[address] = "pending", password
        self.collect(address, sent)
        self.entered(address, registers=True)

    @rule(address=anybody)
    def rerun(self, address: str) -> None:
        if address not in self.states:
            return
        sent = len(self.inbox.messages)
        try:
            self.engine.rerun(address=address)
        except NotAllowed:
            assert self.states[address] == "confirmed"
            return
        except FlowFailed:
            pass
        assert self.states[address] == "pending"
        if self.engine.settings.get("confirmation_flow") != "email":
            # Its token, once it was handed over or confirmed, is not one that we hold.
            self.links.pop(address, None)
        self.collect(address, sent)
        self.entered(address, registers=False)

    @rule(address=anybody)
    def press(self, address: str) -> None:
        for link in self.links.get(address, []):
            try:
                self.engine.confirm(**link.credentials)
            except AdmitError:
                continue  # expired, most often: the state must then be as it was
            self.states[address] = "confirmed"

    @rule()
    def press_all_that_is_dead(self) -> None:
        for link in self.dead:
            try:
                self.engine.confirm(**link.credentials)
            except AdmitError:
                continue
            raise AssertionError("a dead link opened")

    @rule(address=anybody, disabled=st.booleans())
    def disable_or_enable(self, address: str, disabled: bool) -> None:
        if address in self.states:
            (self.engine.disable if disabled else self.engine.enable)(address=address)
            (self.disabled.add if disabled else self.disabled.discard)(address)

    @rule(address=anybody)
    def confirm_manually(self, address: str) -> None:
        if self.states.get(address) == "pending":
            self.engine.confirm_manually(address=address)
            self.states[address] = "confirmed"

    @rule(address=anybody)
    def delete(self, address: str) -> None:
        if address in self.states:
            self.engine.delete(address=address)
            self.gone(address)

    @rule(address=anybody, password=any_password)
    def log_in(self, address: str, password: str) -> None:
        may = (
            self.states.get(address) == "confirmed"
            and address not in self.disabled
            and self.passwords[address] == password
        )
        try:
            login = self.engine.log_in("local-userpass", username=address, password=password)
        except AdmitError:
            assert not may
        else:
            assert may
            assert login.user.id == self.engine.verify(login.access_token).user_id

    @rule(flow=st.sampled_from(["email", "function", "auto"]), answer=st.sampled_from(ANSWERS))
    def switch_the_flow(self, flow: str, answer: str) -> None:
        self.engine.settings.set("confirmation_flow", flow)
        self.answer = answer

    @rule(minutes=st.integers(-10, 90))
    def the_clock_jumps(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))

    @rule(refuses=st.booleans())
    def the_mail_server_changes_its_mind(self, refuses: bool) -> None:
        (self.inbox.refuse_mail if refuses else self.inbox.accept_mail)()

    @rule(address=anybody, password=any_password)
    def the_process_ends_between_the_two_commits(self, address: str, password: str) -> None:
        if address in self.states or self.engine.settings.get("confirmation_flow") != "email":
            return

        def end(message: admit.Message) -> None:
            raise Crash

        self.inbox.before_mail(end)
        with contextlib.suppress(Crash, FlowFailed):
            self.engine.register(address, password)
        self.inbox.before_mail(None)
        self.states[address], self.passwords[address] = "pending", password
        self.open_again()

    @invariant()
    def the_store_is_as_the_model_says(self) -> None:
        found = {
            user.address.typed: (user.state, user.disabled)
            for user in self.engine.users.page(limit=1000).items
            if user.address is not None
        }
        assert found == {a: (s, a in self.disabled) for a, s in self.states.items()}

    @invariant()
    def every_life_replays_from_its_events(self) -> None:
        for user in self.engine.users.page(limit=1000).items:
            moves = [e for e in self.engine.users.timeline(user) if e.to_state is not None]
            assert moves[0].from_state == "new"
            pairs = zip(moves, moves[1:], strict=False)
            assert all(one.to_state == other.from_state for one, other in pairs)
            assert moves[-1].to_state == user.state

    def teardown(self) -> None:
        self.engine.work_once()
        assert () == self.engine.events.verify().problems


TestLife = Life.TestCase


@pytest.mark.parametrize("kind", ["tinydb", "sqlite", "postgresql"])
def test_a_life_is_the_same_on_every_store(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Given a store of each kind, new for each life, when a few lives are led, then all holds that
    holds in memory."""

    class Elsewhere(Life):
        def new_store(self) -> Store:
            name = uuid4()
            if kind == "tinydb":
                return TinyStore(tmp_path / f"{name}.json")
            if kind == "sqlite":
                return open_url(f"sqlite:///{tmp_path}/{name}.db")
            postgres = request.getfixturevalue("postgres")
            return open_url(f"postgresql+psycopg://{postgres.location(f'app-{name}')}")

        def teardown(self) -> None:
            super().teardown()
            self.engine.close()

    fast = settings(settings.default, max_examples=settings.default.max_examples // 6)
    run_state_machine_as_test(Elsewhere, settings=fast)
