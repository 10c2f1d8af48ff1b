"""Refreshing a session: a new access token and, with rotation, a new refresh token (S2)."""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import Final

from .._base64url import base64url
from .._codec import session_put
from .._commits import TRIES, Decision, build, commit
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from .._tokens import same, token_digest
from ..errors import FateUnknown, SessionInvalid, TryLater
from ..masked import Secret
from ..records import LogIn, Session, User
from ..stores import Change, VersionMoved
from . import api_keys
from .session_opening import SEEN_EVERY, refresh_token
from .sessions import end_one, of_refresh_token, text_of
from .token_claims import access_token

PURPOSE: Final = "refresh token rotation"
"""Names the sub-key."""


def refresh(core: Core, by: Acting, token: str | Secret) -> LogIn:
    """Return the session with a new access token; see `Engine.refresh`."""
    text = text_of(token)
    for _ in range(TRIES):
        user, session, secret = of_refresh_token(core, by, text)
        now = core.now()
        if api_keys.is_over(core, session):
            end_one(core, by, user, session, because="key-ended")
            raise SessionInvalid("ended")
        if same(session.refresh_digest, token_digest(text)):
            if not core.settings.refresh_token_rotation:
                access = access_token(core, user, session, now)
                user, session = _see(core, by, user, session, now)
                return _answer(user, session, access, Secret(text))
            try:
                return _rotate(core, by, user, session, secret, now)
            except VersionMoved:
                continue  # a second request with the same token: it is the replaced one now
        successor = _present(core, session, secret)
        is_in_time = now - session.refreshed_at <= core.settings.refresh_token_grace
        if successor is not None and is_in_time:
            return _answer(user, session, access_token(core, user, session, now), successor)
        # It was replaced, so somebody holds the newer one: the thief or the owner, nobody can say.
        end_one(core, by, user, session, because="reused")
        raise SessionInvalid("reused")
    raise TryLater("this session is being refreshed")


def _rotate(
    core: Core, by: Acting, user: User, session: Session, secret: str, now: datetime
) -> LogIn:
    """Replace the refresh token. Settled, since a client that holds a token which was never stored
    would look like a thief."""
    new = evolve(session, refreshed_at=now, version=session.version + 1)
    successor = _successor(core, new, secret)
    new = evolve(new, refresh_digest=token_digest(successor.reveal()))
    access = access_token(core, user, new, now)
    commit(core, Change(put=(session_put(new, session.version),)))
    user, new = _see(core, by, user, new, now)
    return _answer(user, new, access, successor)


def _present(core: Core, session: Session, secret: str) -> Secret | None:
    """Return the session's present token if it is the one that followed *secret*, whichever of the
    engine's keys it was made with; else None."""
    for generation in range(len(core.keys.ids)):
        token = _successor(core, session, secret, generation)
        if same(session.refresh_digest, token_digest(token.reveal())):
            return token
    return None


def _successor(core: Core, session: Session, secret: str, generation: int = 0) -> Secret:
    """Return the token that follows the one with *secret*.

    It is computed, not drawn, from that secret, which is stored nowhere, and the engine key: so who
    asks again because the answer was lost is given the same one, and no second one lives. Of older
    tokens than the last, another would follow.
    """
    message = f"{session.id}:{secret}".encode()
    follows = hmac.digest(core.keys.sub_keys(PURPOSE)[generation], message, "sha256")
    return refresh_token(core, session, base64url(follows), generation)


def _see(
    core: Core, by: Acting, user: User, session: Session, now: datetime
) -> tuple[User, Session]:
    """Note that user and session were seen, each once a quarter of an hour."""
    decision: Decision[None] = Decision(result=None)
    if user.last_seen_at is None or user.last_seen_at + SEEN_EVERY <= now:
        decision = Decision(
            result=None,
            new=evolve(user, last_seen_at=now),
            happenings=(Happening("seen", codes={"by": "refresh"}),),
        )
    new_session = session
    if session.refreshed_at + SEEN_EVERY <= now:
        new_session = evolve(session, refreshed_at=now, version=session.version + 1)
        decision = decision._replace(put=(session_put(new_session, session.version),))
    if decision.new is None and not decision.put:
        return user, session
    new_user, change = build(core, by, user, decision)
    try:
        commit(core, change, settle=False)
    except (VersionMoved, FateUnknown):
        return user, session  # a convenience; somebody else's write matters more
    return new_user, new_session


def _answer(user: User, session: Session, access: Secret, token: Secret) -> LogIn:
    return LogIn(user=user, session=session, access_token=access, refresh_token=token)
