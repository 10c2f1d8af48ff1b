"""Addresses and passwords in a life with identities: asked for, proved, changed."""

from __future__ import annotations

from datetime import datetime, timedelta

from coming_and_leaving import ComingAndLeaving, any_password, anybody
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from known_accounts import LOCAL, Account, Login, Opened, Refusal, Token
from known_lives import PASSWORDS
from rotating_sessions import some

from admit.errors import (
    AddressTaken,
    AdmitError,
    NotAllowed,
    TokenExpired,
    TokenUnknown,
    TryLater,
    WrongCredentials,
)

any_press = st.sampled_from(["no", "alone", "in her session", "in another's"])
TRIES, TRIES_WITHIN = 20, timedelta(minutes=10)


class AddressesAndPasswords(ComingAndLeaving):
    """What a message, pressed, does; what is done without one."""

    def __init__(self) -> None:
        super().__init__()
        self.tries: dict[tuple[str, str], tuple[int, datetime]] = {}

    def throttled(self, what: str, person: Account) -> Refusal:
        """Count a try; of too many, even right ones, the next is refused."""
        now = self.clock.now()
        tries, until = self.tries.get((what, person.id), (0, now))
        tries, until = (tries, until) if now < until else (0, now + TRIES_WITHIN)
        self.tries[what, person.id] = (tries + 1, until) if tries < TRIES else (tries, until)
        return None if tries < TRIES else TryLater

    # --- addresses -------------------------------------------------------------------------------

    @rule(number=some, address=anybody, password=any_password, presses=any_press)
    def add_a_login(self, number: int, address: str, password: str, presses: str) -> None:
        person = self.pick(number, lambda one: number % 4 == 0 or one.local is None)
        if person is None:
            return
        expected = self.world.add_login_refuses(person, address)
        user = self.ask(
            expected, lambda: self.engine.identities.add_login(person.id, address, password)
        )
        if user is None:
            return
        login = Login(LOCAL, address, password)
        if person.addresses.get(address):  # proved to be hers already
            self.take_from_who_waits(person, address)
            self.world.gain(person, [login], [])
        else:
            self.hear_of_message(person, "change-address", address, login)
            self.press_newest(person, presses)

    def take_from_who_waits(self, person: Account, address: str) -> None:
        holder = self.world.owner(LOCAL, address)
        if holder is not None and holder is not person:
            assert "pending" == holder.state
            self.world.remove(holder)

    def press_newest(self, person: Account, presses: str) -> None:
        which = self.tokens("change-address").index((person, person.tokens[-1]))
        if presses == "alone":
            self.confirm_address(which)
        elif presses in ("in her session", "in another's"):
            self.confirm_address_herself(which, which, which, hers=presses == "in her session")

    @rule(number=some, to=anybody, presses=any_press)
    def change_address(self, number: int, to: str, presses: str) -> None:
        if (person := self.pick(number)) is not None:
            expected = self.world.change_refuses(person, to)
            if self.ask(expected, lambda: self.engine.identities.change_address(person.id, to=to)):
                self.hear_of_message(person, "change-address", to)
                self.press_newest(person, presses)

    @rule(number=some, to=anybody)
    def change_address_manually(self, number: int, to: str) -> None:
        person = self.pick(number)
        if person is None:
            return
        expected: Refusal = None if self.world.has_address(person) else NotAllowed
        holder = self.world.owner(LOCAL, to) if self.world.movable(person) else None
        if expected is None and holder not in (None, person):
            expected = AddressTaken
        by_hand = self.engine.identities.change_address_manually
        if self.ask(expected, lambda: by_hand(person.id, to=to)):
            self.world.address_changed(person, to, proved=False)

    def tokens(self, *purposes: str) -> list[tuple[Account, Token]]:
        people = self.world.people.values()
        return [(p, token) for p in people for token in p.tokens if token.purpose in purposes]

    def expired(self, token: Token) -> Refusal:
        return None if self.clock.now() < token.expires_at else TokenExpired

    @precondition(lambda self: self.tokens("change-address"))
    @rule(which=some)
    def confirm_address(self, which: int) -> None:
        tokens = self.tokens("change-address")
        person, token = tokens[which % len(tokens)]
        expected = self.expired(token) or self.world.confirm_address_refuses(person, token)
        confirm = self.engine.identities.confirm_address
        if self.ask(expected, lambda: confirm(**token.credentials)):
            self.address_confirmed(person, token, None)

    @precondition(lambda self: self.tokens("change-address"))
    @rule(which=some, number=some, session=some, hers=st.booleans())
    def confirm_address_herself(self, which: int, number: int, session: int, hers: bool) -> None:
        """In a session, which goes on. The owner of a mailbox, in another account than the one that
        asked for her address (not *hers*), gives it to nobody."""
        tokens = self.tokens("change-address")
        person, token = tokens[which % len(tokens)]
        caller = person if hers else self.pick(number, lambda p: p.sessions and p is not person)
        if caller is not None:
            self.come_back(caller, session)
        one = None if caller is None else self.session_of(caller, session)
        if caller is None or one is None:
            return
        expected = self.throttled("code", caller)
        if caller is not person:
            expected = expected or TokenUnknown
        expected = expected or self.expired(token)
        expected = expected or self.world.confirm_address_refuses(person, token)
        given = {**token.credentials, "access_token": one.log_in.access_token.reveal()}
        confirm = self.engine.public.identities.confirm_address
        if self.ask(expected, lambda: confirm(**given)):
            self.address_confirmed(person, token, one)

    def address_confirmed(self, person: Account, token: Token, asks: Opened | None) -> None:
        """In the model."""
        self.world.spend(person, token)
        if token.adds is not None:
            self.take_from_who_waits(person, token.address)
            self.world.gain(person, [token.adds], [(token.address, True)], asks)
        else:
            if self.world.movable(person):
                self.take_from_who_waits(person, token.address)
            self.world.address_changed(person, token.address, proved=True, asks=asks)

    @precondition(lambda self: self.tokens("confirm"))
    @rule(which=some)
    def confirm(self, which: int) -> None:
        tokens = self.tokens("confirm")
        person, token = tokens[which % len(tokens)]
        expected = self.expired(token) or (AddressTaken if self.world.loses(person) else None)
        if self.ask(expected, lambda: self.engine.confirm(**token.credentials)):
            self.world.confirmed(person, token)
        elif expected is AddressTaken:
            self.world.remove(person)

    @rule(address=anybody, first=st.booleans(), works=st.booleans())
    def two_prove_one_address(self, address: str, first: bool, works: bool) -> None:
        """Under `first-proof` both may wait for it; *works*: the worker comes between them."""
        waited = [self.registered(address, password) for password in PASSWORDS]
        for password in PASSWORDS:  # of two, the newest is told that she waits
            self.log_in(address, password, right=False)
        for person in waited if first else reversed(waited):
            if person is not None and person.id in self.world.people:
                self.confirm(self.tokens("confirm").index((person, person.tokens[-1])))
                if works:
                    self.the_worker_comes_by("work_once", late=False)

    def registered(self, address: str, password: str) -> Account | None:
        known = set(self.world.people)
        self.register(address, password, flow="email")
        return next((self.world.people[id] for id in self.world.people if id not in known), None)

    @precondition(lambda self: self.world.spent_tokens)
    @rule()
    def press_again_what_did_its_work(self) -> None:
        """Whatever it answers, nothing changes: the invariants look."""
        for token in self.world.spent_tokens:
            for press in (self.engine.confirm, self.engine.identities.confirm_address):
                try:
                    press(**token.credentials)
                except AdmitError:
                    continue

    # --- passwords -------------------------------------------------------------------------------

    @rule(number=some)
    def reset(self, number: int) -> None:
        person = self.pick(number, lambda one: number % 8 == 7 or one.local)
        if person is not None:
            expected = None if person.local is not None else NotAllowed
            if self.ask(expected, lambda: self.engine.reset(person.id)):
                assert person.local is not None
                own = person.local.key if person.local.key in person.addresses else None
                self.hear_of_message(person, "reset", own or person.login_address)

    @precondition(lambda self: self.tokens("reset"))
    @rule(which=some, password=any_password)
    def set_password(self, which: int, password: str) -> None:
        tokens = self.tokens("reset")
        person, token = tokens[which % len(tokens)]
        given = {**token.credentials, "password": password}
        expected = self.expired(token) or (AddressTaken if self.world.loses(person) else None)
        if self.ask(expected, lambda: self.engine.set_password(**given)):
            assert person.local is not None
            person.local.password = password
            self.world.confirmed(person, token, by_reset=True)
        elif expected is AddressTaken:
            self.world.remove(person)

    @rule(number=some, current=any_password, new=any_password)
    def change_password(self, number: int, current: str, new: str) -> None:
        person = self.pick(number)
        if person is None:
            return
        local = person.local
        is_right = local is not None and local.password == current
        change = self.engine.change_password
        if self.ask(
            None if is_right else WrongCredentials,
            lambda: change(person.id, current=current, new=new),
        ):
            assert local is not None
            local.password = new
            self.world.kill(person, "reset", "change-address")
            self.world.end_sessions(person)
