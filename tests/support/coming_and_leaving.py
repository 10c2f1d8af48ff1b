"""How users come and go in a life with identities: log-ins, keys, custom data, leaving."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from identities_reference import LOCAL, ONCE_ONLY, Account, Key, Login
from known_lives import ADDRESSES, PASSWORDS, TOLD, KnownLife
from told_providers import told

from admit.errors import (
    AddressTaken,
    NotAllowed,
    Outdated,
    TokenExpired,
    UnknownName,
    WrongCredentials,
)

anybody = st.sampled_from(ADDRESSES)
any_password = st.sampled_from(PASSWORDS)
any_told = st.sampled_from(TOLD)
some = st.integers(0, 1000)
"""Picks one of those there are."""
any_flow = st.sampled_from(["email", "auto", "by hand"])
an_address = st.none() | st.tuples(anybody, st.booleans())
"""What a provider says of an address, and whether it vouches for it."""


def said(who: str, address: tuple[str, bool] | None) -> dict[str, object]:
    """Return the credentials of *who* at a told provider."""
    return told(who) if address is None else told(who, address[0], address[1])


class ComingAndLeaving(KnownLife):
    """Log-ins, keys, custom data, deletion and grace."""

    @initialize(flow=any_flow)
    def some_are_there_already(self, flow: str) -> None:
        """Else most of what follows would have nobody to happen to."""
        self.register(ADDRESSES[0], PASSWORDS[0], flow=flow)
        self.log_in_as_told(TOLD[0], (ADDRESSES[1], flow == "email"))
        self.register(ADDRESSES[2], PASSWORDS[1], flow="email")
        for number in range(2):
            self.create_a_key(number, leaving=False)

    # --- coming ----------------------------------------------------------------------------------

    @rule(address=anybody, password=any_password, flow=any_flow)
    def register(self, address: str, password: str, flow: str) -> None:
        """By hand: confirmed by an admin, while the message with its token is still good."""
        held = self.world.owner(LOCAL, address) is not None
        self.engine.settings.set("confirmation_flow", "auto" if flow == "auto" else "email")
        user = self.ask(
            AddressTaken if held else None, lambda: self.engine.register(address, password)
        )
        if user is None:
            return
        person = Account(user.id, [Login(LOCAL, address, password)], {address: False})
        self.world.people[user.id] = person
        if flow != "auto":
            person.state = "pending"
            self.hear_of_message(person, "confirm", address)
        if flow == "by hand":
            self.engine.confirm_manually(user.id)
            person.state = "confirmed"

    @rule(address=anybody, password=any_password, right=st.booleans())
    def log_in(self, address: str, password: str, right: bool) -> None:
        person = self.world.owner(LOCAL, address)
        if right and person is not None and person.local is not None:
            password = person.local.password or password
        expected = self.world.log_in_refuses(LOCAL, address, password)
        log_in = self.ask(
            expected, lambda: self.engine.log_in(LOCAL, username=address, password=password)
        )
        if log_in is not None:
            assert person is not None
            assert person.local is not None
            self.hear_of_log_in(person, log_in, person.local)

    @rule(number=some, which=some)
    def log_in_again(self, number: int, which: int) -> None:
        """With what opens the account, if anything does."""
        if (person := self.pick(number)) is not None:
            self.come_back(person, which)

    def come_back(self, person: Account, which: int) -> None:
        logins = [one for one in person.logins if one.provider not in ONCE_ONLY]
        if not logins:
            return
        login = logins[which % len(logins)]
        if login.provider == LOCAL:
            self.log_in(login.key, PASSWORDS[0], right=True)
        else:
            self.log_in_as_told((login.provider, login.key), None)

    @rule(who=any_told, address=an_address)
    def log_in_as_told(self, who: tuple[str, str], address: tuple[str, bool] | None) -> None:
        """The first log-in makes the user."""
        person = self.world.owner(*who)
        expected = self.world.log_in_refuses(*who, None)
        log_in = self.ask(expected, lambda: self.engine.log_in(who[0], **said(who[1], address)))
        if log_in is None:
            return
        if person is None:
            addresses = {} if address is None else dict([address])
            person = Account(log_in.user.id, [Login(*who)], addresses)
            self.world.people[person.id] = person
        login = next(one for one in person.logins if (one.provider, one.key) == who)
        self.hear_of_log_in(person, log_in, login)

    @rule(provider=st.sampled_from(ONCE_ONLY))
    def log_in_as_somebody_new(self, provider: str) -> None:
        """An anonymous user: nothing brings her back but the session, and nobody links her."""
        log_in = self.engine.log_in(provider)
        login = Login(provider, log_in.user.identities[0].login_key or "")
        person = self.world.people[log_in.user.id] = Account(log_in.user.id, [login])
        self.hear_of_log_in(person, log_in, login)
        self.ask(UnknownName, lambda: self.engine.identities.link(person.id, provider))

    @rule(number=some)
    def log_out_all(self, number: int) -> None:
        if (person := self.pick(number)) is not None:
            self.engine.log_out_all(person.id)
            self.world.end_sessions(person)
            self.world.kill(person, "change-address")

    @rule(number=some)
    def use_what_lives(self, number: int) -> None:
        """The sessions and keys of a user, all of them."""
        person = self.pick(number)
        if person is None or person.disabled or person.leaves_at is not None:
            return
        for one in person.sessions:
            new = self.engine.refresh(one.log_in.refresh_token)
            assert person.id == self.engine.verify(new.access_token).user_id
            self.secrets.add(new.access_token.reveal())
            one.log_in = new
        for key in person.keys:
            if not key.disabled:
                assert person.id == self.engine.api_keys.verify(key.text).user

    @rule(number=some, disabled=st.booleans())
    def disable_or_enable(self, number: int, disabled: bool) -> None:
        person = self.pick(number)
        if person is None:
            return
        (self.engine.disable if disabled else self.engine.enable)(person.id)
        if disabled and not person.disabled:
            self.world.end_sessions(person)
            self.world.kill(person, "change-address")
        person.disabled = disabled

    # --- keys ------------------------------------------------------------------------------------

    @rule(number=some, leaving=st.booleans())
    def create_a_key(self, number: int, leaving: bool) -> None:
        person = self.pick(number, lambda one: leaving == (one.leaves_at is not None))
        if person is None:
            return
        self.made += 1
        may = person.state == "confirmed" and person.leaves_at is None
        create = self.engine.api_keys.create
        new = self.ask(
            None if may else NotAllowed, lambda: create(person.id, name=f"key-{self.made}")
        )
        if new is not None:
            self.secrets.add(new.text.reveal())
            person.keys.append(Key(new.key.id, new.text.reveal()))

    @property
    def all_keys(self) -> list[tuple[Account, Key]]:
        return [(person, key) for person in self.world.people.values() for key in person.keys]

    @precondition(lambda self: self.all_keys)
    @rule(which=some)
    def log_in_by_key(self, which: int) -> None:
        person, key = self.all_keys[which % len(self.all_keys)]
        expected = WrongCredentials if key.disabled else self.world.state_refuses(person)
        log_in = self.ask(expected, lambda: self.engine.log_in("api-key", key=key.text))
        if log_in is not None:
            self.hear_of_log_in(person, log_in, key.id)

    @precondition(lambda self: self.all_keys)
    @rule(which=some, change=st.sampled_from(["disable", "enable", "delete"]))
    def change_a_key(self, which: int, change: str) -> None:
        """What it opened ends with it."""
        person, key = self.all_keys[which % len(self.all_keys)]
        getattr(self.engine.api_keys, change)(key.id, user=person.id)
        if change != "enable":
            self.world.ended += [one.log_in for one in person.sessions if one.by == key.id]
            person.sessions = [one for one in person.sessions if one.by != key.id]
        if change == "delete":
            person.keys.remove(key)
            self.world.dead_keys.append(key)
        else:
            key.disabled = change == "disable"

    # --- leaving ---------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([None, 1, 2]))
    def the_grace_changes(self, hours: int | None) -> None:
        self.world.grace = None if hours is None else timedelta(hours=hours)
        self.engine.settings.set("deletion_grace", self.world.grace)

    @rule(number=some, at_once=st.booleans())
    def delete(self, number: int, at_once: bool) -> None:
        if (person := self.pick(number)) is not None:
            self.engine.delete(person.id, at_once=at_once)
            self.world.leave(person, at_once=at_once)

    @rule(number=some, which=some, takes=st.booleans(), again=st.booleans())
    def leave_and_come_back(self, number: int, which: int, takes: bool, again: bool) -> None:
        """As far as to the offer that a log-in is answered with, and perhaps *takes* it; what was
        offered is dead in the leaving that follows."""
        self.the_grace_changes(1)
        person = self.pick(number, lambda one: one.leaves_at is None)
        if person is None:
            return
        for _ in range(1 + again):
            self.engine.delete(person.id)
            self.world.leave(person, at_once=False)
            self.try_all_that_is_dead()
            self.come_back(person, which)
            if not (takes and person.offers):
                break
            self.take_an_offer(self.all_offers.index((person, person.offers[-1])))

    @rule(number=some, leaving=st.booleans())
    def restore(self, number: int, leaving: bool) -> None:
        """By an admin; who is not leaving is left as she is."""
        person = self.pick(number, lambda one: leaving == (one.leaves_at is not None))
        if person is not None:
            self.engine.restore(person.id)
            if person.leaves_at is not None:
                self.world.restore(person)

    @property
    def all_offers(self) -> list[tuple[Account, tuple[str, datetime]]]:
        return [(person, offer) for person in self.world.people.values() for offer in person.offers]

    @precondition(lambda self: self.all_offers)
    @rule(which=some)
    def take_an_offer(self, which: int) -> None:
        person, (text, expires_at) = self.all_offers[which % len(self.all_offers)]
        expected = TokenExpired if expires_at <= self.clock.now() else None
        if self.ask(expected, lambda: self.engine.public.restore(token=text)):
            self.world.restore(person)

    @rule(work=st.sampled_from(["work_once", "sweep"]), late=st.booleans())
    def the_worker_comes_by(self, work: str, late: bool) -> None:
        """*late*: when the shortest grace is over."""
        if late:
            self.the_clock_jumps(61)
        for _ in range(2):  # the second pass finds what the first one queued
            getattr(self.engine, work)()
        for person in list(self.world.people.values()):
            if person.leaves_at is not None and person.leaves_at <= self.clock.now():
                self.world.remove(person)

    @rule(minutes=st.sampled_from([1, 6, 16, 31, 61, 130]))
    def the_clock_jumps(self, minutes: int) -> None:
        self.clock.advance(timedelta(minutes=minutes))
        self.world.now = self.clock.now()

    # --- what else -------------------------------------------------------------------------------

    @rule(number=some, value=st.integers(0, 3), version=st.sampled_from([None, -1, 0]))
    def set_custom_data(self, number: int, value: int, version: int | None) -> None:
        """*version*: counted from the one there is."""
        person = self.pick(number)
        if person is None:
            return
        data: dict[str, object] = {"value": value} if value else {}
        asked = None if version is None else max(person.data_version + version, 0)
        expected = None if asked in (None, person.data_version) else Outdated
        put = self.engine.custom_data.set
        if self.ask(expected, lambda: put(person.id, data, version=asked)):
            person.data, person.data_version = data, person.data_version + 1

    @rule()
    def try_all_that_is_dead_now(self) -> None:
        self.try_all_that_is_dead()
