"""The records of an account's life: frozen attrs classes, a change is a new record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, NewType, TypeAlias

import attrs

from .masked import Secret, must_be_secret

UserId = NewType("UserId", str)
"""24 hex digits: 4 bytes of seconds, 8 bytes that rise by two. Always even when minted here."""
RunId = NewType("RunId", str)
"""24 hex digits; what a link calls the *token id*."""
SessionId = NewType("SessionId", str)
EventId = NewType("EventId", str)
ApiKeyId = NewType("ApiKeyId", str)
AdminKeyId = NewType("AdminKeyId", str)
"""24 hex digits; the *public key* of who logs in to the Admin API."""
AdminSessionId = NewType("AdminSessionId", str)

State = Literal["pending", "confirmed", "deleted"]
STATES: Final[tuple[State, ...]] = ("pending", "confirmed", "deleted")

Purpose = Literal["confirm", "reset", "change-address", "notice"]
"""What a run's token may be used for; a `notice` carries none."""

RunResult = Literal["success", "refused", "vetoed", "failed", "superseded", "cancelled"]
"""How a run ended. `superseded`: a newer one was dispatched. `cancelled`: its address is gone."""

ANONYMOUS: Final = "anon-user"
"""The provider whose users nobody knows: existing clients name it (wire-contract.md §2). Who has no
other identity expires when it was not seen for the setting `expire_anonymous_after`."""

AdminScope = Literal["viewer", "support", "owner"]
ADMIN_SCOPES: Final[tuple[AdminScope, ...]] = ("viewer", "support", "owner")
"""What an admin key is good for: reading; acting on users, too; settings and keys, too."""

ActorKind = Literal["user", "admin", "system", "plugin", "application"]


@attrs.frozen(kw_only=True)
class Client:
    """Who is at the other end of a call. Kept in the erasable detail of events, nowhere else."""

    address: str | None = None
    device: str | None = None
    """In words, for people: which phone, which browser."""
    device_id: str | None = None
    """24 hex digits, by which the client knows itself again: no proof of anything."""
    locale: str | None = None


@attrs.frozen
class Actor:
    """Who asked. `Actor("application")` is the code that embeds the engine."""

    kind: ActorKind = attrs.field(
        validator=attrs.validators.in_(("user", "admin", "system", "plugin", "application"))
    )
    id: str | None = None


@attrs.frozen(kw_only=True, slots=False)  # see _evolve.py
class Address:
    """One mailbox: as it was typed, as it is compared, and whether control of it was proved."""

    typed: str
    canonical: str
    proved_at: datetime | None = None
    proved_by: str | None = None
    """The run's id, or the provider that vouched for it."""


@attrs.frozen(kw_only=True, slots=False)  # see _evolve.py
class Identity:
    """How a user is known to one provider."""

    provider: str
    id: str
    login_key: str | None = None
    data: Mapping[str, object] = attrs.field(factory=dict)
    private: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """A password hash and the like: masked, never leaves the engine."""
    added_at: datetime

    @property
    def key(self) -> str | None:
        """The store key that makes the login key unique, or None without one."""
        return None if self.login_key is None else f"{self.provider}:{self.login_key}"


@attrs.frozen(kw_only=True)
class AttemptError:
    """Why an attempt did not get through: a stable code and a sentence without secrets."""

    code: str
    sentence: str
    temporary: bool = False


@attrs.frozen(kw_only=True, slots=False)  # see _evolve.py
class Attempt:
    """One try of a run to get through."""

    number: int
    started_at: datetime
    leased_until: datetime
    expires_at: datetime
    """When its token dies: its lifetime counts from dispatch, else from its start."""
    token_digest: str | None = attrs.field(default=None, repr=False)
    code_digest: str | None = attrs.field(default=None, repr=False)
    dispatched_at: datetime | None = None
    error: AttemptError | None = None

    @property
    def answered(self) -> bool:
        """Whether the flow's answer to this attempt is known."""
        return self.dispatched_at is not None or self.error is not None


