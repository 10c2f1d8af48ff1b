"""What an authentication provider promises, as a test suite that logs in through a real engine."""

from __future__ import annotations

import importlib
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from importlib.metadata import entry_points
from typing import Any, ClassVar, Final, Protocol

import pytest

from ...addresses import canonical
from ...engine import Engine
from ...errors import (
    AddressTaken,
    ConfirmationRequired,
    InvalidInput,
    LogInRefused,
    NotConfigured,
    UserDisabled,
    WrongCredentials,
)
from ...flows import ConfirmationFlow, Entry, Outcome
from ...hookspecs import hookimpl
from ...masked import Secret
from ...providers import Claim, Credentials, NewIdentity, Provider, RegistrationRequest
from ...records import Identity, User, UserId
from ...services import Services
from ...stores import Change
from ..clock import SettableClock
from ..inbox import Inbox
from ..memory import MemoryStore
from .opened import all_text, check_offer, open_on

_THREADS: Final = 8
_NONSENSE: Final[tuple[object, ...]] = (None, 7, [], {}, b"bytes", "", "\0", "\ud800", "x" * 10_000)
"""What a stranger may send instead of a text."""
_SHORTEST_SECRET: Final = 8
"""Shorter ones are found by chance in digests and times."""


class OpenProvider(Protocol):
    """Opens an engine on the provider under test, on a store, without some of its settings."""

    def __call__(self, store: MemoryStore, *without: str) -> AbstractContextManager[Engine]: ...


class WatchedProvider:
    """Stands before the provider under test under a name of its own, and sees what it answers."""

    name = "watched-by-the-contract"

    def __init__(self, inner: Provider) -> None:
        self.inner = inner
        self.inline = bool(getattr(inner, "inline", False))
        self.claims: list[Claim] = []
        self.compared_with: list[Identity | None] = []
        self.threads: list[int] = []

    def identify(self, credentials: Credentials, services: Services) -> Any:
        """Return the inner provider's claim."""
        self.threads.append(threading.get_ident())
        answer = self.inner.identify(credentials, services)
        return self._kept_later(answer) if isinstance(answer, Awaitable) else self._kept(answer)

    def check(self, credentials: Credentials, identity: Identity | None, services: Services) -> Any:
        """Return what the inner provider's comparison gave."""
        self.compared_with.append(identity)
        return self.inner.check(credentials, identity, services)

    def _kept(self, claim: Claim) -> Claim:
        self.claims.append(claim)
        return claim

    async def _kept_later(self, answer: Any) -> Claim:
        return self._kept(await answer)


class WatchedRegisteringProvider(WatchedProvider):
    """The same for a provider whose users register."""

    inner: Any

    def __init__(self, inner: Provider) -> None:
        super().__init__(inner)
        self.verified: list[tuple[Identity | None, bool]] = []

    def new_identity(self, request: RegistrationRequest, services: Services) -> NewIdentity:
        """Return what the inner provider makes of a request."""
        answer: NewIdentity = self.inner.new_identity(request, services)
        return answer

    def private_data(self, password: Secret, services: Services) -> Mapping[str, str]:
        """Return what the inner provider keeps of a password."""
        answer: Mapping[str, str] = self.inner.private_data(password, services)
        return answer

    def verify_private(
        self, password: Secret, identity: Identity | None, services: Services
    ) -> bool:
        """Return whether the inner provider knows the password."""
        answer: bool = self.inner.verify_private(password, identity, services)
        self.verified.append((identity, answer))
        return answer


class _Watching:
    """The plugin that offers the watched provider, and two flows for whoever registers."""

    def __init__(self, watched: WatchedProvider) -> None:
        self._watched = watched

    @hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [self._watched]

    @hookimpl
    def register_confirmation_flows(self) -> Iterable[ConfirmationFlow]:
        return [
            _Answering("confirmed", Outcome.success()),
            _Answering("pending", Outcome.pending()),
        ]


class _Answering:
    inline = True

    def __init__(self, state: str, outcome: Outcome) -> None:
        self.name = f"{state}-for-the-contract"
        self._outcome = outcome

    def begin(self, entry: Entry, services: Services) -> Outcome:
        return self._outcome


