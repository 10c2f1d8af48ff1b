"""A user's life with several identities against a model of it: what she is known by, what opens.

`tests/support/identities_reference.py` is the model, `known_lives.py` what always holds. Each rule
asks the model what refuses it, does it to the engine, and says in the model what it comes to.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from coming_and_leaving import (
    ComingAndLeaving,
    an_address,
    any_flow,
    any_password,
    any_told,
    anybody,
    said,
    some,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test
from identities_reference import LOCAL, ONCE_ONLY, Account, Login, Opened, Refusal, Token
from known_lives import TOLD
from store_kinds import KINDS, new_store

from admit import User
from admit.errors import (
    AddressTaken,
    AdmitError,
    ConfirmationRequired,
    FreshLogInNeeded,
    LogInRefused,
    NotAllowed,
    TokenExpired,
    TryLater,
    UserDisabled,
    WrongCredentials,
)
from admit.stores import Store

FRESH = timedelta(minutes=5)
TRIES, TRIES_WITHIN = 20, timedelta(minutes=10)
ALIKE = (UserDisabled, ConfirmationRequired, WrongCredentials)
"""What the public face answers alike."""


class LifeWithIdentities(ComingAndLeaving):
    """Linking, unlinking, merging, addresses and passwords."""

    def __init__(self) -> None:
        super().__init__()
        self.tries: dict[str, tuple[int, datetime]] = {}

    @initialize(flow=any_flow, links=st.booleans())
    def some_are_there_already(self, flow: str, links: bool = False) -> None:
        super().some_are_there_already(flow)
        if links:
            self.link_as_told(0, TOLD[2], None, hers=False)

    # --- linking and unlinking -------------------------------------------------------------------

    @rule(number=some, who=any_told, address=an_address, hers=st.booleans())
    def link_as_told(
        self, number: int, who: tuple[str, str], address: tuple[str, bool] | None, hers: bool
    ) -> None:
        """*hers*: the provider vouches for the address that she has."""
        person = self.pick(number)
        if person is not None and person.addresses and hers:
            address = (list(person.addresses)[-1], True)
        if person is not None:
            expected = self.world.link_refuses(person, *who, None)
            credentials = said(who[1], address)
            user = self.ask(
                expected, lambda: self.engine.identities.link(person.id, who[0], **credentials)
            )
            self.linked(person, user, who, address)

    @rule(number=some, address=anybody, password=any_password, right=st.booleans())
    def link_a_registration(self, number: int, address: str, password: str, right: bool) -> None:
        """One that nobody logged in with moves, and its user is absorbed."""
        person, holder = self.pick(number), self.world.owner(LOCAL, address)
        if right and holder is not None and holder.local is not None:
            password = holder.local.password or password
        if person is not None:
            expected = self.world.link_refuses(person, LOCAL, address, password)
            credentials = {"username": address, "password": password}
            user = self.ask(
                expected, lambda: self.engine.identities.link(person.id, LOCAL, **credentials)
            )
            self.linked(person, user, (LOCAL, address), None)

    def linked(
        self,
        person: Account,
        user: User | None,
        who: tuple[str, str],
        address: tuple[str, bool] | None,
        asks: Opened | None = None,
    ) -> None:
        """In the model."""
        if user is None:
            return
        assert person.id == user.id
        holder = self.world.owner(*who)
        if holder is None:
            addresses = [] if address is None else [address]
            self.world.gain(person, [Login(*who)], addresses, asks)
        elif holder is not person:
            logins = self.world.plan(person, holder, taking=False)
            self.world.absorb(person, holder, logins, ends=False, asks=asks)

    @rule(number=some, which=some, who=any_told, address=an_address)
    def link_herself(
        self, number: int, which: int, who: tuple[str, str], address: tuple[str, bool] | None
    ) -> None:
        """With a session of hers, which goes on whatever ends; only after a fresh log-in."""
        person = self.pick(number, lambda one: one.sessions)
        one = None if person is None else self.session_of(person, which)
        if person is None or one is None:
            return
        expected = self.not_fresh(person, one)
        refused = self.world.link_refuses(person, *who, None)
        if expected is None:
            expected = self.throttled(person) or (LogInRefused if refused in ALIKE else refused)
        public, credentials = self.engine.public.identities, said(who[1], address)
        access = one.log_in.access_token
        user = self.ask(expected, lambda: public.link(access, who[0], **credentials))
        has_no_other = all(login.provider in ONCE_ONLY for login in person.logins)
        if user is not None and self.world.owner(*who) is not person and has_no_other:
            one.at = self.clock.now()  # of who was exempt, it is the log-in
        self.linked(person, user, who, address, one)

    def throttled(self, person: Account) -> Refusal:
        """Count a try; of too many, even right ones, the next is refused."""
        now = self.clock.now()
        tries, until = self.tries.get(person.id, (0, now))
        tries, until = (tries, until) if now < until else (0, now + TRIES_WITHIN)
        self.tries[person.id] = (tries + 1, until) if tries < TRIES else (tries, until)
        return None if tries < TRIES else TryLater

    @rule(number=some, which=some, by_herself=st.booleans(), session=some)
    def unlink(self, number: int, which: int, by_herself: bool, session: int) -> None:
        """Never the last one."""
        person = self.pick(number, lambda one: number % 4 == 0 or len(one.logins) > 1)
        if person is None:
            return
        login = person.logins[which % len(person.logins)]
        identity = next(
            identity.id
            for identity in self.engine.users.get(person.id).identities
            if (identity.provider, identity.login_key) == (login.provider, login.key)
        )
        given = {"provider": login.provider, "identity": identity}
        expected = self.world.unlink_refuses(person, login)
        one = self.session_of(person, session) if by_herself else None
        if one is None:
            user = self.ask(expected, lambda: self.engine.identities.unlink(person.id, **given))
        else:
            expected = self.not_fresh(person, one) or expected
            given["access_token"] = one.log_in.access_token.reveal()
            user = self.ask(expected, lambda: self.engine.public.identities.unlink(**given))
        if user is not None:
            person.logins.remove(login)
            self.world.end_sessions(person, but=one)
            if login.provider == LOCAL:
                self.world.kill(person, "reset", "change-address")

    def session_of(self, person: Account, which: int) -> Opened | None:
        """One of her sessions, its access token new."""
        if not person.sessions:
            return None
        one = person.sessions[which % len(person.sessions)]
        one.log_in = self.engine.refresh(one.log_in.refresh_token)
        self.secrets.add(one.log_in.access_token.reveal())
        return one

    def not_fresh(self, person: Account, one: Opened) -> Refusal:
        """A key is not fresh at any time; who has nothing to log in with again is always."""
        again = any(login.provider not in ONCE_ONLY for login in person.logins)
        is_fresh = not again or self.clock.now() - one.at <= FRESH
        return None if is_fresh and isinstance(one.by, Login) else FreshLogInNeeded

    # --- merging ---------------------------------------------------------------------------------

    @rule(into=some, absorbed=some, taking=st.booleans())
    def merge(self, into: int, absorbed: int, taking: bool) -> None:
        """*taking*: where both have a password, the absorbed user's stays."""
        any_one, refuses = into % 8 == 7, self.world.merge_refuses
        one = self.pick(into, lambda p: any_one or refuses(p, p, itself=True) is None)
        other = self.pick(absorbed, lambda p: any_one or (one and refuses(one, p) is None))
        if one is None or other is None:
            return
        identities = self.engine.identities
        expected = self.world.merge_refuses(one, other)
        plan = self.ask(expected, lambda: identities.plan_merge(one.id, other.id))
        if plan is None:
            self.ask(expected, lambda: identities.merge(one.id, other.id))
            return
        taking = taking and plan.collisions != ()
        logins = self.world.plan(one, other, taking=taking)
        if taking:
            plan = plan.taking(plan.collisions[0].goes)
        planned = [(identity.provider, identity.login_key) for identity in plan.identities]
        assert [(login.provider, login.key) for login in logins] == planned
        expected = self.world.plan_refuses(one, other, logins)
        user = self.ask(expected, lambda: identities.merge(one.id, other.id, plan=plan))
        if user is not None:
            assert one.id == user.id
            self.world.absorb(one, other, logins, ends=True)

    # --- addresses -------------------------------------------------------------------------------

    @rule(number=some, address=anybody, password=any_password, presses=st.booleans())
    def add_a_login(self, number: int, address: str, password: str, presses: bool) -> None:
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
            if presses:
                self.press_newest(person)

    def take_from_who_waits(self, person: Account, address: str) -> None:
        holder = self.world.owner(LOCAL, address)
        if holder is not None and holder is not person:
            assert "pending" == holder.state
            self.world.remove(holder)

    def press_newest(self, person: Account) -> None:
        tokens = self.tokens("change-address")
        self.confirm_address(tokens.index((person, person.tokens[-1])))

    @rule(number=some, to=anybody, presses=st.booleans())
    def change_address(self, number: int, to: str, presses: bool) -> None:
        if (person := self.pick(number)) is not None:
            expected = self.world.change_refuses(person, to)
            if self.ask(expected, lambda: self.engine.identities.change_address(person.id, to=to)):
                self.hear_of_message(person, "change-address", to)
                if presses:
                    self.press_newest(person)

    @rule(number=some, to=anybody)
    def change_address_manually(self, number: int, to: str) -> None:
        person = self.pick(number)
        if person is None:
            return
        expected: Refusal = None if person.state == "confirmed" else NotAllowed
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
        if not self.ask(expected, lambda: confirm(**token.credentials)):
            return
        self.world.spend(person, token)
        if token.adds is not None:
            self.take_from_who_waits(person, token.address)
            self.world.gain(person, [token.adds], [(token.address, True)])
        else:
            if self.world.movable(person):
                self.take_from_who_waits(person, token.address)
            self.world.address_changed(person, token.address, proved=True)

    @precondition(lambda self: self.tokens("confirm"))
    @rule(which=some)
    def confirm(self, which: int) -> None:
        tokens = self.tokens("confirm")
        person, token = tokens[which % len(tokens)]
        if self.ask(self.expired(token), lambda: self.engine.confirm(**token.credentials)):
            self.world.confirmed(person, token)

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
        if self.ask(self.expired(token), lambda: self.engine.set_password(**given)):
            assert person.local is not None
            person.local.password = password
            self.world.confirmed(person, token, by_reset=True)

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


# Most walks are short, and each leaves some rules out: it takes some hundred to come by everything.
PROFILE = settings()
MANY = settings(max_examples=max(200, PROFILE.max_examples))
SOME = settings(max_examples=max(20, PROFILE.max_examples // 10))

TestComingAndLeaving = ComingAndLeaving.TestCase
TestComingAndLeaving.settings = MANY
TestLifeWithIdentities = LifeWithIdentities.TestCase
TestLifeWithIdentities.settings = MANY


@pytest.mark.full
@pytest.mark.parametrize("kind", KINDS)
def test_a_life_with_identities_is_the_same_on_every_store(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Given a store of each kind, new for each life, when a few lives are led, then all holds that
    holds in memory."""

    class Elsewhere(LifeWithIdentities):
        def open_store(self) -> Store:
            return new_store(kind, uuid4(), tmp_path, request)

    run_state_machine_as_test(Elsewhere, settings=SOME)
