"""The caller of a sensitive act: a live session whose log-in is fresh enough (security.md O6)."""

from __future__ import annotations

from .._core import Core
from ..errors import FreshLogInNeeded
from ..masked import Secret
from ..records import Session, User
from . import sessions
from .repeating import can_prove_again


def caller(core: Core, access_token: str | Secret, *, fresh: bool) -> tuple[User, Session]:
    """Return the user and the session of an access token, looked up now: what ended is seen.

    With *fresh*, the user must have proved who they are within the setting `fresh_log_in_within` –
    which a key does not: a program has it, at any hour; exempt is who has no credential that could
    be given again – an anonymous user.

    Raises:
        SessionInvalid: malformed, forged, expired or ended.
        FreshLogInNeeded: the log-in was longer ago. Nothing was changed.
    """
    user, session = sessions.caller(core, access_token)
    within = core.settings.fresh_log_in_within
    if (
        fresh
        and within is not None
        and (core.now() - session.authenticated_at > within or not _is_of_identity(user, session))
        and can_prove_again(core, user)
    ):
        raise FreshLogInNeeded(within)
    return user, session


def _is_of_identity(user: User, session: Session) -> bool:
    """Return whether an identity of hers opened the session, and no key or the like."""
    return any((i.provider, i.id) == (session.provider, session.identity) for i in user.identities)