@attrs.frozen(kw_only=True, slots=False)  # see _evolve.py
class Run:
    """One entry into a flow for one user."""

    id: RunId
    purpose: Purpose
    flow: str
    address: str | None
    """The canonical address it is about."""
    reason: str
    typed: str | None = None
    """That address as it was typed: the message goes there, and nowhere else (security.md T9)."""
    adds: Identity | None = None
    """The identity that its token, pressed, adds to the user; gone once the run has ended."""
    locale: str | None = None
    """The language that the message should speak, as the caller's client named it."""
    proves: bool = False
    """Whether its token, pressed, proves the address (the flow says so)."""
    created_at: datetime
    result: RunResult | None = None
    ended_at: datetime | None = None
    due_at: datetime | None = None
    """When a worker takes it up: set while it is queued."""
    wrong_codes: int = 0
    attempts: tuple[Attempt, ...] = ()

    @property
    def dispatched_at(self) -> datetime | None:
        """When the newest dispatched attempt was dispatched."""
        return next((a.dispatched_at for a in reversed(self.attempts) if a.dispatched_at), None)

    @property
    def error(self) -> AttemptError | None:
        """What the newest attempt failed with, unless it got through."""
        return self.attempts[-1].error if self.attempts else None


@attrs.frozen(kw_only=True)
class CodeTries:
    """Wrong typed codes of a user on one UTC day (security.md T2)."""

    day: str
    count: int


@attrs.frozen(kw_only=True, slots=False)  # see _evolve.py
class User:
    """The aggregate: one document."""

    id: UserId
    type: Literal["normal", "server"] = "normal"
    state: State
    version: int = 0
    disabled: bool = False
    holds_keys: bool = True
    """False while pending under the policy `first-proof`: the login keys are not taken yet."""
    identities: tuple[Identity, ...] = ()
    addresses: tuple[Address, ...] = ()
    runs: tuple[Run, ...] = ()
    created_at: datetime
    confirmed_at: datetime | None = None
    deleted_at: datetime | None = None
    delete_at: datetime | None = None
    """The end of a grace period, while one runs."""
    first_log_in_at: datetime | None = None
    last_seen_at: datetime | None = None
    epoch: int = 0
    """Sessions of an earlier epoch are dead."""
    keys_epoch: int = 0
    """API keys of an earlier one are dead: somebody proved the address since (security.md H2)."""
    absorbed_by: UserId | None = None
    code_tries: CodeTries | None = None
    chore_at: datetime | None = None
    """When a worker looks at this user for something that is no run (rivals, erasure)."""
    last_event: str = ""
    """The digest of the last event that put this user: the head of its chain."""

    @property
    def address(self) -> Address | None:
        """The address that messages go to: the first one, unless another one is the login."""
        return self.addresses[0] if self.addresses else None

    @property
    def last_run(self) -> Run | None:
        """The newest run of any purpose that carries a token or may."""
        return next((run for run in reversed(self.runs) if run.purpose != "notice"), None)

    def run(self, run_id: str) -> Run | None:
        """Return the run with this id, or None."""
        return next((run for run in self.runs if run.id == run_id), None)

    def identity(self, provider: str) -> Identity | None:
        """Return the first identity of this provider, or None."""
        return next((i for i in self.identities if i.provider == provider), None)


AnyUser: TypeAlias = User | UserId | str
"""How a verb is told which user is meant: by the record, or by the id."""


@attrs.frozen(kw_only=True, slots=False)  # see _evolve.py
class Session:
    """A refresh secret (kept as a digest) and the access tokens made from it."""

    id: SessionId
    user: UserId
    provider: str
    identity: str
    epoch: int
    created_at: datetime
    authenticated_at: datetime
    """When its user last proved who they are: at the log-in, or again since (security.md O6). The
    year 1970 in a session that a key opened: it proves nobody."""
    refreshed_at: datetime
    expires_at: datetime
    refresh_digest: str = attrs.field(repr=False)
    device: str | None = None
    device_id: str | None = None
    """As the client that logged in named itself."""
    network: str | None = attrs.field(default=None, repr=False)
    """A digest of the network that it was opened from: enough to know it again."""
    version: int = 0


@attrs.frozen(kw_only=True)
class ApiKey:
    """A key that programs log in with: a user's own, or one of the application's server."""

    id: ApiKeyId
    user: UserId
    """Whom it logs in: its owner, or a user of type `server` that it has for itself."""
    name: str
    digest: str = attrs.field(repr=False)
    epoch: int
    place: int | None = None
    """Which of the places for server keys it holds; None: it is a user's own."""
    scopes: tuple[str, ...] = ()
    """What it is good for, in the application's words."""
    disabled: bool = False
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    """To a quarter of an hour."""
    version: int = 0

    @property
    def is_server(self) -> bool:
        """Whether it is a key of the application's server."""
        return self.place is not None


