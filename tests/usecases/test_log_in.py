"""Log in: credentials to a session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from races import meanwhile

import admit
from admit import Check, Claim, Client, Identity, LogIn, Secret, Services, User, hookimpl
from admit.errors import (
    ConfirmationRequired,
    InvalidInput,
    SessionInvalid,
    TryLater,
    UnknownName,
    UserDisabled,
    Vetoed,
    WrongCredentials,
)
from admit.providers import Provider
from admit.stores import KeyTaken
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
NEW_PASSWORD = "another password altogether"


@pytest.fixture
def ada(engine: admit.Engine, inbox: Inbox) -> User:
    """A confirmed user."""
    engine.register("ada@example.com", PASSWORD)
    return engine.confirm(**inbox.last_link().credentials)


def log_in(engine: admit.Engine, password: str = PASSWORD) -> LogIn:
    return engine.log_in("local-userpass", username="ada@example.com", password=password)


def test_right_credentials_open_a_session(engine: admit.Engine, ada: User) -> None:
    """
    Given a confirmed user,
    when she logs in,
    then there is a session, and its access token says whose it is.
    """
    login = log_in(engine)

    assert ada.id == login.user.id
    assert (login.session,) == engine.sessions.of(ada)
    access = engine.verify(login.access_token)
    assert (ada.id, login.session.id) == (access.user_id, access.session_id)


def test_the_login_is_the_mailbox_not_its_spelling(engine: admit.Engine, ada: User) -> None:
    """Capitals do not matter."""
    login = engine.log_in("local-userpass", username="ADA@Example.COM", password=PASSWORD)

    assert ada.id == login.user.id


def test_each_log_in_has_tokens_of_its_own(engine: admit.Engine, ada: User) -> None:
    """Two devices, two sessions."""
    first, second = log_in(engine), log_in(engine)

    assert first.session.id != second.session.id
    assert first.refresh_token.reveal() != second.refresh_token.reveal()
    assert 2 == len(engine.sessions.of(ada))


def test_tokens_are_masked(engine: admit.Engine, ada: User) -> None:
    """Neither is shown when the answer is printed."""
    login = log_in(engine)

    for token in (login.access_token, login.refresh_token):
        assert token.reveal() not in repr(login)
        assert token.reveal() not in str(token)


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("ada@example.com", "wrong"),
        ("grace@example.com", PASSWORD),
        ("no address", PASSWORD),
        ("ada@example.com", ""),
    ],
    ids=["wrong password", "unknown user", "no address", "empty password"],
)
def test_wrong_credentials_are_all_one(
    engine: admit.Engine, ada: User, username: str, password: str
) -> None:
    """Unknown and wrong are never told apart, and opened nothing."""
    with pytest.raises(WrongCredentials) as refused:
        engine.log_in("local-userpass", username=username, password=password)

    assert "The credentials are not right." == refused.value.sentence
    assert () == engine.sessions.of(ada)


def test_a_pending_user_is_told_after_the_right_password_only(engine: admit.Engine) -> None:
    """Nothing is usable before confirmation."""
    engine.register("ada@example.com", PASSWORD)

    with pytest.raises(ConfirmationRequired):
        log_in(engine)
    with pytest.raises(WrongCredentials):
        log_in(engine, "wrong")


def test_failed_log_ins_are_recorded(engine: admit.Engine, ada: User) -> None:
    """With the reason as a code; of nobody when nobody was found."""
    engine.work_once()
    engine.disable(ada)
    for username in ("ada@example.com", "grace@example.com"):
        with pytest.raises((WrongCredentials, UserDisabled)):
            engine.log_in("local-userpass", username=username, password="wrong")
    with pytest.raises(UserDisabled):
        log_in(engine)

    refused = [e for e in engine.events.unsealed() if e.trigger == "log-in-refused"]

    assert [
        (ada.id, "wrong-credentials"),
        (None, "wrong-credentials"),
        (ada.id, "user-disabled"),
    ] == [(event.user, event.codes["because"]) for event in refused]


@pytest.mark.parametrize("credentials", [{}, {"username": "ada@example.com"}, {"password": "x"}])
def test_a_missing_field_is_a_slip_of_the_program(
    engine: admit.Engine, credentials: dict[str, object]
) -> None:
    """Told apart from wrong credentials, and named."""
    with pytest.raises(InvalidInput, match="is missing"):
        engine.log_in("local-userpass", **credentials)


def test_an_unknown_provider_is_named(engine: admit.Engine) -> None:
    """With those that are loaded."""
    with pytest.raises(UnknownName, match="local-userpass"):
        engine.log_in("carrier-pigeon", username="ada@example.com", password=PASSWORD)


def test_the_first_log_in_is_remembered(
    engine: admit.Engine, ada: User, clock: SettableClock
) -> None:
    """When it was, and when she was last seen."""
    assert (None, None) == (ada.first_log_in_at, ada.last_seen_at)
    first = clock.now()
    log_in(engine)
    clock.advance(timedelta(minutes=15))

    user = log_in(engine).user

    assert (first, clock.now()) == (user.first_log_in_at, user.last_seen_at)


def test_logging_in_often_does_not_write_the_user_each_time(
    engine: admit.Engine, ada: User, clock: SettableClock
) -> None:
    """Only when the last time is a quarter of an hour ago; the session and the event always."""
    version = log_in(engine).user.version
    clock.advance(timedelta(minutes=15, milliseconds=-1))

    assert version == log_in(engine).user.version
    assert 2 == [event.trigger for event in engine.users.timeline(ada)].count("log-in")
    clock.advance(timedelta(milliseconds=1))
    assert version + 1 == log_in(engine).user.version


def test_a_session_remembers_the_device(engine: admit.Engine, ada: User) -> None:
    """So that its owner can tell which one to end."""
    client = Client(device="phone", device_id="64f000000000000000000001")
    login = log_in(engine.acting(admit.Actor("user", ada.id), client=client))
    refreshed = engine.refresh(login.refresh_token)

    assert ("phone", client.device_id) == (login.session.device, login.session.device_id)
    assert ("phone", client.device_id) == (refreshed.session.device, refreshed.session.device_id)


def test_a_device_id_has_24_hex_digits(engine: admit.Engine, ada: User) -> None:
    """Existing clients keep it in no other form (wire-contract.md §1)."""
    with pytest.raises(InvalidInput, match=r"client\.device_id"):
        engine.acting(admit.Actor("user", ada.id), client=Client(device_id="phone"))


def test_a_plugin_may_say_no_after_the_right_credentials() -> None:
    """It sees who, by which provider and from where; it opens nothing."""

    class Curfew:
        def __init__(self) -> None:
            self.asked: list[tuple[User, str, Client | None]] = []

        @hookimpl
        def before_log_in(self, user: User, provider: str, client: Client | None) -> str | None:
            self.asked.append((user, provider, client))
            return "Not at night."

    curfew = Curfew()
    with open_engine(plugins=[curfew], settings={"confirmation_flow": "auto"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)
        with pytest.raises(WrongCredentials):
            log_in(engine, "wrong")
        assert [] == curfew.asked

        with pytest.raises(Vetoed, match="at night"):
            log_in(engine)

        assert [(ada, "local-userpass", None)] == curfew.asked
        assert () == engine.sessions.of(ada)


def test_after_log_in_is_told() -> None:
    """Once, with what the caller gets."""

    class Watching:
        def __init__(self) -> None:
            self.seen: list[LogIn] = []

        @hookimpl
        def after_log_in(self, log_in: LogIn) -> None:
            self.seen.append(log_in)

    watching = Watching()
    with open_engine(plugins=[watching], settings={"confirmation_flow": "auto"}) as engine:
        engine.register("ada@example.com", PASSWORD)

        assert [log_in(engine)] == watching.seen


def test_a_log_in_that_a_disabling_overtook_opens_nothing(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """
    Given a user who is disabled between the check of her password and the commit,
    when she logs in,
    then whatever she gets is dead already.
    """
    log_in(engine)
    meanwhile(store, lambda: engine.disable(ada))

    late = log_in(engine)

    with pytest.raises(SessionInvalid):
        engine.verify(late.access_token)


def test_a_first_log_in_that_a_disabling_overtook_is_refused(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """It writes the user, so it notices, decides again, and says why."""
    meanwhile(store, lambda: engine.disable(ada))

    with pytest.raises(UserDisabled):
        log_in(engine)


def test_a_log_in_that_a_deletion_overtook_is_refused(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """As if she had never been there."""
    meanwhile(store, lambda: engine.delete(ada))

    with pytest.raises(WrongCredentials):
        log_in(engine)


def test_a_log_in_that_a_new_password_overtook_is_not_let_in(
    engine: admit.Engine, store: MemoryStore, ada: User
) -> None:
    """The password that was compared is not the one that counts any more."""
    meanwhile(store, lambda: engine.change_password(ada, current=PASSWORD, new=NEW_PASSWORD))

    with pytest.raises((TryLater, WrongCredentials)):
        log_in(engine)

    assert () == engine.sessions.of(ada)


class Badge:
    """A provider whose credentials prove themselves: a badge number that it knows."""

    name = "badge"
    inline = True
    creates_users = True

    @hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [self]

    def identify(self, credentials: Mapping[str, Any], services: Services) -> Claim:
        if credentials["number"] == "forged":
            raise WrongCredentials
        return Claim(
            login_key=credentials["number"],
            proved=True,
            creates_users=self.creates_users,
            data={"name": credentials.get("name", "Ada")},
            address=credentials.get("address"),
            address_proved=bool(credentials.get("vouched")),
        )

    def check(
        self, credentials: Mapping[str, Any], identity: Identity | None, services: Services
    ) -> Check:
        raise AssertionError("what proves itself is not compared")


@pytest.fixture
def badge() -> Badge:
    return Badge()


def test_a_provider_that_proves_its_users_makes_them(badge: Badge) -> None:
    """
    Given somebody whom such a provider vouches for,
    when she logs in for the first time, there is a confirmed user;
    when she logs in again, it is the same one.
    """
    with open_engine(plugins=[badge]) as engine:
        first = engine.log_in("badge", number="1815")

        again = engine.log_in("badge", number="1815")

        assert ("confirmed", first.user.id) == (first.user.state, again.user.id)
        assert ["create", "log-in", "log-in"] == [
            event.trigger for event in engine.users.timeline(first.user)
        ]


@pytest.mark.parametrize("vouched", [True, False])
def test_an_address_is_proved_only_if_the_provider_vouches_for_it(
    badge: Badge, vouched: bool
) -> None:
    """Trust is explicit."""
    with open_engine(plugins=[badge]) as engine:
        user = engine.log_in(
            "badge", number="1815", address="ada@example.com", vouched=vouched
        ).user

        assert user.address is not None
        assert ("badge" if vouched else None) == user.address.proved_by


def test_an_address_never_finds_a_user_by_itself(badge: Badge) -> None:
    """
    Given a password user,
    when somebody comes through a provider with the same address,
    then that is somebody else.
    """
    with open_engine(plugins=[badge], settings={"confirmation_flow": "auto"}) as engine:
        ada = engine.register("ada@example.com", PASSWORD)

        other = engine.log_in("badge", number="1815", address="ada@example.com", vouched=True)

        assert ada.id != other.user.id


def test_what_a_provider_knows_of_its_user_is_renewed_at_log_in(badge: Badge) -> None:
    """A new name is taken over."""
    with open_engine(plugins=[badge]) as engine:
        engine.log_in("badge", number="1815", name="Ada Byron")

        user = engine.log_in("badge", number="1815", name="Ada Lovelace").user

        identity = user.identity("badge")
        assert identity is not None
        assert {"name": "Ada Lovelace"} == identity.data
        assert user == engine.users.get(user.id)


def test_a_provider_that_makes_no_users_lets_no_stranger_in(badge: Badge) -> None:
    """Who is unknown is refused."""
    badge.creates_users = False
    with open_engine(plugins=[badge]) as engine:
        with pytest.raises(WrongCredentials):
            engine.log_in("badge", number="1815")

        assert 0 == engine.users.count()


def test_what_a_provider_refuses_is_refused_and_recorded(badge: Badge) -> None:
    """As any wrong credential."""
    with open_engine(plugins=[badge]) as engine:
        with pytest.raises(WrongCredentials):
            engine.log_in("badge", number="forged")

        assert "log-in-refused" == engine.events.unsealed(limit=100)[-1].trigger


def test_two_first_log_ins_at_once_make_one_user(badge: Badge, store: MemoryStore) -> None:
    """
    Given two first log-ins of the same person at the same time,
    when the second one's commit finds the key taken,
    then it logs in to the user that the first one made.
    """
    with open_engine(store, plugins=[badge]) as engine:
        raced: list[LogIn] = []
        meanwhile(store, lambda: raced.append(engine.log_in("badge", number="1815")))

        second = engine.log_in("badge", number="1815")

        assert [second.user.id] == [first.user.id for first in raced]
        assert 1 == engine.users.count()


def test_a_password_may_be_handed_over_masked(engine: admit.Engine, ada: User) -> None:
    """A Secret is as good as a text."""
    login = engine.log_in("local-userpass", username="ada@example.com", password=Secret(PASSWORD))

    assert ada.id == login.user.id


def test_a_first_log_in_whose_key_was_taken_and_freed_in_one_moment_tries_later(
    badge: Badge, store: MemoryStore
) -> None:
    """
    Given a provider that makes its own users,
    when the login key is taken just before the first log-in is written, and free again after,
    then the caller is told to try later: nobody's account is opened by a guess.
    """
    with open_engine(store, plugins=[badge]) as engine:
        store.fail_next_commit(KeyTaken("badge:1815"))

        with pytest.raises(TryLater):
            engine.log_in("badge", number="1815")

        assert 0 == engine.users.count()
