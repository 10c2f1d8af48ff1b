"""Users' access tokens, verified for those who cannot do it themselves."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

import admit
from admit.errors import SessionInvalid

from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..hosting import DEVICE_CLAIM
from ..routes import Route
from .entering import NO_DEVICE, in_path
from .rows import APP, acts
from .telling import Refused

EXPIRED = "token expired"
CUSTOM_DATA = "user_data"


class TokenGiven(Body):
    """An access token of a user."""

    token: str


class TokenShown(Body, omit_defaults=True):
    """What it says."""

    sub: str
    exp: int
    iat: int
    iss: str
    """The session's id, as the service had it."""
    domain_id: str
    device_id: str
    aud: str | None = None
    custom_user_data: dict[str, Any] | None = None


async def verify(ask: Ask) -> Response:
    """Answer with what a token says, or that it has expired: both 200."""
    admin = await in_path(ask)
    given = await ask.body(TokenGiven)
    try:
        access = await ask.look(admin.hosted.engine.verify, given.token)
    except SessionInvalid as problem:
        if problem.because == "expired":
            return told(EXPIRED)
        if problem.because == "ended":
            raise Refused(401, "InvalidSession", "invalid session") from None
        # Without a code: a client that read `InvalidSession` would refresh its own session.
        raise Refused(401, "", "signature is invalid") from None
    return told(_shown(access, admin.hosted.domain_id, admin.hosted.app_id))


def _shown(access: admit.Access, domain_id: str, app_id: str) -> TokenShown:
    claims = access.claims
    audience, custom = claims.get("aud"), claims.get(CUSTOM_DATA)
    return TokenShown(
        sub=access.user_id,
        exp=int(access.expires_at.timestamp()),
        iat=int(access.issued_at.timestamp()),
        iss=access.session_id,
        domain_id=domain_id,
        device_id=str(claims.get(DEVICE_CLAIM) or NO_DEVICE),
        aud=audience if isinstance(audience, str) else app_id,
        custom_user_data=dict(custom) if isinstance(custom, dict) else None,
    )


ROUTES: list[Route] = [
    acts(
        "POST",
        f"{APP}/users/verify_token",
        verify,
        "Say what a user's access token says.",
        scope="viewer",
        body=TokenGiven,
        answers={200: TokenShown | str},
    )
]
