"""A user's life against a model of it: random verbs, flows and faults, and what always holds.

`tests/support/reference.py` is the model. Each rule does one thing to the engine, says in the model
what that must come to, and asserts what was answered. The invariants look at everything.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from reference import TOKEN_LIFETIME, Person, Token, World
from sql_opener import open_url

import admit
from admit import Entry, Message, Outcome, Services, User, hookimpl
from admit.errors import (
    AddressTaken,
    AdmitError,
    CodeResting,
    CodeWrong,
    ConfirmationRequired,
    FlowFailed,
    FlowRefused,
    NotAllowed,
    PasswordMustChange,
    RegistrationRefused,
    ResendNotPossible,
    SessionInvalid,
    UserDisabled,
    UserNotFound,
    WrongCredentials,
)
from admit.flows import Answer, ConfirmationFlow, ResetFlow
from admit.storage import TinyStore
from admit.stores import Store
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

ADDRESSES = ("ada@example.com", "grace@example.com", "alan@example.com")
PASSWORDS = ("correct horse battery staple", "a wholly different sentence")
ANSWERS = ("success", "proved", "pending", "fail", "raise", "hang", "nonsense")
MOST_WAITING = 5
EXPIRE_AFTER = timedelta(hours=3)

anybody = st.sampled_from(ADDRESSES)
any_password = st.sampled_from(PASSWORDS)
some = st.integers(0, 1000)
"""Picks one of those there are."""


class Crash(BaseException):
    """The process ends here."""


class Moody:
    """A flow that answers what it is told to, and remembers what it was called with last."""

    name = "moody"

    def __init__(self) -> None:
        self.mood = "pending"
        self.listen()

    def listen(self) -> None:
        """Forget who called last, and let the next one hang until it is woken."""
        self.entry: Entry | None = None
        self.wakes = threading.Event()

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [self]

    @hookimpl
    def register_reset_flows(self) -> Iterable[ResetFlow]:
        return [self]

    def limit_seconds(self, services: Services) -> float:
        """Only who hangs is cut off, however busy the machine is."""
        return 0.02 if self.mood == "hang" else 60

    def begin(self, entry: Entry, services: Services) -> Answer:
        self.entry = entry
        match self.mood:
            case "success" | "proved":
                return Outcome.success(proved=self.mood == "proved")
            case "pending":
                return {"status": "pending"}
            case "fail":
                return Outcome.fail("no")
            case "raise":
                raise LookupError
            case "hang":
                self.wakes.wait(10)
        return {"status": "perhaps"}


class Life(RuleBasedStateMachine):
    """What every kind of life has in common; subclasses say on which store, by which policy."""

    policy: ClassVar[str] = "reserve"

    def open_store(self) -> Store:
        return MemoryStore()

    def __init__(self) -> None:
        super().__init__()
        self.store, self.clock = self.open_store(), SettableClock()
        self.inbox, self.moody = Inbox(), Moody()
        self.world = World()
        self.read = 0
        self.guessed: set[str] = set()
        self.secrets: set[str] = set(PASSWORDS)
        self.open_again()
        self.engine.settings.set("address_policy", self.policy)

    def open_again(self) -> None:
        """A new process on the same store."""
        self.engine = open_engine(
            self.store, clock=self.clock, inbox=self.inbox, plugins=[self.moody]
        )

    # --- how the model hears of tokens ---------------------------------------------------------

    @contextlib.contextmanager
    def entering(self, person: Person | None = None, *, reset: bool = False) -> Iterator[None]:
        """Around each call that may enter a flow: afterwards the model knows the tokens, and what
        the flow's answer came to. *person* None: whoever registers in it."""
        self.moody.listen()
        try:
            yield
        finally:
            self.moody.wakes.set()
            self.hear_of_messages()
            if self.moody.entry is not None:
                self.hear_of_call(self.moody.entry, reset=reset)
            elif not reset and person is not None and self.flow == "auto":
                self.becomes_confirmed(person)

    def hear_of_messages(self) -> None:
        for message in self.inbox.messages[self.read :]:
            one = Inbox()
            one.messages.append(message)
            link, code = one.last_link(), one.last_code()
            purpose = "reset" if message.subject == "Choose a new password" else "confirm"
            token = self.token(link.token_id, link.token.reveal(), code, purpose)
            person = self.world.people.get(token.token[:24])
            if person is not None:
                assert message.to == person.address
                self.world.dispatched(person, token)
        self.read = len(self.inbox.messages)

    def hear_of_call(self, entry: Entry, *, reset: bool) -> None:
        purpose = "reset" if reset else "confirm"
        token = self.token(entry.token_id, entry.token.reveal(), entry.code.reveal(), purpose)
        person = self.world.people.get(entry.user_id)
        if person is None:
            return
        match self.moody.mood:
            case "success" | "proved" if not reset:
                self.becomes_confirmed(person, proved=self.moody.mood == "proved")
            case "success" | "proved" | "pending":
                self.world.dispatched(person, token)
            case "fail":
                self.world.dead.append(token)
            case _:
                person.tokens.append(token)  # it may have got through, for all that is known

    def token(self, run: str, token: str, code: str, purpose: str) -> Token:
        self.secrets |= {token, code, code.replace("-", "")}
        return Token(run, token, code, purpose, self.clock.now() + TOKEN_LIFETIME)

    @property
    def flow(self) -> object:
        return self.engine.settings.get("confirmation_flow")

    def becomes_confirmed(self, person: Person, *, proved: bool = False) -> bool:
        """In the model; False: somebody else has proved the address first, and *person* is gone."""
        holder = self.world.holder(person.address)
        if holder is not None and holder is not person:
            self.world.gone(person)
            return False
        person.state = "confirmed"
        person.proved = person.proved or proved
        return True

    def pick(self, number: int, *states: str) -> Person | None:
        people = [p for p in self.world.people.values() if p.state in (states or (p.state,))]
        return people[number % len(people)] if people else None

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
            self.moody.wakes.set()
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

    def loses(self, person: Person) -> bool:
        """Whether somebody else has proved the address that *person* waits for."""
        return person.state == "pending" and self.world.holder(person.address) is not None

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

    # --- passwords -----------------------------------------------------------------------------

    @rule(number=some)
    def reset(self, number: int) -> None:
        person = self.pick(number)
        if person is not None:
            with contextlib.suppress(FlowFailed), self.entering(person, reset=True):
                self.engine.reset(person.id)

    @rule(number=some, password=any_password, answer=st.sampled_from(ANSWERS))
    def reset_by_function(self, number: int, password: str, answer: str) -> None:
        """Only a function that proved this very user sets the password at once (N5)."""
        person = self.pick(number, "confirmed")
        if person is None:
            return
        before, self.moody.mood = self.moody.mood, answer
        self.engine.settings.set("reset_flow", "moody")
        try:
            with self.entering(person, reset=True):
                self.engine.reset(person.id, password=password)
        except (NotAllowed, FlowRefused):
            assert "fail" == answer
        except FlowFailed:
            assert answer in ("raise", "hang", "nonsense")
        else:
            assert answer in ("success", "proved", "pending")
            if answer == "proved":
                self.world.password_set(person, password, by_reset=True)
        self.engine.settings.set("reset_flow", "email")
        self.moody.mood = before

    @rule(number=some, which=some, password=any_password, by_code=st.booleans())
    def set_password(self, number: int, which: int, password: str, by_code: bool) -> None:
        person = self.pick(number)
        tokens = [] if person is None else [t for t in person.tokens if t.purpose == "reset"]
        if person is None or not tokens:
            return
        token = tokens[which % len(tokens)]
        live, loses = token.expires_at > self.clock.now(), self.loses(person)
        proof: dict[str, Any] = token.credentials
        if by_code:
            proof = {"address": person.address, "code": token.code}
        try:
            user = self.engine.set_password(**proof, password=password)
        except AddressTaken:
            assert live
            assert loses
            if person.id not in {u.id for u in self.all_users()}:
                self.world.gone(person)
        except (CodeWrong, CodeResting):
            assert by_code
            assert not live or person.address in self.guessed
            self.guessed.add(person.address)
        except AdmitError:
            assert not live
        else:
            assert live
            assert person.id == user.id
            self.world.password_set(person, password, by_reset=True)
            person.proved = any(a.proved_at is not None for a in user.addresses)
            person.state = "confirmed"

    @rule(number=some, current=any_password, new=any_password)
    def change_password(self, number: int, current: str, new: str) -> None:
        person = self.pick(number)
        if person is None:
            return
        try:
            self.engine.change_password(person.id, current=current, new=new)
        except WrongCredentials:
            assert person.password != current
        else:
            assert person.password == current
            self.world.password_set(person, new, by_reset=False)

    # --- coming in and going out ---------------------------------------------------------------

    @rule(number=some, password=any_password, right=st.booleans())
    def log_in(self, number: int, password: str, right: bool) -> None:
        known = self.pick(number)
        address = ADDRESSES[0] if known is None else known.address
        person = self.world.holder(address)
        if right and person is not None and person.password is not None:
            password = person.password
        right = person is not None and person.password == password
        try:
            login = self.engine.log_in("local-userpass", username=address, password=password)
        except UserDisabled:
            assert person is None or person.disabled
        except PasswordMustChange:
            assert person is not None
            assert right
            assert person.must_change
        except (WrongCredentials, ConfirmationRequired):
            assert not right
        else:
            assert person is not None
            assert right
            assert not (person.disabled)
            assert not (person.must_change)
            assert person.id == login.user.id
            self.secrets |= {login.access_token.reveal(), login.refresh_token.reveal()}
            person.sessions.append(login)

    @rule(number=some, which=some)
    def use_a_session(self, number: int, which: int) -> None:
        person = self.pick(number, "confirmed")
        if person is None or not person.sessions:
            return
        at = which % len(person.sessions)
        login = self.engine.refresh(person.sessions[at].refresh_token)
        assert person.id == self.engine.verify(login.access_token).user_id
        self.secrets.add(login.access_token.reveal())
        person.sessions[at] = login

    @rule()
    def use_all_sessions_that_ended(self) -> None:
        for login in self.world.ended:
            with self.refused(SessionInvalid):
                self.engine.verify(login.access_token)
            with self.refused(SessionInvalid):
                self.engine.refresh(login.refresh_token)

    @rule(number=some, which=some)
    def log_out(self, number: int, which: int) -> None:
        person = self.pick(number, "confirmed")
        if person is not None and person.sessions:
            login = person.sessions.pop(which % len(person.sessions))
            self.engine.log_out(login.refresh_token)
            self.world.ended.append(login)

    @rule(number=some)
    def log_out_all(self, number: int) -> None:
        person = self.pick(number)
        if person is not None:
            self.engine.log_out_all(person.id)
            self.world.end_sessions(person)

    @rule(number=some, disabled=st.booleans())
    def disable_or_enable(self, number: int, disabled: bool) -> None:
        person = self.pick(number)
        if person is not None:
            (self.engine.disable if disabled else self.engine.enable)(person.id)
            if disabled:
                self.world.end_sessions(person)
            person.disabled = disabled

    @rule(number=some)
    def delete(self, number: int) -> None:
        person = self.pick(number)
        if person is not None:
            self.engine.delete(person.id)
            self.world.gone(person)

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

    # --- what always holds ---------------------------------------------------------------------

    def all_users(self) -> tuple[User, ...]:
        return self.engine.users.page(limit=1000).items

    @contextlib.contextmanager
    def refused(self, error: type[AdmitError]) -> Iterator[None]:
        try:
            yield
        except error:
            return
        raise AssertionError("what is dead opened something")

    @invariant()
    def the_store_is_as_the_model_says(self) -> None:
        found = {
            u.id: (u.state, u.disabled, u.address and u.address.typed) for u in self.all_users()
        }
        said = {p.id: (p.state, p.disabled, p.address) for p in self.world.people.values()}
        assert said == found

    @invariant()
    def a_login_key_has_one_owner(self) -> None:
        for address in ADDRESSES:
            holder = self.world.holder(address)
            if self.policy == "reserve" and holder is None:
                holder = next(iter(self.world.waiting(address)), None)
            try:
                found = self.engine.users.find_login("local-userpass", address).id
            except UserNotFound:
                assert holder is None
            else:
                assert holder is not None
                assert holder.id == found

    @invariant()
    def who_waits_has_no_session(self) -> None:
        for person in self.world.people.values():
            if person.state == "pending":
                assert () == self.engine.sessions.of(admit.records.UserId(person.id))

    @invariant()
    def every_life_replays_from_its_events(self) -> None:
        for user in self.all_users():
            events = self.engine.users.timeline(user)
            moves = [e for e in events if e.to_state is not None]
            assert "new" == moves[0].from_state
            pairs = zip(moves, moves[1:], strict=False)
            assert all(one.to_state == other.from_state for one, other in pairs)
            assert user.state == moves[-1].to_state
            switches = [e.trigger for e in events if e.trigger in ("disable", "enable")]
            assert user.disabled == (switches[-1:] == ["disable"])

    def kept_text(self) -> str:
        """All that the store keeps, as text."""
        with self.store.view() as view:  # type: ignore[attr-defined]
            kept = [repr(record) for kind in view.kinds() for record in view.records(kind)]
            return "\n".join([*kept, *(repr(event) for event in view.events())])

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
@pytest.mark.parametrize("kind", ["tinydb", "sqlite", "postgresql"])
def test_a_life_is_the_same_on_every_store(
    kind: str, policy: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Given a store of each kind, new for each life, when a few lives are led, then all holds that
    holds in memory; and no secret is found in the files."""

    class Elsewhere(Life):
        def open_store(self) -> Store:
            self.name = uuid4()
            if kind == "tinydb":
                return TinyStore(tmp_path / f"{self.name}.json")
            if kind == "sqlite":
                return open_url(f"sqlite:///{tmp_path}/{self.name}.db")
            postgres = request.getfixturevalue("postgres")
            return open_url(f"postgresql+psycopg://{postgres.location(f'app-{self.name}')}")

        def kept_text(self) -> str:
            files = tmp_path.glob(f"{self.name}.*")
            raw = [file.read_bytes().decode("utf-8", "replace") for file in files]
            return "\n".join([super().kept_text(), *raw])

    Elsewhere.policy = policy
    run_state_machine_as_test(Elsewhere, settings=SOME)