@attrs.frozen(kw_only=True)
class NewApiKey:
    """A key that was just made, with its text: shown now, and never again."""

    key: ApiKey
    text: Secret = attrs.field(repr=False, validator=must_be_secret)


@attrs.frozen(kw_only=True)
class AdminKey:
    """A key that opens the admin surface. While there is none, that is off (security.md N1)."""

    id: AdminKeyId
    name: str
    scope: AdminScope
    digest: str = attrs.field(repr=False)
    """Of the private key."""
    disabled: bool = False
    epoch: int = 0
    """Sessions of an earlier one are dead."""
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    """To a quarter of an hour."""
    version: int = 0

    @property
    def actor(self) -> Actor:
        """Who acts with it, as events name it."""
        return Actor("admin", self.id)

    def may(self, scope: AdminScope) -> bool:
        """Return whether it is good for what needs *scope*."""
        return ADMIN_SCOPES.index(self.scope) >= ADMIN_SCOPES.index(scope)


@attrs.frozen(kw_only=True)
class NewAdminKey:
    """An admin key that was just made. Its id is the public key; the private one is shown now, and
    never again."""

    key: AdminKey
    private_key: Secret = attrs.field(repr=False, validator=must_be_secret)


@attrs.frozen(kw_only=True)
class AdminLogIn:
    """What the log-in of an admin gives. A refresh leaves the refresh token as it is."""

    key: AdminKey
    session_id: AdminSessionId
    expires_at: datetime
    """When the session ends, and its refresh token with it."""
    access_token: Secret = attrs.field(repr=False, validator=must_be_secret)
    refresh_token: Secret = attrs.field(repr=False, validator=must_be_secret)


@attrs.frozen(kw_only=True)
class AdminAccess:
    """Which admin asks, and with what scope: what an access token, or a key itself, stands for."""

    key: AdminKey
    session_id: AdminSessionId | None
    """None: the key itself came along."""
    expires_at: datetime | None
    """When the access token, or the key, ends; None: never."""

    @property
    def scope(self) -> AdminScope:
        """What it is good for."""
        return self.key.scope

    @property
    def actor(self) -> Actor:
        """Who acts, as events name it."""
        return self.key.actor


@attrs.frozen(kw_only=True)
class LogIn:
    """What a successful log-in gives: the user, the session and its two tokens."""

    user: User
    session: Session
    access_token: Secret = attrs.field(repr=False, validator=must_be_secret)
    refresh_token: Secret = attrs.field(repr=False, validator=must_be_secret)


@attrs.frozen(kw_only=True)
class Access:
    """What a valid access token says."""

    user_id: UserId
    session_id: SessionId
    issued_at: datetime
    expires_at: datetime
    authenticated_at: datetime
    """When the session's user last proved who they are."""
    claims: Mapping[str, object]


@attrs.frozen(kw_only=True)
class CustomData:
    """What the application keeps of a user: a JSON object, a record of its own."""

    user: UserId
    data: Mapping[str, object]
    version: int
    """Rises with each change; 0 when nothing was ever set."""


@attrs.frozen(kw_only=True)
class Document:
    """A JSON object that the application keeps under a name."""

    name: str
    data: Mapping[str, object]
    version: int
    """Rises with each change; 0 when nothing was ever set."""


@attrs.frozen(kw_only=True)
class AppSecret:
    """That the application keeps a secret under a name; not what it is."""

    id: str
    name: str
    changed_at: datetime
    version: int


@attrs.frozen(kw_only=True)
class Event:
    """One line of the audit trail, written in the same commit as the change it records."""

    id: EventId
    at: datetime
    trigger: str
    user: UserId | None = None
    version: int | None = None
    """The version this event's commit gave the user, or the one that was seen."""
    from_state: str | None = None
    to_state: str | None = None
    actor: Actor
    run: RunId | None = None
    codes: Mapping[str, str] = attrs.field(factory=dict)
    previous: str | None = None
    """The digest of the user's event before; None when this event did not put the user."""
    detail_digest: str | None = None
    detail: Mapping[str, object] | None = None
    """Free text, addresses, client: erasable. None when there was none, or it was erased."""
    sequence: int | None = None
    """Its place in the sealed order of the whole store; None until the sealer came by."""


@attrs.frozen(kw_only=True)
class Receipt:
    """What a stranger is told: the request was taken. The same for every account's state."""

    sentence: str = "If this address can be used, a message is on its way."
    delete_at: datetime | None = None
    """Of a deletion by her who is deleted: when its grace ends."""
