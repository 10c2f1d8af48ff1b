"""A user's life against a model of it: random verbs, flows and faults, and what always holds.

`tests/support/reference.py` is the model. Each rule does one thing to the engine, says in the model
what that must come to, and asserts what was answered. The invariants look at everything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from moody import Crash
from passwords_and_sessions import PasswordsAndSessions
from reference import Person, Token
from store_kinds import KINDS, new_store
from watched_life import (
    ADDRESSES,
    ANSWERS,
    EXPIRE_AFTER,
    MOST_WAITING,
    PASSWORDS,
    any_password,
    anybody,
    some,
)

from admit import Message, User
from admit.errors import (
    AddressTaken,
    AdmitError,
    CodeResting,
    CodeWrong,
    FlowFailed,
    FlowRefused,
    NotAllowed,
    RegistrationRefused,
    ResendNotPossible,
    UserNotFound,
)
from admit.stores import Store


class Life(PasswordsAndSessions):
    """What every kind of life has in common; subclasses say on which store, by which policy."""

    # --- entering pending ----------------------------------------------------------------------

    def is_free(self, address: str, but: Person | None = None) -> bool:
        waiting = [p for p in self.world.waiting(address) if p is not but]
        if self.world.holder(address) is not None:
            return False
        return len(waiting) < MOST_WAITING if self.policy == "first-proof" else not waiting

    @initialize(confirms=st.booleans(), logs_in=st.integers(0, 2), disables=st.booleans())
    def some_are_there_already(self, confirms: bool, logs_in: int, disables: bool) -> None:
        """Else most of what follows would have nobody to happen to."""
        for address in ADDRESSES[:2]:
            self.register(address, PASSWORDS[0])
        if confirms:
            self.press(0, 0, by_code=False)
            for _ in range(logs_in):
                self.log_in(0, PASSWORDS[1], right=True)
        if disables:
            self.disable_or_enable(1, disabled=True)

    @rule(address=anybody, password=any_password)
    def register(self, address: str, password: str) -> None:
        if not self.is_free(address):
            try:
                self.engine.register(address, password)
            except AddressTaken:
                return
            raise AssertionError("a taken address was registered")
        self.registers(address, password, lambda: self.engine.register(address, password))

    def registers(self, address: str, password: str, register: Callable[[], User]) -> None:
        """Let *register* run; the model learns of the user before it learns of her tokens."""
        known = set(self.world.people)
        person = None
        fails = self.flow == "moody" and self.moody.mood == "fail"
        self.moody.listen()
        try:
            register()
        except RegistrationRefused:
            assert fails
        except (FlowFailed, Crash):
            assert not fails
        else:
            assert not fails
        finally:
            self.moody.hear_out(self.engine)
        found = [u for u in self.all_users() if u.id not in known]
        assert len(found) == (0 if fails else 1)
        for user in found:
            person = Person(user.id, address, password, self.clock.now())
            self.world.people[user.id] = person
        self.hear_of_messages()
        if self.moody.entry is not None:
            self.hear_of_call(self.moody.entry, reset=False)
        elif person is not None and self.flow == "auto":
            self.becomes_confirmed(person)

    @rule(number=some, again=st.sampled_from(["rerun", "resend"]))
    def rerun(self, number: int, again: str) -> None:
        person = self.pick(number)
        if person is None:
            return
        was, loses = person.state, self.loses(person)
        try:
            with self.entering(person if again == "rerun" else None):
                getattr(self.engine, again)(person.id)
        except NotAllowed:
            assert "confirmed" == was
        except ResendNotPossible:
            assert ("resend", "email") != (again, self.flow)
            assert "resend" == again
        except AddressTaken:
            assert loses
            self.world.people.pop(person.id, None)
        except (FlowFailed, FlowRefused):
            assert "pending" == was == person.state
        else:
            assert "pending" == was

    @rule(number=some, to=anybody)
    def correct_address(self, number: int, to: str) -> None:
        person = self.pick(number, "pending")
        if person is None:
            return
        if not self.is_free(to, but=person):
            try:
                self.engine.correct_address(person.id, to=to)
            except AddressTaken:
                return
            raise AssertionError("a taken address was corrected to")
        self.world.kill(person, "confirm", "reset")
        person.address, person.proved = to, False
        with contextlib.suppress(FlowFailed, FlowRefused), self.entering(person):
            self.engine.correct_address(person.id, to=to)

    # --- confirming ----------------------------------------------------------------------------

    @rule(number=some, which=some, by_code=st.booleans())
    def press(self, number: int, which: int, by_code: bool) -> None:
        person = self.pick(number)
        tokens = [] if person is None else [t for t in person.tokens if t.purpose == "confirm"]
        if person is None or not tokens:
            return
        token = tokens[which % len(tokens)]
        was, loses = person.state, self.loses(person)
        live = token.expires_at > self.clock.now() and not self.is_forgotten(person, token)
        try:
            if by_code:
                user = self.engine.confirm(address=person.address, code=token.code)
            else:
                user = self.engine.confirm(**token.credentials)
        except AddressTaken:
            assert live
            assert loses
            self.world.gone(person)
        except (CodeWrong, CodeResting):
            assert by_code
            assert not live or person.address in self.guessed
            self.guessed.add(person.address)
        except AdmitError:
            assert not live
        else:
            assert live
            assert (person.id, "confirmed") == (user.id, user.state)
            proves = any(a.proved_by == token.run for a in user.addresses)
            if was == "confirmed" and proves and not person.proved:
                self.world.end_sessions(person)  # whoever was in before her is out (H2)
            person.proved = person.proved or proves
            person.state = "confirmed"
            token.used = True

    def is_forgotten(self, person: Person, token: Token) -> bool:
        """Only what was used may be: a token that was not pressed yet opens to its last moment."""
        return token.used and self.engine.users.get(person.id).run(token.run) is None

    @rule()
    def press_all_that_is_dead(self) -> None:
        for token in self.world.dead:
            with self.refused(AdmitError):
                self.engine.confirm(**token.credentials)
            with self.refused(AdmitError):
                self.engine.set_password(**token.credentials, password=PASSWORDS[0])

    @rule(number=some)
    def use_a_token_for_what_it_is_not_for(self, number: int) -> None:
        person = self.pick(number)
        for token in [] if person is None else person.tokens:
            with self.refused(AdmitError):
                if token.purpose == "confirm":
                    self.engine.set_password(**token.credentials, password=PASSWORDS[0])
                else:
                    self.engine.confirm(**token.credentials)

    @rule(address=anybody)
    def guess_a_code(self, address: str) -> None:
        try:
            self.engine.confirm(address=address, code="AAAA-AAAA")
        except UserNotFound:
            assert not [p for p in self.world.people.values() if p.address == address]
        except (CodeWrong, CodeResting):
            self.guessed.add(address)
        else:
            raise AssertionError("a guessed code opened")

    @rule(number=some)
    def confirm_manually(self, number: int) -> None:
        person = self.pick(number, "pending")
        if person is None:
            return
        loses = self.loses(person)
        try:
            self.engine.confirm_manually(person.id)
        except AddressTaken:
            assert loses
            self.world.gone(person)
        else:
            assert not loses
            person.state = "confirmed"

    @rule(address=anybody, password=any_password)
    def create(self, address: str, password: str) -> None:
        free = self.world.holder(address) is None and (
            self.policy == "first-proof" or not self.world.waiting(address)
        )
        try:
            user = self.engine.create(address, password)
        except AddressTaken:
            assert not free
            return
        assert free
        person = Person(user.id, address, password, self.clock.now(), "confirmed")
        person.must_change = True
        self.world.people[user.id] = person

    # --- the world around ----------------------------------------------------------------------

    @rule(flow=st.sampled_from(["email", "moody", "auto"]), mood=st.sampled_from(ANSWERS))
    def switch_the_flow(self, flow: str, mood: str) -> None:
        self.engine.settings.set("confirmation_flow", flow)
        self.moody.mood = mood

    @rule(minutes=st.sampled_from([0, 1, 7, 29, 31, 61, 200]))
    def the_clock_jumps(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        self.guessed.clear()

    @rule(refuses=st.sampled_from(["no", "for good", "for now"]))
    def the_mail_server_changes_its_mind(self, refuses: str) -> None:
        self.inbox.accept_mail()
        if refuses != "no":
            self.inbox.refuse_mail(temporary=refuses == "for now")

    @rule(work=st.sampled_from(["work_once", "recover", "sweep"]))
    def the_worker_comes_by(self, work: str) -> None:
        for _ in range(2):  # the second pass finds what the first one queued
            getattr(self.engine, work)()
        self.hear_of_messages()
        if work != "recover":
            for person in [p for p in self.world.people.values() if self.loses(p)]:
                self.world.gone(person)
        if work != "recover" and self.engine.settings.get("expire_pending_after") is not None:
            for person in [p for p in self.world.people.values() if p.state == "pending"]:
                if person.created_at + EXPIRE_AFTER <= self.clock.now():
                    self.world.gone(person)

    @rule(expires=st.booleans())
    def the_policy_of_expiry_changes(self, expires: bool) -> None:
        self.engine.settings.set("expire_pending_after", EXPIRE_AFTER if expires else None)

    @precondition(lambda self: self.flow == "email")
    @rule(address=anybody, password=any_password)
    def the_process_ends_between_the_two_commits(self, address: str, password: str) -> None:
        if not self.is_free(address):
            return

        def end(message: Message) -> None:
            raise Crash

        self.inbox.before_mail(end)
        self.registers(address, password, lambda: self.engine.register(address, password))
        self.inbox.before_mail(None)
        self.open_again()

    def teardown(self) -> None:
        self.press_all_that_is_dead()
        self.use_all_sessions_that_ended()
        self.engine.work_once()
        assert () == self.engine.events.verify().problems
        kept = self.kept_text()
        assert [] == [secret for secret in self.secrets if secret in kept]
        self.engine.close()


class LifeOfWhoProvesFirst(Life):
    """Several may wait for one address."""

    policy = "first-proof"


# Most walks are short, and each leaves some rules out: it takes some hundred to come by everything.
PROFILE = settings()
MANY = settings(max_examples=max(200, PROFILE.max_examples))
SOME = settings(max_examples=max(20, PROFILE.max_examples // 10))

TestLife = Life.TestCase
TestLife.settings = MANY
TestLifeOfWhoProvesFirst = LifeOfWhoProvesFirst.TestCase
TestLifeOfWhoProvesFirst.settings = MANY


@pytest.mark.parametrize("policy", ["reserve", "first-proof"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_life_is_the_same_on_every_store(
    kind: str, policy: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Given a store of each kind, new for each life, when a few lives are led, then all holds that
    holds in memory; and no secret is found in the files."""

    class Elsewhere(Life):
        def open_store(self) -> Store:
            self.name = uuid4()
            return new_store(kind, self.name, tmp_path, request)

        def kept_text(self) -> str:
            files = tmp_path.glob(f"{self.name}.*")
            raw = [file.read_bytes().decode("utf-8", "replace") for file in files]
            return "\n".join([super().kept_text(), *raw])

    Elsewhere.policy = policy
    run_state_machine_as_test(Elsewhere, settings=SOME)
