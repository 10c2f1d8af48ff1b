"""Links that are refused: whose identity it is, who asks, and when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

import attrs
import pytest
from races import edit, meanwhile, records
from told_providers import ToldProvider, ToldProviders, open_told, providers, told

import admit
from admit import LogIn, User
from admit.errors import (
    AlreadyLinked,
    ConfirmationRequired,
    DomainRefused,
    FreshLogInNeeded,
    IdentityTaken,
    LogInRefused,
    NotAllowed,
    PasswordMustChange,
    ProviderDisabled,
    SessionInvalid,
    TryLater,
    UnknownName,
    UserDisabled,
    UserNotFound,
    WrongCredentials,
)
from admit.providers import Provider
from admit.records import UserId
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
ADDRESS = "ada@example.com"


@pytest.fixture
def engine(store: MemoryStore, clock: SettableClock, inbox: Inbox) -> Iterator[admit.Engine]:
    """An engine with the providers `told`, `other` and `nobody`, in the flow `email`."""
    with open_told(store, clock, inbox) as opened:
        yield opened


def link(engine: admit.Engine, login: LogIn, provider: str, **credentials: object) -> User:
    return engine.public.identities.link(login.access_token, provider, **credentials)


# --- what is refused -------------------------------------------------------------------------


def test_an_identity_of_a_user_who_logged_in_is_refused_without_saying_whose(
    engine: admit.Engine,
) -> None:
    """
    Given an identity that another user logs in with,
    when somebody who can prove it links it,
    then the error has a stable code and tells nothing of that user; both are as before.
    """
    other = engine.log_in("told", **told("grace", "grace@example.com", True)).user
    login = engine.log_in("other", **told("ada"))

    with pytest.raises(IdentityTaken) as caught:
        link(engine, login, "told", **told("grace"))

    assert "identity-taken" == caught.value.code
    said = f"{caught.value!r} {caught.value} {vars(caught.value)}"
    assert not any(text in said for text in (other.id, "grace"))
    assert ["told"] == providers(engine.users.get(other.id))
    assert ["other"] == providers(engine.users.get(login.user.id))


def test_a_second_login_with_a_password_is_refused(engine: admit.Engine) -> None:
    """Given a user with a password, when she links another registration, then nothing moves."""
    engine.create("countess@example.com")
    ada = engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    login = engine.log_in("local-userpass", username=ADDRESS, password=PASSWORD)
    other = engine.confirm_manually(engine.register("second@example.com", PASSWORD))

    with pytest.raises(AlreadyLinked):
        link(engine, login, "local-userpass", username="second@example.com", password=PASSWORD)

    assert other.id == engine.users.find("second@example.com").id
    assert ada.id == engine.users.find(ADDRESS).id


@pytest.mark.parametrize(
    ("prepare", "because", "trusted"),
    [
        (lambda engine: None, None, WrongCredentials),
        (lambda engine: engine.register(ADDRESS, PASSWORD), "pending", ConfirmationRequired),
        (
            lambda engine: engine.disable(
                engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
            ),
            "disabled",
            UserDisabled,
        ),
        (lambda engine: engine.create(ADDRESS, PASSWORD), "must-change", PasswordMustChange),
    ],
    ids=["unknown", "pending", "disabled", "must-change"],
)
def test_a_registration_that_could_not_log_in_is_not_linked(
    engine: admit.Engine, prepare: object, because: str | None, trusted: type[LogInRefused]
) -> None:
    """The answer is that of a log-in: in public one type, and why only after the right password."""
    assert callable(prepare)
    prepare(engine)
    login = engine.log_in("nobody")

    with pytest.raises(LogInRefused) as caught:
        link(engine, login, "local-userpass", username=ADDRESS, password=PASSWORD)
    with pytest.raises(trusted):
        engine.identities.link(login.user, "local-userpass", username=ADDRESS, password=PASSWORD)

    assert (LogInRefused, because) == (type(caught.value), caught.value.because)
    assert ["nobody"] == providers(engine.users.get(login.user.id))


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"username": "nobody@example.com"}])
def test_wrong_credentials_link_nothing_and_are_recorded(
    engine: admit.Engine, wrong: dict[str, str]
) -> None:
    """Unknown address and wrong password look alike, and leave an event with the user who asked
    (security.md A6, E1)."""
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    login = engine.log_in("nobody")

    with pytest.raises(LogInRefused) as caught:
        link(
            engine,
            login,
            "local-userpass",
            **{"username": ADDRESS, "password": PASSWORD, **wrong},
        )

    assert caught.value.because is None
    refused = engine.users.timeline(login.user)[-1]
    assert {"asked": "link", "because": "wrong-credentials"} == refused.codes


def test_what_nobody_can_give_again_is_not_linked(engine: admit.Engine) -> None:
    """An anonymous identity is no second way in; the providers that are, are listed."""
    login = engine.log_in("told", **told("ada"))

    with pytest.raises(UnknownName) as caught:
        link(engine, login, "nobody")

    known = set(caught.value.known)
    assert {"local-userpass", "other", "told"} <= known
    assert {"nobody", "anon-user", "api-key"}.isdisjoint(known)


def test_a_pending_user_has_one_identity(engine: admit.Engine) -> None:
    """Whoever registered proved nothing yet."""
    ada = engine.register(ADDRESS, PASSWORD)

    with pytest.raises(NotAllowed, match="pending cannot link"):
        engine.identities.link(ada, "told", **told("ada"))


def test_nobody_is_linked_to_who_is_gone(engine: admit.Engine) -> None:
    """A deleted user is not found; its session has ended."""
    login = engine.log_in("told", **told("ada"))
    engine.delete(login.user)

    with pytest.raises(UserNotFound):
        engine.identities.link(login.user, "other", **told("ada"))
    with pytest.raises(SessionInvalid):
        link(engine, login, "other", **told("ada"))


def test_the_gate_is_shut_for_links_too(engine: admit.Engine) -> None:
    """A provider that is switched off, or a domain that is refused, links nothing."""
    login = engine.log_in("told", **told("ada"))
    engine.settings.set("other.refused_domains", "example.net")

    with pytest.raises(DomainRefused):
        link(engine, login, "other", **told("ada", "ada@example.net", True))
    engine.settings.set("other.enabled", False)
    with pytest.raises(ProviderDisabled):
        link(engine, login, "other", **told("ada"))

    assert ["told"] == providers(engine.users.get(login.user.id))


def test_who_lets_in_no_new_users_still_links(engine: admit.Engine) -> None:
    """The user is there already."""
    login = engine.log_in("told", **told("ada"))
    engine.settings.set("other.allow_new_users", False)

    assert ["told", "other"] == providers(link(engine, login, "other", **told("ada")))


def test_o6_a_link_needs_a_fresh_log_in(engine: admit.Engine, clock: SettableClock) -> None:
    """
    Given a log-in more than five minutes ago,
    when its token links, unlinks, adds a login, or changes the address,
    then each asks for a fresh log-in, and nothing was changed.
    """
    login = engine.log_in("told", **told("ada"))
    clock.advance(timedelta(minutes=5, seconds=1))
    mine, token = engine.public.identities, login.access_token

    with pytest.raises(FreshLogInNeeded):
        mine.link(token, "other", **told("ada"))
    with pytest.raises(FreshLogInNeeded):
        mine.unlink(access_token=token, provider="told")
    with pytest.raises(FreshLogInNeeded):
        mine.add_login(access_token=token, login=ADDRESS, password=PASSWORD)
    with pytest.raises(FreshLogInNeeded):
        mine.change_address(access_token=token, to=ADDRESS)

    assert login.user == attrs.evolve(engine.users.get(login.user.id), version=login.user.version)


def test_o6_an_anonymous_user_is_exempt(engine: admit.Engine, clock: SettableClock) -> None:
    """The new identity's proof is the fresh one."""
    login = engine.log_in("nobody")
    clock.advance(timedelta(minutes=20))

    assert ["nobody", "told"] == providers(link(engine, login, "told", **told("ada")))


