"""Opening a session: its record, its two tokens, and the oldest ones that give way to it."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import attrs

from .. import _jwt
from .._base64url import base64url
from .._codec import session_from, session_put
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from .._tokens import same, token_digest
from ..masked import Secret
from ..records import Identity, LogIn, Session, SessionId, User
from ..settings import LONGEST_SESSION
from ..stores import Cursor, Put, Remove
from . import throttle
from .repeating import can_repeat
from .token_claims import access_token

SEEN_EVERY: Final = timedelta(minutes=15)
"""A log-in writes the user's document only the first time, or after this long (design.md §9)."""


NEVER: Final = _jwt.instant(0)
"""When the user of a key's session has proved who she is."""
_DIGEST_BYTES: Final = 9
MADE_HERE: Final = "refresh tokens made here"
"""Names the sub-key."""
_MAC_BYTES: Final = 16


@attrs.frozen(kw_only=True)
class Opened:
    """A session that is about to be written."""

    session: Session
    access_token: Secret
    refresh_token: Secret
    put: tuple[Put, ...]
    remove: tuple[Remove, ...]
    happenings: tuple[Happening, ...]
    """What is recorded of the sessions that give way."""

    def log_in(self, user: User) -> LogIn:
        """Return what whoever logged in is given."""
        return LogIn(
            user=user,
            session=self.session,
            access_token=self.access_token,
            refresh_token=self.refresh_token,
        )


def open_session(
    core: Core,
    by: Acting,
    user: User,
    identity: Identity,
    now: datetime,
    *,
    until: datetime | None = None,
) -> Opened:
    """Return a new session of *user*, which ends at the instant *until* at the latest. One that
    *identity* opens which is not hers but a key's was never proved: a program has it, at any hour.

    Its refresh token is a JWT, as existing clients parse it, with 256 random bits of its own (S1);
    only its digest is kept.

    Raises:
        PluginFailed, PluginTimedOut, MissingExtra, StoreError: no access token can be made.
    """
    # Who cannot log in again would lose the account with the session.
    again = can_repeat(core, identity.provider)
    lifetime = core.settings.refresh_token_lifetime if again else LONGEST_SESSION
    expires_at = now + lifetime
    address = None if by.client is None else by.client.address
    session = Session(
        id=SessionId(core.ids.mint(now)),
        user=user.id,
        provider=identity.provider,
        identity=identity.id,
        epoch=user.epoch,
        created_at=now,
        authenticated_at=now if identity in user.identities else NEVER,
        refreshed_at=now,
        expires_at=expires_at if until is None else min(expires_at, until),
        refresh_digest="",
        device=None if by.client is None else by.client.device,
        device_id=None if by.client is None else by.client.device_id,
        network=None if address is None else network_digest(core, user.id, address),
        version=1,
    )
    refresh = refresh_token(core, session, secrets.token_urlsafe(32))
    session = evolve(session, refresh_digest=token_digest(refresh.reveal()))
    giving_way, happenings = _giving_way(core, user, now)
    return Opened(
        session=session,
        access_token=access_token(core, user, session, now),
        refresh_token=refresh,
        put=(session_put(session, None),),
        remove=giving_way,
        happenings=happenings,
    )


def refresh_token(core: Core, session: Session, secret: str, generation: int = 0) -> Secret:
    """Return the refresh token of a session as it is now, made with the engine key of this
    *generation*: 0 is the newest. *secret* makes it unguessable."""
    claims = {
        "sub": session.user,
        "sid": session.id,
        "iat": _jwt.seconds(session.refreshed_at),
        "exp": _jwt.seconds(session.expires_at),
        "jti": secret,
        "mac": _mac(core.keys.sub_keys(MADE_HERE)[generation], session.id, secret),
    }
    return Secret(core.signer.sign_refresh(claims, session.refreshed_at, generation))


def is_made_here(core: Core, claims: Mapping[str, object]) -> bool:
    """Return whether a refresh token was once this session's, as the engine's key alone can say. A
    key that signs tokens can leak, is replaced then, and goes on to verify what is kept as a
    digest; of a token that was replaced no digest is kept."""
    said, session_id, secret = (str(claims.get(name)) for name in ("mac", "sid", "jti"))
    macs = [_mac(key, session_id, secret) for key in core.keys.sub_keys(MADE_HERE)]
    return said.isascii() and any(same(mac, said) for mac in macs)


def _mac(key: bytes, session_id: str, secret: str) -> str:
    message = f"{session_id}:{secret}".encode(errors="surrogatepass")  # JSON may have half a sign
    return base64url(hmac.digest(key, message, "sha256")[:_MAC_BYTES])


def network_digest(core: Core, user_id: str, address: str) -> str:
    """Return what a session keeps of the network it was opened from: enough to know it again, too
    little to find it, or other users of it."""
    key = core.keys.sub_key("networks of sessions")
    network = throttle.network_of(address)
    return base64url(hmac.digest(key, f"{user_id}:{network}".encode(), "sha256")[:_DIGEST_BYTES])


def _giving_way(
    core: Core, user: User, now: datetime
) -> tuple[tuple[Remove, ...], tuple[Happening, ...]]:
    """Return which sessions end so that one more is not too many: dead ones, then the oldest."""
    most = core.settings.max_sessions_a_user
    if core.store.count("session", f"sessions-of/{user.id}") < most:
        return (), ()
    dead: list[Session] = []
    live: list[Session] = []
    for session in sessions_of(core, user.id):
        is_live = session.epoch == user.epoch and session.expires_at > now
        (live if is_live else dead).append(session)
    oldest = live[: max(0, len(live) - most + 1)]
    # With its version: two log-ins at once do not both count on the same one to go.
    remove = tuple(Remove("session", s.id, s.version) for s in (*dead, *oldest))
    codes = ({"session": session.id, "because": "too-many"} for session in oldest)
    return remove, tuple(Happening("log-out", codes=c) for c in codes)


def sessions_of(core: Core, user_id: str) -> Iterator[Session]:
    """Walk over the sessions that are kept of a user, dead ones too, oldest first."""
    after: Cursor | None = None
    while True:
        page = core.store.page("session", f"sessions-of/{user_id}", after, 100)
        yield from map(session_from, page.items)
        after = page.next
        if after is None:
            return
