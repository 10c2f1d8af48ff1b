"""The caller of a sensitive act: a live session whose log-in is fresh enough (security.md O6)."""

from __future__ import annotations

import attrs

from .._core import Core
from ..errors import FreshLogInNeeded
from ..masked import Secret
from ..records import Access, Session, User
from . import sessions
from .repeating import can_prove_again
from .session_opening import NEVER


def caller(core: Core, access_token: str | Secret, *, fresh: bool) -> tuple[User, Session]:
    """Return the user and the session of an access token, looked up now: what ended is seen.

    With *fresh*, the user must have proved who they are within the setting `fresh_log_in_within` –
    which a key does not: a program has it, at any hour; exempt is who has no credential that could
    be given again – an anonymous user –, in any session but a key's.

    Raises:
        SessionInvalid: malformed, forged, expired or ended.
        FreshLogInNeeded: the log-in was longer ago. Nothing was changed.
    """
    user, session = sessions.caller(core, access_token)
    within = core.settings.fresh_log_in_within
    if (
        fresh
        and within is not None
        and core.now() - session.authenticated_at > within
        and (session.authenticated_at == NEVER or can_prove_again(core, user))
    ):
        raise FreshLogInNeeded(within)
    return user, session


def verify(core: Core, access_token: str | Secret) -> Access:
    """Return what an access token says, if its session is fresh; see `Sessions.verify_fresh`."""
    _, session = caller(core, access_token, fresh=True)
    access = sessions.verify(core, access_token)
    # A token that is not looked up knows nothing of a proof that was repeated since.
    return attrs.evolve(access, authenticated_at=session.authenticated_at)