def test_o6_the_proof_of_what_was_linked_is_as_good_as_a_fresh_log_in(
    engine: admit.Engine, clock: SettableClock, inbox: Inbox
) -> None:
    """
    Given an anonymous user whose session is an hour old,
    when she links an identity, or a registration that was made for it,
    then she need not log in again with it to go on; five minutes later she does.
    """
    engine.register(ADDRESS, PASSWORD)
    engine.confirm(**inbox.last_link().credentials)
    login = engine.log_in("nobody")
    clock.advance(timedelta(minutes=25))

    link(engine, login, "told", **told("ada"))
    link(engine, login, "local-userpass", username=ADDRESS, password=PASSWORD)
    clock.advance(timedelta(minutes=4))
    link(engine, login, "other", **told("ada"))
    clock.advance(timedelta(minutes=5, seconds=1))
    fresh = engine.refresh(login.refresh_token)

    with pytest.raises(FreshLogInNeeded):
        link(engine, fresh, "other", **told("countess"))


def test_a_user_who_tries_passwords_by_linking_has_to_wait(engine: admit.Engine) -> None:
    """Linking is no way around the throttling of log-ins: twenty tries in ten minutes."""
    engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    login = engine.log_in("nobody")
    for _ in range(20):
        with pytest.raises(LogInRefused):
            link(engine, login, "local-userpass", username=ADDRESS, password="guess")

    with pytest.raises(TryLater):
        link(engine, login, "local-userpass", username=ADDRESS, password=PASSWORD)


