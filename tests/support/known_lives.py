"""What each life with identities begins with, and what always holds of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant
from identities_reference import World
from known_accounts import LOCAL, Account, Login, Opened, Refusal, Token
from replay import kept_text, replays
from told_providers import ToldProviders

from admit import LogIn, User
from admit.errors import AdmitError, Leaving, UserNotFound
from admit.records import UserId
from admit.stores import Store
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

T = TypeVar("T")

ADDRESSES = ("ada@example.com", "grace@example.com", "alan@example.com")
PASSWORDS = ("correct horse battery staple", "a wholly different sentence")
TOLD = (("told", "ada"), ("told", "grace"), ("other", "ada"), ("other", "grace"))
PLUGINS = ("anonymous", "api-key", "auto", "email", "password")
"""Not all that are installed: half of a short life is opening its engine."""
TOKEN_LIFETIME, OFFER_LIFETIME = timedelta(minutes=30), timedelta(minutes=15)


class KnownLife(RuleBasedStateMachine):
    """An engine, its model, and how the one hears of the other."""

    def open_store(self) -> Store:
        return MemoryStore()

    def __init__(self) -> None:
        super().__init__()
        self.store, self.clock, self.inbox = self.open_store(), SettableClock(), Inbox()
        self.engine = open_engine(
            self.store,
            clock=self.clock,
            inbox=self.inbox,
            plugins=[ToldProviders()],
            discover=PLUGINS,
            settings={
                "anon-user.enabled": True,
                "api-key.enabled": True,
            },
        )
        self.world = World(self.clock.now())
        self.read = self.made = 0
        self.secrets: set[str] = set(PASSWORDS)
        self.versions: dict[str, int] = {}

    def ask(self, expected: Refusal, call: Callable[[], T]) -> T | None:
        """Let *call* be refused as expected – then None comes back –, or not at all."""
        answer, refusal = None, None
        try:
            answer = call()
        except AdmitError as problem:
            refusal = problem
        assert expected is (None if refusal is None else type(refusal))
        if isinstance(refusal, Leaving):
            self.hear_of_offer(refusal)
        return answer

    def hear_of_offer(self, leaving: Leaving) -> None:
        text = leaving.restore_token.reveal()
        person = self.world.people[UserId(text[:24])]
        assert person.leaves_at == leaving.delete_at
        person.offers.append((text, min(leaving.delete_at, self.clock.now() + OFFER_LIFETIME)))
        self.secrets.add(text)

    def hear_of_message(
        self, person: Account, purpose: str, to: str | None, adds: Login | None = None
    ) -> None:
        """One message went out, to the address that it is about."""
        new = [m for m in self.inbox.messages[self.read :] if m.subject != "About your account"]
        self.read = len(self.inbox.messages)
        assert [to] == [message.to for message in new]
        one = Inbox()
        one.messages = new
        link, address = one.last_link(), new[0].to
        self.secrets |= {link.token.reveal(), one.last_code()}
        expires_at = self.clock.now() + TOKEN_LIFETIME
        hers = purpose != "change-address"
        token = Token(purpose, link.credentials, address, expires_at, adds, hers)
        self.world.sent(person, token)

    def hear_of_log_in(self, person: Account, log_in: LogIn, by: Login | str) -> None:
        assert person.id == log_in.user.id
        self.secrets |= {log_in.access_token.reveal(), log_in.refresh_token.reveal()}
        person.sessions.append(Opened(log_in, by, self.clock.now()))
        most = self.engine.settings.get("max_sessions_a_user")
        assert isinstance(most, int)
        self.world.end(person, person.sessions[:-most])
        person.used = True

    def pick(
        self, number: int, wanted: Callable[[Account], object] = lambda person: True
    ) -> Account | None:
        """One of those that are *wanted*; if there are none, one of all."""
        people = list(self.world.people.values())
        people = [person for person in people if wanted(person)] or people
        return people[number % len(people)] if people else None

    def all_users(self) -> tuple[User, ...]:
        return self.engine.users.page(limit=1000).items

    # --- what always holds ---------------------------------------------------------------------

    @invariant()
    def the_store_is_as_the_model_says(self) -> None:
        found = {u.id: _as_found(u) for u in self.all_users()}
        said = {person.id: _as_said(person) for person in self.world.people.values()}
        assert said == found

    @invariant()
    def one_identity_has_one_user(self) -> None:
        holders: dict[tuple[str, str], str] = {}
        ids: set[tuple[str, str]] = set()
        for user in self.all_users():
            for identity in user.identities:
                assert (identity.provider, identity.id) not in ids
                ids.add((identity.provider, identity.id))
                assert identity.login_key is not None
                if user.holds_keys:
                    assert (identity.provider, identity.login_key) not in holders
                    holders[identity.provider, identity.login_key] = user.id
        for provider, key in {*TOLD, *((LOCAL, address) for address in ADDRESSES), *holders}:
            try:
                found: str | None = self.engine.users.find_login(provider, key).id
            except UserNotFound:
                found = None
            assert holders.get((provider, key)) == found

    @invariant()
    def sessions_and_keys_are_those_that_live(self) -> None:
        for person in self.world.people.values():
            sessions = {s.id for s in self.engine.sessions.of(person.id)}
            assert {one.log_in.session.id for one in person.sessions} == sessions
            keys = {(key.id, key.disabled) for key in self.engine.api_keys.of(person.id)}
            assert {(key.id, key.disabled) for key in person.keys} == keys

    @invariant()
    def who_leaves_is_confirmed_and_out(self) -> None:
        for user in self.all_users():
            if user.delete_at is not None:
                assert "confirmed" == user.state
                assert () == self.engine.sessions.of(user)
                assert () == self.engine.api_keys.of(user)

    @invariant()
    def an_absorbed_id_leads_to_the_survivor_or_to_nobody(self) -> None:
        for old, survivor in self.world.absorbed.items():
            record = self.store.get("user", old)
            assert record is not None
            assert ("deleted", survivor) == (record.body["state"], record.body["absorbed_by"])
            try:
                found = self.engine.users.get(old)
            except UserNotFound:
                assert survivor in self.world.gone
            else:
                assert (survivor, "confirmed") == (found.id, found.state)
        for gone in self.world.gone:
            try:
                self.engine.users.get(gone)
            except UserNotFound:
                continue
            raise AssertionError("who was deleted is found")

    @invariant()
    def versions_of_custom_data_rise(self) -> None:
        for person in self.world.people.values():
            found = self.engine.custom_data.get(person.id)
            assert (person.data, person.data_version) == (found.data, found.version)
            assert self.versions.get(person.id, 0) <= found.version
            self.versions[person.id] = found.version

    @invariant()
    def every_life_replays_from_its_events(self) -> None:
        for user in self.all_users():
            replays(self.engine, user)

    def try_all_that_is_dead(self) -> None:
        """Each dead credential, at every verb that takes its kind; what opened is said by name."""
        opened = [name for name, call in self._ways_of_the_dead() if not _is_refused(call)]
        assert [] == opened, opened

    def _ways_of_the_dead(self) -> Iterator[tuple[str, Callable[[], object]]]:
        engine, world = self.engine, self.world
        for token in world.dead_tokens:
            given = token.credentials
            yield f"{token.purpose} as confirm", partial(engine.confirm, **given)
            reset = partial(engine.set_password, token_id=given["token_id"], token=given["token"])
            yield f"{token.purpose} as reset", partial(reset, password=PASSWORDS[0])
            change = partial(engine.identities.confirm_address, **given)
            yield f"{token.purpose} as change-address", change
        for log_in in world.ended:
            yield "access token", partial(engine.verify, log_in.access_token)
            yield "refresh token", partial(engine.refresh, log_in.refresh_token)
        for replaced in world.dead_refresh_tokens:
            yield "replaced refresh token", partial(engine.refresh, replaced)
        for key in world.dead_keys:
            yield "key at the log-in", partial(engine.log_in, "api-key", key=key.text)
            yield "key", partial(engine.api_keys.verify, key.text)
        for offer in world.dead_offers:
            yield "offer", partial(engine.public.restore, token=offer)

    def teardown(self) -> None:
        self.try_all_that_is_dead()
        for old in (*self.world.gone, *self.world.absorbed):
            states = [event.to_state for event in self.engine.users.timeline(old)]
            assert "deleted" == [state for state in states if state is not None][-1]
        self.engine.work_once()
        assert () == self.engine.events.verify().problems
        kept = kept_text(self.store)
        assert [] == [secret for secret in self.secrets if secret in kept]
        self.engine.close()


Seen = tuple[str, bool, bool, datetime | None, list[tuple[str, str]], list[tuple[str, bool]]]


def _as_found(user: User) -> Seen:
    return (
        user.state,
        user.disabled,
        user.first_log_in_at is not None,
        user.delete_at,
        [(identity.provider, identity.login_key or "") for identity in user.identities],
        [(address.typed, address.proved_at is not None) for address in user.addresses],
    )


def _as_said(person: Account) -> Seen:
    return (
        person.state,
        person.disabled,
        person.used,
        person.leaves_at,
        [(login.provider, login.key) for login in person.logins],
        list(person.addresses.items()),
    )


def _is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except AdmitError:
        return True
    return False
