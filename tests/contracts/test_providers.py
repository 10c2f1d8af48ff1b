"""The provider contract, on the built-in provider and on a stranger's that makes its own users."""

from __future__ import annotations

from collections.abc import Iterable

import admit
from admit.errors import InvalidInput, WrongCredentials
from admit.providers import Credentials, Provider
from admit.records import Identity
from admit.testing.contracts import ProviderContract

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
