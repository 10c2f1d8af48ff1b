"""What the reference model of identities knows of one account: logins, tokens, sessions, keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import attrs

from admit import LogIn, Secret
from admit.errors import AdmitError
from admit.records import UserId

Refusal = type[AdmitError] | None
LOCAL: Final = "local-userpass"
API_KEY: Final = "api-key"
ONCE_ONLY: Final = ("anon-user", "nobody")


@attrs.define(eq=False)
class Login:
    """An identity."""

    provider: str
    key: str
    password: str | None = None


@attrs.define(eq=False)
class Token:
    """What a message has put into somebody's hands."""

    purpose: str
    credentials: dict[str, str]
    address: str
    expires_at: datetime
    adds: Login | None = None
    of_hers: bool = True
    """About an address that she had when it was sent: without that it opens nothing."""


@attrs.define(eq=False)
class Opened:
    """A session, and what opened it: a login of hers, or the id of a key."""

    log_in: LogIn
    by: Login | str
    at: datetime
    replaced: list[Secret] = attrs.field(factory=list)
    """Refresh tokens that another one followed."""
    replaced_at: datetime | None = None


@attrs.define(eq=False)
class Key:
    id: str
    text: str
    disabled: bool = False


@attrs.define(eq=False)
class Account:
    id: UserId
    logins: list[Login]
    addresses: dict[str, bool] = attrs.field(factory=dict)
    """In their order; whether it was proved."""
    state: str = "confirmed"
    disabled: bool = False
    used: bool = False
    leaves_at: datetime | None = None
    tokens: list[Token] = attrs.field(factory=list)
    sessions: list[Opened] = attrs.field(factory=list)
    keys: list[Key] = attrs.field(factory=list)
    offers: list[tuple[str, datetime]] = attrs.field(factory=list)
    data: dict[str, object] = attrs.field(factory=dict)
    data_version: int = 0
    created_at: datetime = datetime.min.replace(tzinfo=UTC)
    """Tells, with the id, the newest of those who wait."""
    waits: bool = False
    """Under `first-proof`: not the owner of the login yet."""
    is_server: bool = False

    @property
    def local(self) -> Login | None:
        return next((one for one in self.logins if one.provider == LOCAL), None)

    @property
    def is_proved(self) -> bool:
        return any(self.addresses.values())

    @property
    def login_address(self) -> str | None:
        """Where messages about the log-in go: to an address that is a login, if there is one; to
        one that was proved rather than to another; to the first of those."""
        keys = [one.key for one in self.logins if one.provider == LOCAL]
        found = [a for a in self.addresses if a in keys] or list(self.addresses)
        return next((a for a in found if self.addresses[a]), found[0] if found else None)
