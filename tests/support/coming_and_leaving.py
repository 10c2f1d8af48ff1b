"""How users come and go in a life with identities: log-ins, keys, custom data, leaving."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from known_accounts import API_KEY, LOCAL, ONCE_ONLY, Account, Key, Login
from known_lives import ADDRESSES, PASSWORDS, TOLD
from rotating_sessions import RotatingSessions, some
from told_providers import told

from admit.errors import (
    InvalidInput,
    LogInRefused,
    NotAllowed,
    Outdated,
    ProviderDisabled,
    TokenExpired,
    UnknownName,
    WrongCredentials,
)

anybody = st.sampled_from(ADDRESSES)
any_password = st.sampled_from(PASSWORDS)
any_told = st.sampled_from(TOLD)
any_flow = st.sampled_from(["email", "auto", "by hand"])
any_policy = st.sampled_from(["reserve", "first-proof"])
PROVIDERS = (LOCAL, "told", "other", API_KEY, *ONCE_ONLY)
an_address = st.none() | st.tuples(anybody, st.booleans())
"""What a provider says of an address, and whether it vouches for it."""


def said(who: str, address: tuple[str, bool] | None) -> dict[str, object]:
    """Return the credentials of *who* at a told provider."""
    return told(who) if address is None else told(who, address[0], address[1])


class ComingAndLeaving(RotatingSessions):
    """Log-ins, keys, custom data, deletion and grace; providers that are switched off."""

    @initialize(flow=any_flow, policy=any_policy, rotates=st.booleans())
    def some_are_there_already(
        self, flow: str, policy: str = "reserve", rotates: bool = False
    ) -> None:
        """Else most of what follows would have nobody to happen to."""
        self.world.policy = policy
        self.engine.settings.set("address_policy", policy)
        self.rotation_is_set(rotates)
        self.register(ADDRESSES[0], PASSWORDS[0], flow=flow)
        self.log_in_as_told(TOLD[0], (ADDRESSES[1], flow == "email"))
        self.register(ADDRESSES[2], PASSWORDS[1], flow="email")
        for number in range(2):
            self.create_a_key(number, leaving=False)

    # --- coming ----------------------------------------------------------------------------------

    @rule(address=anybody, password=any_password, flow=any_flow)
    def register(self, address: str, password: str, flow: str) -> None:
        """By hand: confirmed by an admin, while the message with its token is still good."""
        expected = self.world.register_refuses(address)
        self.engine.settings.set("confirmation_flow", "auto" if flow == "auto" else "email")
        user = self.ask(expected, lambda: self.engine.register(address, password))
        if user is None:
            return
        person = Account(user.id, [Login(LOCAL, address, password)], {address: False})
        person.created_at = user.created_at
        self.world.people[user.id] = person
        if flow != "auto":
            person.state = "pending"
            person.waits = self.world.policy == "first-proof"
            self.hear_of_message(person, "confirm", address)
        if flow == "by hand":
            self.engine.confirm_manually(user.id)
            person.state, person.waits = "confirmed", False

    @rule(address=anybody, password=any_password, right=st.booleans())
    def log_in(self, address: str, password: str, right: bool) -> None:
        person = self.world.known_as(LOCAL, address)
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
        if person.is_server:
            self.log_in_by_key_of(person, which)
        elif login.provider == LOCAL:
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
            person.created_at = log_in.user.created_at
            self.world.people[person.id] = person
        login = next(one for one in person.logins if (one.provider, one.key) == who)
        self.hear_of_log_in(person, log_in, login)

    @rule(provider=st.sampled_from(ONCE_ONLY))
    def log_in_as_somebody_new(self, provider: str) -> None:
        """An anonymous user: nothing brings her back but the session, and nobody links her."""
        expected = ProviderDisabled if provider in self.world.off else None
        log_in = self.ask(expected, lambda: self.engine.log_in(provider))
        if log_in is None:
            return
        login = Login(provider, log_in.user.identities[0].login_key or "")
        person = self.world.people[log_in.user.id] = Account(log_in.user.id, [login])
        person.created_at = log_in.user.created_at
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
            self.refreshed(one)
            assert person.id == self.engine.verify(one.log_in.access_token).user_id
        is_off = ProviderDisabled if API_KEY in self.world.off else None
        for key in person.keys:
            verify = partial(self.engine.api_keys.verify, key.text)
            found = self.ask(is_off or (WrongCredentials if key.disabled else None), verify)
            assert found is None or person.id == found.user

    @rule(number=some, disabled=st.booleans())
    def disable_or_enable(self, number: int, disabled: bool) -> None:
        person = self.pick(number)
        if person is not None:
            self.is_disabled(person, disabled=disabled)

    def is_disabled(self, person: Account, *, disabled: bool) -> None:
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
        expected = InvalidInput if person.is_server else None
        create = self.engine.api_keys.create
        new = self.ask(
            expected if may else NotAllowed, lambda: create(person.id, name=f"key-{self.made}")
        )
        if new is not None:
            self.secrets.add(new.text.reveal())
            person.keys.append(Key(new.key.id, new.text.reveal()))

    @rule()
    def create_a_server_key(self) -> None:
        """It has a user of its own."""
        self.made += 1
        new = self.engine.api_keys.create_server_key(name=f"key-{self.made}")
        self.secrets.add(new.text.reveal())
        user = self.engine.users.get(new.key.user)
        key, login = Key(new.key.id, new.text.reveal()), Login(API_KEY, new.key.id)
        person = Account(user.id, [login], keys=[key], is_server=True)
        person.created_at = user.created_at
        self.world.people[user.id] = person

    @property
    def all_keys(self) -> list[tuple[Account, Key]]:
        return [(person, key) for person in self.world.people.values() for key in person.keys]

    @precondition(lambda self: self.all_keys)
    @rule(which=some)
    def log_in_by_key(self, which: int) -> None:
        self.log_in_with(*self.all_keys[which % len(self.all_keys)])

    def log_in_by_key_of(self, person: Account, which: int) -> None:
        if person.keys:
            self.log_in_with(person, person.keys[which % len(person.keys)])

    def log_in_with(self, person: Account, key: Key) -> None:
        expected = WrongCredentials if key.disabled else self.world.state_refuses(person)
        expected = ProviderDisabled if API_KEY in self.world.off else expected
        log_in = self.ask(expected, lambda: self.engine.log_in("api-key", key=key.text))
        if log_in is not None:
            self.hear_of_log_in(person, log_in, key.id)

    @precondition(lambda self: self.all_keys)
    @rule(which=some, change=st.sampled_from(["disable", "enable", "delete"]))
    def change_a_key(self, which: int, change: str) -> None:
        """What it opened ends with it."""
        person, key = self.all_keys[which % len(self.all_keys)]
        owner = None if person.is_server else person.id
        getattr(self.engine.api_keys, change)(key.id, user=owner)
        if change != "enable":
            self.world.end(person, [one for one in person.sessions if one.by == key.id])
        if change == "delete" and person.is_server:
            self.world.remove(person)  # whatever the grace: nothing of it would be left
        elif change == "delete":
            person.keys.remove(key)
            self.world.dead_keys.append(key)
        else:
            key.disabled = change == "disable"

    # --- providers -------------------------------------------------------------------------------

    @rule(provider=st.sampled_from(PROVIDERS), is_on=st.booleans())
    def switch_a_provider(self, provider: str, is_on: bool) -> None:
        """Whoever is in stays in."""
        self.engine.settings.set(f"{provider}.enabled", is_on)
        (self.world.off.discard if is_on else self.world.off.add)(provider)

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

    @rule(number=some, which=some, waits=st.booleans())
    def delete_herself(self, number: int, which: int, waits: bool) -> None:
        """In a session that she has just opened, or that is too old."""
        person = self.pick(number, lambda one: one.sessions)
        if person is not None:
            self.come_back(person, which)
        if waits:
            self.the_clock_jumps(6)
        one = None if person is None else self.session_of(person, -1)
        if person is None or one is None:
            return
        access = one.log_in.access_token
        expected = self.not_fresh(person, one)
        receipt = self.ask(expected, lambda: self.engine.public.delete(access_token=access))
        if receipt is not None:
            self.world.leave(person, at_once=False)
            assert receipt.delete_at == (None if person.id in self.world.gone else person.leaves_at)

    @rule(address=anybody, password=any_password, right=st.booleans(), disables=st.booleans())
    def delete_herself_by_password(
        self, address: str, password: str, right: bool, disables: bool
    ) -> None:
        """Also who waits, or cannot come in since the provider is off; not who is disabled."""
        person = self.world.named_by(address)
        local = None if person is None else person.local
        if right and local is not None:
            password = local.password or password
        if disables and person is not None:
            self.is_disabled(person, disabled=True)
        is_right = local is not None and local.password == password
        is_refused = person is None or person.disabled or not is_right
        expected = LogInRefused if is_refused else None
        delete = self.engine.public.delete
        if self.ask(expected, lambda: delete(address=address, password=password)):
            assert person is not None
            self.world.leave(person, at_once=False)
        elif disables and person is not None:
            self.is_disabled(person, disabled=False)

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
        for person in [one for one in self.world.people.values() if self.world.loses(one)]:
            self.world.remove(person)

    @rule(minutes=st.sampled_from([1, 6, 16, 31, 61, 130]))
    def the_clock_jumps(self, minutes: int) -> None:
        self.wait(timedelta(minutes=minutes))

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
