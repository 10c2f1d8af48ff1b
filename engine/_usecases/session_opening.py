"""Opening a session: its record, its refresh token, its access tokens."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

from .. import _jwt
from .._core import Core
from .._events import Acting
from .._tokens import token_digest
from ..masked import Secret
from ..records import Identity, LogIn, Session, SessionId, User
from .custom_data import claims_of

SEEN_EVERY: Final = timedelta(minutes=15)
"""A log-in writes the user's document only the first time, or after this long (design.md §9)."""


def new_session(
    core: Core, by: Acting, user: User, identity: Identity, now: datetime
) -> tuple[Session, Secret]:
    """Return a session and its refresh token: a JWT, as existing clients parse it, with 256 random
    bits of its own (S1); only its digest is kept."""
    session_id = SessionId(core.ids.mint(now))
    expires_at = now + core.settings.refresh_token_lifetime
    refresh = core.signer.sign(
        {
            "typ": "refresh",
            "sub": user.id,
            "sid": session_id,
            "iat": _jwt.seconds(now),
            "exp": _jwt.seconds(expires_at),
            "jti": secrets.token_urlsafe(32),
        }
    )
    session = Session(
        id=session_id,
        user=user.id,
        provider=identity.provider,
        identity=identity.id,
        epoch=user.epoch,
        created_at=now,
        authenticated_at=now,
        refreshed_at=now,
        expires_at=expires_at,
        refresh_digest=token_digest(refresh),
        device=None if by.client is None else by.client.device,
        version=1,
    )
    return session, Secret(refresh)


def access_token(core: Core, user_id: str, session_id: str, now: datetime) -> Secret:
    """Return a new access token for a session."""
    return Secret(
        core.signer.sign(
            {
                "typ": "access",
                "sub": user_id,
                "sid": session_id,
                "iat": _jwt.seconds(now),
                "exp": _jwt.seconds(now + core.settings.access_token_lifetime),
                **claims_of(core, user_id),
            }
        )
    )


def logged_in(core: Core, user: User, session: Session, refresh: Secret) -> LogIn:
    """Return what whoever logged in is given."""
    return LogIn(
        user=user,
        session=session,
        access_token=access_token(core, user.id, session.id, session.created_at),
        refresh_token=refresh,
    )
