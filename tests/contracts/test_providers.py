"""The provider contract, on the built-in provider and on a stranger's that makes its own users."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import attrs
import jwt
import pytest

import admit
from admit.errors import InvalidInput, NotConfigured, WrongCredentials
from admit.providers import Credentials, Provider
from admit.records import Identity
from admit.testing.contracts import ProviderContract
from admit.testing.contracts.providers import WatchedProvider

PASSWORD = "correct horse battery staple"


class TestLocalUserpass(ProviderContract):
    provider = "local-userpass"
    inline = True
    registers = True
    credentials = {"username": "ada@example.com", "password": PASSWORD}
    same_credentials = ({"username": "ADA@Example.COM", "password": PASSWORD},)
    wrong_credentials = {"username": "ada@example.com", "password": "incorrect horse"}
    unknown_credentials = {"username": "nobody@example.com", "password": "unknown horse"}
    other_credentials = {"username": "grace@example.com", "password": "a staple of horses"}
    registration = {"login": "Ada@example.com", "password": PASSWORD}
    other_registration = {"login": "grace@example.com", "password": "a staple of horses"}


class TestAnonymousUser(ProviderContract):
    provider = "anon-user"
    inline = creates_users = proves_itself = always_new = True
    credentials = {}
    wrong_credentials = {"password": "whatever else"}
    unknown_credentials = {"username": "anybody"}
    other_credentials = {}

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"anon-user.enabled": True}


def who(given: dict[str, object]) -> dict[str, str] | None:
    """Know two people by a word."""
    if not isinstance(given.get("word"), str):
        raise InvalidInput("word", "must be text.")
    known = {"an open sesame": "ada", "a quiet sesame": "grace"}
    name = known.get(str(given["word"]))
    return None if name is None else {"id": name, "name": name.title()}


class TestCustomFunction(ProviderContract):
    provider = "custom-function"
    creates_users = proves_itself = True
    needs_settings = frozenset({"custom-function.function"})
    secret_fields = frozenset({"word"})
    credentials = {"word": "an open sesame"}
    wrong_credentials = {"word": "a closed sesame"}
    unknown_credentials = {"word": "an odd sesame"}
    other_credentials = {"word": "a quiet sesame"}

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"custom-function.enabled": True, "custom-function.function": "who"}

    @pytest.fixture
    def functions(self) -> dict[str, Callable[..., object]]:
        return {"who": who}


SHARED_SECRET = "a shared secret of at least 32 bytes"


def custom_token(sub: str, secret: str = SHARED_SECRET) -> str:
    return jwt.encode({"sub": sub, "aud": "shop", "exp": 4_000_000_000}, secret)


class TestCustomToken(ProviderContract):
    provider = "custom-token"
    creates_users = proves_itself = True
    needs_settings = frozenset({"custom-token.secret", "custom-token.audience"})
    secret_fields = frozenset({"token"})
    credentials = {"token": custom_token("ada")}
    wrong_credentials = {"token": custom_token("ada", SHARED_SECRET[::-1])}
    unknown_credentials = {"token": custom_token("nobody", SHARED_SECRET[::-1])}
    other_credentials = {"token": custom_token("grace")}

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {
            "custom-token.enabled": True,
            "custom-token.secret": SHARED_SECRET,
            "custom-token.audience": "shop",
        }


NOBODYS_KEY = f"admit_sk_{'0' * 24}{'f' * 64}"


class TestApiKey(ProviderContract):
    provider = "api-key"
    inline = proves_itself = True
    secret_fields = frozenset({"key"})
    credentials = {"key": NOBODYS_KEY}
    wrong_credentials = {"key": f"admit_sk_{'1' * 24}{'e' * 64}"}
    unknown_credentials = {"key": f"admit_uk_{'2' * 24}{'d' * 64}"}
    other_credentials = {"key": NOBODYS_KEY}

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"api-key.enabled": True}

    @pytest.fixture(autouse=True)
    def nobody(self) -> None:
        self._made = threading.Lock()

    def known(self, engine: admit.Engine) -> admit.User:
        """Each key is made once, when it is first wanted."""
        with self._made:
            if self.credentials["key"] == NOBODYS_KEY:
                key = engine.api_keys.create_server_key(name="one").text.reveal()
                self.credentials = {"key": key}
                self.wrong_credentials = {"key": key[:-8] + "01234567"}
        return engine.log_in(WatchedProvider.name, **self.credentials).user

    def known_other(self, engine: admit.Engine) -> admit.User:
        key = engine.api_keys.create_server_key(name="other").text.reveal()
        self.other_credentials = {"key": key}
        return engine.log_in(WatchedProvider.name, **self.other_credentials).user


class Badges:
    """A reader that vouches for who holds a badge and knows its word. Asynchronous."""

    name = "badge"
    known = {"7-42": "an open sesame", "7-43": "a quiet sesame"}

    @admit.hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [self]

    async def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
        for field in ("number", "word"):
            if not isinstance(credentials.get(field), str):
                raise InvalidInput(field, "must be text.")
        number = credentials["number"].replace(" ", "")
        if self.known.get(number) != credentials["word"]:
            raise WrongCredentials
        return admit.Claim(
            login_key=number, proved=True, creates_users=True, data={"number": number}
        )

    def check(
        self, credentials: Credentials, identity: Identity | None, services: admit.Services
    ) -> admit.Check:
        return admit.Check(accepted=False)


class TestProviderThatCreatesUsers(ProviderContract):
    provider = "badge"
    plugins = (Badges(),)
    creates_users = proves_itself = True
    secret_fields = frozenset({"word"})
    credentials = {"number": "7-42", "word": "an open sesame"}
    same_credentials = ({"number": " 7 - 42 ", "word": "an open sesame"},)
    wrong_credentials = {"number": "7-42", "word": "a closed sesame"}
    unknown_credentials = {"number": "9-99", "word": "an odd sesame"}
    other_credentials = {"number": "7-43", "word": "a quiet sesame"}


@attrs.frozen
class DeskSettings:
    """What the desk needs."""

    stamp: str | None = admit.setting(None, "The word under which the desk vouches, backwards.")


class Desk:
    """A desk that vouches for people and their addresses, once it has its stamp; a nickname may be
    given."""

    name = "desk"
    inline = True

    @admit.hookimpl
    def register_settings(self) -> dict[str, type]:
        return {"desk": DeskSettings}

    @admit.hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [self]

    def identify(self, credentials: Credentials, services: admit.Services) -> admit.Claim:
        stamp = services.settings(DeskSettings).stamp
        if stamp is None:
            raise NotConfigured("The provider 'desk'", ["desk.stamp"])
        who, said = credentials.get("who"), credentials.get("stamp")
        nickname = credentials.get("nickname", "none")
        for field, value in (("who", who), ("stamp", said), ("nickname", nickname)):
            if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) < 50:
                raise InvalidInput(field, "must be a short text.")
        address = f"{who}@example.com"
        if said != stamp[::-1]:
            raise WrongCredentials
        return admit.Claim(
            login_key=str(who),
            proved=True,
            creates_users=True,
            data={"nickname": nickname},
            address=address,
            address_proved=True,
        )

    def check(
        self, credentials: Credentials, identity: Identity | None, services: admit.Services
    ) -> admit.Check:
        return admit.Check(accepted=False)


class TestProviderThatVouchesForAddresses(ProviderContract):
    provider = "desk"
    plugins = (Desk(),)
    inline = creates_users = proves_itself = True
    needs_settings = frozenset({"desk.stamp"})
    optional_fields = frozenset({"nickname"})
    secret_fields = frozenset({"stamp"})
    credentials = {"who": "ada", "stamp": "a seal of wax", "nickname": "countess"}
    wrong_credentials = {"who": "ada", "stamp": "a seal of soap"}
    unknown_credentials = {"who": "hedy", "stamp": "a seal of soap"}
    other_credentials = {"who": "grace", "stamp": "a seal of wax"}

    @pytest.fixture
    def settings(self) -> dict[str, object]:
        return {"desk.stamp": "a seal of wax"[::-1]}