class ProviderContract:
    """Subclass it, name the provider, hand over its plugin, and say what opens it and what not.

    class TestBadge(ProviderContract):
        provider = "badge"
        plugins = ("admit_badges",)
        creates_users = proves_itself = True
        secret_fields = frozenset({"pin"})
        credentials = {"badge": "A-17", "pin": "2468135790"}
        same_credentials = ({"badge": "a17", "pin": "2468135790"},)
        wrong_credentials = {"badge": "A-17", "pin": "0864297531"}
        unknown_credentials = {"badge": "Z-99", "pin": "2468135790"}
        other_credentials = {"badge": "B-20", "pin": "1357924680"}

    Each may be a property instead, and look at `self`. Users log in through a real engine on a
    memory store.
    """

    provider: ClassVar[str]
    """The provider's name."""
    plugins: ClassVar[tuple[object, ...]] = ()
    """What to hand to `open(plugins=…)`; nothing for a plugin that is installed."""

    inline: ClassVar[bool] = False
    """Whether the provider does no I/O but hashing, and runs on the caller's thread."""
    registers: ClassVar[bool] = False
    """Whether users register before they can log in. Else the first log-in makes one."""
    creates_users: ClassVar[bool] = False
    """Whether the first log-in makes a user."""
    proves_itself: ClassVar[bool] = False
    """Whether right credentials prove themselves, so that `check` is not asked."""
    always_new: ClassVar[bool] = False
    """Whether nothing is asked, so that each log-in makes another user, whatever the credentials:
    then none are wrong, and none are unknown."""
    needs_settings: ClassVar[frozenset[str]] = frozenset()
    """Settings without each of which `identify` raises NotConfigured, naming it."""

    credentials: Mapping[str, object]
    """Right ones."""
    wrong_credentials: Mapping[str, object]
    """The same user's, with a wrong secret."""
    other_credentials: Mapping[str, object]
    """Another user's, right."""
    unknown_credentials: Mapping[str, object]
    """Well-formed, and nobody's."""
    same_credentials: tuple[Mapping[str, object], ...] = ()
    """The right ones spelled otherwise, if the login may be: in capitals, say."""
    optional_fields: ClassVar[frozenset[str]] = frozenset()
    """Fields of the credentials that may be missing."""
    secret_fields: ClassVar[frozenset[str]] = frozenset({"password"})
    """Fields whose values must be found nowhere; use values of at least eight characters."""

    registration: Mapping[str, Any]
    """What to call `register` with so that `credentials` are right; only if it registers."""
    other_registration: Mapping[str, Any]
    """The same for `other_credentials`."""

    @pytest.fixture
    def settings(self) -> Mapping[str, object]:
        """Return the settings that the provider needs, by their dotted names."""
        return {}

    @pytest.fixture
    def functions(self) -> Mapping[str, Callable[..., Any]]:
        """Return the functions that the provider needs, by name."""
        return {}

    @pytest.fixture
    def written(self) -> list[Change]:
        """All that the engine asked its store to keep."""
        return []

    @pytest.fixture
    def watched(self) -> WatchedProvider:
        """The provider under test, and what it answered."""
        inner = _found_provider(self.provider, self.plugins)
        return WatchedRegisteringProvider(inner) if self.registers else WatchedProvider(inner)

    @pytest.fixture
    def open_provider(
        self,
        watched: WatchedProvider,
        settings: Mapping[str, object],
        functions: Mapping[str, Callable[..., Any]],
        admit_inbox: Inbox,
        admit_clock: SettableClock,
    ) -> OpenProvider:
        """Return a function that opens an engine on the provider."""

        def opened(store: MemoryStore, *without: str) -> AbstractContextManager[Engine]:
            return open_on(
                store,
                (*self.plugins, _Watching(watched)),
                settings={**settings, "confirmation_flow": "confirmed-for-the-contract"},
                functions=functions,
                without=without,
                inbox=admit_inbox,
                clock=admit_clock,
            )

        return opened

    @pytest.fixture
    def provider_engine(
        self, open_provider: OpenProvider, written: list[Change]
    ) -> Iterator[Engine]:
        """An engine on an empty store that has loaded the provider."""
        store = MemoryStore()
        store.before_commit = written.append
        with open_provider(store) as engine:
            yield engine

    def known(self, engine: Engine) -> User:
        """Return the user of `credentials`: registered and confirmed, or made by a log-in."""
        if self.registers:
            return engine.register(**self.registration, provider=WatchedProvider.name)
        return engine.log_in(WatchedProvider.name, **self.credentials).user

    def known_other(self, engine: Engine) -> User:
        """Return the user of `other_credentials`."""
        if self.registers:
            return engine.register(**self.other_registration, provider=WatchedProvider.name)
        return engine.log_in(WatchedProvider.name, **self.other_credentials).user

    # What it is

    def test_it_is_offered_once_with_settings_that_explain_themselves(
        self, provider_engine: Engine
    ) -> None:
        """Given the plugin, when an engine opens, then it offers the provider, and each of its
        settings has a help and a valid default."""
        check_offer(provider_engine, f"provider {self.provider}")

        assert self.provider.isprintable()
        assert ":" not in self.provider, "it stands before the colon of a store key"

    def test_it_works_under_its_own_name(self, provider_engine: Engine) -> None:
        """Given a user of the provider, when she logs in by its name, then her session says so."""
        if self.registers:
            provider_engine.register(**self.registration, provider=self.provider)
        else:
            self.known(provider_engine)

        login = provider_engine.log_in(self.provider, **self.credentials)

        assert self.provider == login.session.provider
        assert [self.provider] == [identity.provider for identity in login.user.identities]

    def test_it_is_what_it_declares(
        self, provider_engine: Engine, watched: WatchedProvider
    ) -> None:
        """Given right credentials, when they are used, then provider and claim are what the suite
        was told."""
        self.known(provider_engine)
        provider_engine.log_in(WatchedProvider.name, **self.credentials)

        claim = watched.claims[-1]
        assert self.registers == hasattr(watched.inner, "private_data")
        assert (self.proves_itself, self.creates_users) == (claim.proved, claim.creates_users)
        ways = (self.registers, self.creates_users, claim.user is not None)
        assert any(ways), "somehow its users must come to be"
        assert claim.proved or not claim.creates_users, "only a proved claim makes a user"

    def test_it_runs_where_it_declares(
        self, provider_engine: Engine, watched: WatchedProvider
    ) -> None:
        """Given the provider, when it is asked, then it runs here if inline, else under a limit in
        a thread of the engine's."""
        self.known(provider_engine)
        provider_engine.log_in(WatchedProvider.name, **self.credentials)

        assert self.inline == (threading.get_ident() == watched.threads[0])

    def test_what_it_needs_is_named(self, open_provider: OpenProvider) -> None:
        """Given one of its settings is missing, when somebody logs in, then it is named."""
        for name in self.needs_settings:
            with open_provider(MemoryStore(), name) as engine:
                with pytest.raises(NotConfigured) as raised:
                    engine.log_in(WatchedProvider.name, **self.credentials)
                assert name in raised.value.settings
                assert engine.users.count() == 0

    # Right and wrong

    def test_right_credentials_open_the_door(self, provider_engine: Engine) -> None:
        """Given a user, when she logs in, then the session is hers and its token good. (Where each
        log-in makes another user, it is that one's.)"""
        user = self.known(provider_engine)

        login = provider_engine.log_in(WatchedProvider.name, **self.credentials)

        assert login.user.state == "confirmed"
        assert self.always_new != (user.id == login.user.id)
        assert login.user.id == provider_engine.verify(login.access_token).user_id

    def refused(self, engine: Engine, credentials: Mapping[str, object]) -> str:
        """Return what is said to *credentials* that are wrong or nobody's; where nothing is asked,
        nothing can be."""
        if self.always_new:
            engine.log_in(WatchedProvider.name, **credentials)
            return str(WrongCredentials())
        before = engine.users.count()
        with pytest.raises(WrongCredentials) as raised:
            engine.log_in(WatchedProvider.name, **credentials)
        assert before == engine.users.count()
        return f"{raised.value} {raised.value!r}"

    def test_wrong_credentials_are_refused(self, provider_engine: Engine) -> None:
        """Given a user, when a secret is wrong, then it is refused, and nothing was made."""
        self.known(provider_engine)

        self.refused(provider_engine, self.wrong_credentials)

    def test_e4_an_unknown_login_is_refused_at_the_cost_of_a_known_one(
        self, provider_engine: Engine, watched: WatchedProvider
    ) -> None:
        """Given credentials of nobody, when they are used, then they are refused as wrong ones are
        – after a comparison with nobody's, unless credentials prove themselves."""
        self.known(provider_engine)
        watched.compared_with.clear()

        said = self.refused(provider_engine, self.unknown_credentials)

        assert said.startswith(str(WrongCredentials()))
        assert ([] if self.proves_itself else [None]) == watched.compared_with

    def test_a_missing_field_is_named(self, provider_engine: Engine) -> None:
        """Given credentials that lack a field, when they are used, then that field is named."""
        for missing in set(self.credentials) - self.optional_fields:
            rest = {name: self.credentials[name] for name in self.credentials if name != missing}
            with pytest.raises(InvalidInput) as raised:
                provider_engine.log_in(WatchedProvider.name, **rest)
            assert missing == raised.value.field

    def test_nonsense_is_refused_without_a_failure(self, provider_engine: Engine) -> None:
        """Given values of any kind, when they stand in a field, then they are refused as input or
        as credentials; the plugin does not fail."""
        for field in self.credentials:
            for value in _NONSENSE:
                given = {**self.credentials, field: value}
                if value is None and field in self.optional_fields:
                    continue
                with pytest.raises((InvalidInput, LogInRefused)):
                    provider_engine.log_in(WatchedProvider.name, **given)

        assert provider_engine.users.count() == 0

    def test_its_password_proves_who_she_is(
        self, provider_engine: Engine, watched: WatchedProvider
    ) -> None:
        """Given a user who registered, when her password is to prove who she is, then the right one
        does, until it was replaced; another one, and anything for nobody, does not."""
        if not isinstance(watched, WatchedRegisteringProvider):
            assert not hasattr(watched.inner, "verify_private")
            return
        user = self.known(provider_engine)
        old, new = self.registration["password"], self.other_registration["password"]
        with pytest.raises(WrongCredentials):
            provider_engine.change_password(user, current=new, new=old)

        provider_engine.change_password(user, current=old, new=new)

        with pytest.raises(WrongCredentials):
            provider_engine.change_password(user, current=old, new=new)
        provider_engine.settings.set("password_provider", WatchedProvider.name)
        with pytest.raises(LogInRefused):
            provider_engine.public.delete(user=UserId("0" * 24), password=new)
        assert [answer for _, answer in watched.verified] == [False, True, False, False]
        assert watched.verified[-1][0] is None, "it is asked about nobody, too, and costs as much"

    def test_two_people_are_two_users(self, provider_engine: Engine) -> None:
        """Given two people, when both log in, then each is taken for himself."""
        first, second = self.known(provider_engine), self.known_other(provider_engine)

        login = provider_engine.log_in(WatchedProvider.name, **self.other_credentials)

        assert first.id != second.id
        assert self.always_new != (second.id == login.user.id)

    # One person, one user

    def test_a_login_spelled_otherwise_leads_to_the_same_user(
        self, provider_engine: Engine, watched: WatchedProvider
    ) -> None:
        """Given a user, when she logs in with each spelling of her login, then she is the same, and
        the login key is one text."""
        user = self.known(provider_engine)

        logins = [
            provider_engine.log_in(WatchedProvider.name, **spelling)
            for spelling in (self.credentials, *self.same_credentials)
        ]

        login = logins[-1]
        if self.always_new:
            assert user.id not in {login.user.id for login in logins}
            assert len(watched.claims) == len({claim.login_key for claim in watched.claims})
            return
        assert {user.id} == {login.user.id for login in logins}
        (key,) = {claim.login_key for claim in watched.claims}
        assert isinstance(key, str)
        assert key, "an empty login key would be everybody's"
        assert key == login.user.identities[0].login_key
        assert len(login.user.identities) == 1
        assert provider_engine.users.count() == 1

    def test_many_at_once_make_one_user(self, provider_engine: Engine) -> None:
        """Given nobody, when one person comes for the first time from many places at once, then
        there is exactly one user; a registration that was slower is told."""
        together = threading.Barrier(_THREADS)

        def come(_: int) -> str | None:
            together.wait(10)
            try:
                return self.known(provider_engine).id
            except AddressTaken:
                assert self.registers, "a log-in finds the user who is there"
                return None

        with ThreadPoolExecutor(_THREADS) as threads:
            answers = list(threads.map(come, range(_THREADS)))

        ids = [answer for answer in answers if answer is not None]
        assert len(set(ids)) == provider_engine.users.count()
        assert len(set(ids)) == (_THREADS if self.always_new else 1)
        assert len(ids) == (1 if self.registers else _THREADS)

    # What else is in the way

    def test_a_disabled_user_is_told_only_with_right_credentials(
        self, provider_engine: Engine
    ) -> None:
        """Given a disabled user, when the credentials are right, then that is said; else not."""
        user = provider_engine.disable(self.known(provider_engine))

        if self.always_new:
            login = provider_engine.log_in(WatchedProvider.name, **self.credentials)
            assert user.id != login.user.id
            return
        with pytest.raises(UserDisabled):
            provider_engine.log_in(WatchedProvider.name, **self.credentials)
        self.refused(provider_engine, self.wrong_credentials)

    def test_only_who_registered_can_be_pending(self, provider_engine: Engine) -> None:
        """Given the flow makes users wait, when one registers, then right credentials are told that
        she is pending, wrong ones are not; a user made by a log-in is confirmed at once."""
        provider_engine.settings.set("confirmation_flow", "pending-for-the-contract")
        user = self.known(provider_engine)

        assert user.state == ("pending" if self.registers else "confirmed")
        if self.registers:
            with pytest.raises(ConfirmationRequired):
                provider_engine.log_in(WatchedProvider.name, **self.credentials)
            with pytest.raises(WrongCredentials):
                provider_engine.log_in(WatchedProvider.name, **self.wrong_credentials)

    # What it hands out and keeps

    def test_what_it_says_of_a_user_can_be_shown_and_kept(
        self, provider_engine: Engine, watched: WatchedProvider
    ) -> None:
        """Given a user, when she logged in, then her data can be kept as JSON, and an address that
        the provider gives is one."""
        self.known(provider_engine)
        user = provider_engine.log_in(WatchedProvider.name, **self.credentials).user

        for identity in user.identities:
            assert dict(identity.data) == json.loads(json.dumps(dict(identity.data)))
            assert all(isinstance(value, str) for value in identity.private.values())
        for claim in watched.claims:
            assert claim.address is not None or not claim.address_proved
            if claim.address is not None:
                canonical(claim.address)

    def test_t3_no_secret_is_kept_shown_or_logged(
        self, provider_engine: Engine, written: list[Change], caplog: pytest.LogCaptureFixture
    ) -> None:
        """Given the log at its most talkative, when right, wrong and unknown credentials are used,
        then none of their secrets stands in the store, the log, an event, an error or a `repr`."""
        caplog.set_level(logging.DEBUG)
        self.known(provider_engine)
        said = [repr(provider_engine.log_in(WatchedProvider.name, **self.credentials))]
        tried = (self.wrong_credentials, self.unknown_credentials)
        said += [self.refused(provider_engine, credentials) for credentials in tried]

        found = "\n".join([*said, caplog.text, all_text(written)])
        for credentials in (self.credentials, *tried):
            for field in self.secret_fields & set(credentials):
                secret = str(credentials[field])
                assert len(secret) >= _SHORTEST_SECRET, "found by chance: give a longer one"
                assert secret not in found, f"{field} was kept, shown or logged"


def _found_provider(name: str, plugins: Iterable[object]) -> Provider:
    """Return the provider of that name, of these plugins or of an installed one."""
    given = [importlib.import_module(p) if isinstance(p, str) else p for p in plugins]
    for plugin in given or [entry.load() for entry in entry_points(group="admit")]:
        offers: Callable[[], Iterable[Provider]] | None = getattr(
            plugin, "register_providers", None
        )
        for provider in () if offers is None else offers():
            if provider.name == name:
                return provider
    raise LookupError(f"no plugin offers a provider named {name!r}")
