"""A life of accounts as the model hears of it, and what always holds of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
)
from moody import Moody
from reference import TOKEN_LIFETIME, Person, Token, World
from replay import kept_text, replays

import admit
from admit import Entry, User
from admit.errors import (
    AdmitError,
    UserNotFound,
)
from admit.records import RunId
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


class WatchedLife(RuleBasedStateMachine):
    """An engine, its model, and how the one hears of the other."""

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
            self.moody.hear_out(self.engine)
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
                self.world.dispatched(person, token, self.runs_since(token))
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
                self.world.dispatched(person, token, self.runs_since(token))
            case "fail":
                self.world.dead.append(token)
            case _:
                person.tokens.append(token)  # it may have got through, for all that is known

    def runs_since(self, token: Token) -> list[RunId]:
        """The run of *token*, and those that were begun after it."""
        user = self.engine.users.get(token.token[:24])
        runs = [run.id for run in user.runs]
        return runs[runs.index(RunId(token.run)) :]

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

    def loses(self, person: Person) -> bool:
        """Whether somebody else has proved the address that *person* waits for."""
        return person.state == "pending" and self.world.holder(person.address) is not None

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
            replays(self.engine, user)

    def kept_text(self) -> str:
        """All that the store keeps, as text."""
        return kept_text(self.store)