def test_what_belongs_to_a_user_without_being_an_identity_is_not_linked(
    store: MemoryStore,
) -> None:
    """Given a provider of keys, whose claims name their user, then it is none to link with."""

    class Keys(ToldProviders):
        @admit.hookimpl
        def register_providers(self) -> Iterable[Provider]:
            key = ToldProvider("key")
            key.identify = lambda credentials, services: admit.Claim(  # type: ignore[method-assign]
                login_key="k", proved=True, user=UserId(credentials["of"])
            )
            return [self.told, key]

    with open_engine(store, plugins=[Keys()]) as engine:
        ada = engine.log_in("told", **told("ada")).user

        with pytest.raises(UnknownName):
            engine.identities.link(ada, "key", of=ada.id)


# --- what happens in between -------------------------------------------------------------------


@pytest.mark.parametrize("ended", ["log-out", "log-out-all", "disable"])
def test_s3_a_session_that_ends_meanwhile_links_nothing(
    engine: admit.Engine, store: MemoryStore, ended: str
) -> None:
    """Given a link whose caller was looked up, when her session ends just before the commit, then
    the session is invalid and nothing is linked."""
    login = engine.log_in("told", **told("ada"))

    def end() -> None:
        if ended == "log-out":
            engine.log_out(login.refresh_token)
        elif ended == "log-out-all":
            engine.log_out_all(login.user)
        else:
            engine.disable(login.user)

    def end_and_see() -> None:  # so that the link has to look again, whatever was ended
        end()
        edit(store, "user", login.user.id, last_seen_at="2030-01-01T00:00:00.000Z")

    meanwhile(store, end_and_see, before=records("link"))

    with pytest.raises(SessionInvalid):
        link(engine, login, "other", **told("ada"))

    assert ["told"] == providers(engine.users.get(login.user.id))


def test_a_registration_that_goes_or_changes_meanwhile_is_not_linked(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """Given a link whose password was compared, when that password is changed, or its user
    deleted, just before the commit, then nothing moves."""
    login = engine.log_in("nobody")
    proof = {"username": ADDRESS, "password": PASSWORD}
    ada = engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    meanwhile(
        store,
        lambda: engine.change_password(ada, current=PASSWORD, new="another good horse"),
        before=records("link"),
    )

    with pytest.raises(TryLater):
        link(engine, login, "local-userpass", **proof)
    proof["password"] = "another good horse"
    meanwhile(store, lambda: engine.delete(ada), before=records("link"))
    with pytest.raises(TryLater):
        link(engine, login, "local-userpass", **proof)

    assert ["nobody"] == providers(engine.users.get(login.user.id))


def test_a_registration_that_is_gone_by_then_is_wrong(
    engine: admit.Engine, store: MemoryStore
) -> None:
    """Given a password that was right a moment ago, when its user is deleted before the link looks
    whose it is, then the credentials are wrong."""
    login = engine.log_in("nobody")
    ada = engine.confirm_manually(engine.register(ADDRESS, PASSWORD))

    class Gate:
        @admit.hookimpl
        def before_admission(self, admission: admit.Admission) -> str | None:
            if admission.way == "link":
                engine.delete(ada)
            return None

    with (
        open_engine(store, plugins=[ToldProviders(), Gate()]) as other,
        pytest.raises(WrongCredentials),
    ):
        other.identities.link(login.user, "local-userpass", username=ADDRESS, password=PASSWORD)


# --- what a link refuses so that nothing is lost -------------------------------------------------


def test_custom_data_of_both_is_no_link_but_a_merge(engine: admit.Engine) -> None:
    """
    Given a registration that was never logged in with, and custom data of both users,
    when it is linked, then that is refused: a merge says beforehand that one of them goes.
    """
    login = engine.log_in("told", **told("ada"))
    engine.custom_data.set(login.user, {"plan": "tin"})
    other = engine.confirm_manually(engine.register(ADDRESS, PASSWORD))
    engine.custom_data.set(other, {"wallet": 100})

    with pytest.raises(IdentityTaken):
        link(engine, login, "local-userpass", username=ADDRESS, password=PASSWORD)

    assert {"wallet": 100} == engine.custom_data.get(other).data
    assert ["told"] == providers(engine.users.get(login.user.id))

    engine.custom_data.set(other, {"plan": "tin"})
    user = link(engine, login, "local-userpass", username=ADDRESS, password=PASSWORD)
    assert ["told", "local-userpass"] == providers(user)


def test_nothing_is_linked_to_who_is_disabled_or_about_to_be_deleted(engine: admit.Engine) -> None:
    """Nor by the application: a way in that nobody sees would open with the account again."""
    disabled = engine.log_in("told", **told("ada")).user
    engine.disable(disabled)
    engine.settings.set("deletion_grace", "7d")
    leaving = engine.log_in("told", **told("grace")).user
    engine.delete(leaving)

    for user in (disabled, leaving):
        with pytest.raises(NotAllowed):
            engine.identities.link(user, "other", **told("further"))
        with pytest.raises(NotAllowed):
            engine.identities.add_login(user, ADDRESS, PASSWORD)
        assert ["told"] == providers(engine.users.get(user.id))
