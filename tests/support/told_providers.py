"""Providers that believe what they are told: one that vouches for people, one for nobody."""

from __future__ import annotations

from collections.abc import Iterable

from admit import Check, Claim, Engine, Services, User, hookimpl
from admit.errors import InvalidInput, WrongCredentials
from admit.providers import Credentials, Provider
from admit.records import Identity
from admit.testing import Inbox, MemoryStore, SettableClock
from admit.testing import open as open_engine

WORD = "a word that only the desk knows"


class ToldProvider:
    """The provider `told`: who says its word is whoever they say, with the address they say."""

    inline = True

    def __init__(self, name: str = "told") -> None:
        self.name = name
        self.calls = 0

    def identify(self, credentials: Credentials, services: Services) -> Claim:
        self.calls += 1
        who = credentials.get("who")
        if not isinstance(who, str):
            raise InvalidInput("who", "must be text.")
        if credentials.get("word") != WORD:
            raise WrongCredentials
        address = credentials.get("address")
        return Claim(
            login_key=who,
            identity_id=f"id-of-{who}",
            proved=True,
            creates_users=True,
            data={"name": who},
            address=address if isinstance(address, str) else None,
            # Like one who reads `email_verified` as it should be read: true, and nothing else.
            address_proved=credentials.get("verified") is True,
        )

    def check(
        self, credentials: Credentials, identity: Identity | None, services: Services
    ) -> Check:
        return Check(accepted=False)


class Nobody(ToldProvider):
    """The provider `nobody`: a new user each time, whose credentials nobody can give again."""

    repeatable = False

    def __init__(self) -> None:
        super().__init__("nobody")

    def identify(self, credentials: Credentials, services: Services) -> Claim:
        self.calls += 1
        return Claim(login_key=f"nobody-{self.calls}", proved=True, creates_users=True)


class ToldProviders:
    """A plugin that offers `told`, `other` and `nobody`."""

    def __init__(self) -> None:
        self.told = ToldProvider()
        self.other = ToldProvider("other")
        self.nobody = Nobody()

    @hookimpl
    def register_providers(self) -> Iterable[Provider]:
        return [self.told, self.other, self.nobody]


def open_told(store: MemoryStore, clock: SettableClock, inbox: Inbox, **settings: object) -> Engine:
    """Return an engine with these providers, in the flow `email`."""
    return open_engine(
        store, clock=clock, inbox=inbox, plugins=[ToldProviders()], settings=settings
    )


def providers(user: User) -> list[str]:
    """Return the providers of a user's identities, in the order of linking."""
    return [identity.provider for identity in user.identities]


def told(who: str, address: str | None = None, verified: object = None) -> dict[str, object]:
    """Return the credentials of *who*, and what the provider says of an address."""
    return {"who": who, "word": WORD, "address": address, "verified": verified}
