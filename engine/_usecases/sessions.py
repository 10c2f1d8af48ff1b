"""Sessions after the log-in: verified, listed, ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from .. import _jwt
from .._codec import authenticated_at, session_from, user_from
from .._commits import Decision, build, change_user, commit, load, record_refusal
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from .._tokens import same, token_digest
from ..errors import SessionInvalid, StoreError, UserNotFound
from ..masked import Secret
from ..records import Access, Session, SessionId, User, UserId
from ..stores import Record, Ref, Remove
from .prepared import Finish, Prepared, done
from .runs import cancelled
from .session_opening import is_made_here, sessions_of
from .throttle import counted

RECORDED_EVERY: Final = timedelta(days=1)
"""The use of a dead session's token is recorded once in this time."""


def verify(core: Core, token: str | Secret) -> Access:
    """Return what an access token says; see `Engine.verify`."""
    claims = core.signer.verify_access(text_of(token), core.now())
    if core.sessions_end_at_once:
        user, session = _found(core, claims["sub"], claims["sid"])
        authenticated = authenticated_at(_alive(user, session, claims["sub"])[1].body)
    else:
        authenticated = _jwt.instant(claims["auth_time"])
    return Access(
        user_id=UserId(claims["sub"]),
        session_id=SessionId(claims["sid"]),
        issued_at=_jwt.instant(claims["iat"]),
        expires_at=_jwt.instant(claims["exp"]),
        authenticated_at=authenticated,
        claims=claims,
    )


def caller(core: Core, token: str | Secret) -> tuple[User, Session]:
    """Return whose access token this is, and of which session, as both are now.

    Raises:
        SessionInvalid: malformed, forged, expired or ended.
    """
    claims = core.signer.verify_access(text_of(token), core.now())
    user, session = _alive(*_found(core, claims["sub"], claims["sid"]), claims["sub"])
    return user_from(user), session_from(session)


def of_refresh_token(core: Core, by: Acting, text: str) -> tuple[User, Session, str]:
    """Return whose refresh token this is or was, of which session, and its own secret. Whether it
    is the session's present one is for the caller to ask.

    Raises:
        SessionInvalid: malformed, forged – though by a key that signed tokens –, expired or ended.
    """
    now = core.now()
    claims = core.signer.verify_refresh(text, now)
    is_ours = is_made_here(core, claims)
    user, session = _found(core, claims["sub"], claims["sid"])
    try:
        user, session = _alive(user, session, claims["sub"])
    except SessionInvalid as problem:
        if is_ours and user is not None:
            _record_use(core, by, user_from(user), claims["sid"], problem)
        raise
    opened = session_from(session)
    if not is_ours and not same(opened.refresh_digest, token_digest(text)):
        raise SessionInvalid("malformed")
    if opened.expires_at <= now:
        raise SessionInvalid("ended")
    return user_from(user), opened, claims["jti"]


def of_present_token(core: Core, by: Acting, token: str | Secret) -> Session:
    """Return the session that a refresh token refreshes; see `Sessions.verify_refresh`."""
    text = text_of(token)
    _, session, _ = of_refresh_token(core, by, text)
    if not same(session.refresh_digest, token_digest(text)):
        raise SessionInvalid("replaced")
    return session


def made(core: Core, token: str | Secret) -> bool:
    """Return whether the engine's keys signed this refresh token; see `Sessions.made`."""
    try:
        core.signer.verify_refresh(text_of(token), core.now())
    except SessionInvalid:
        return False
    return True


def _record_use(
    core: Core, by: Acting, user: User, session_id: str, problem: SessionInvalid
) -> None:
    """Record that a token of a dead session was used: once a day, for clients repeat it."""
    try:
        wait = counted(core, "dead session", session_id, limit=1, window=RECORDED_EVERY)
    except StoreError:
        return  # then it cannot be recorded either
    if wait is None:
        record_refusal(core, by, user, "session", problem.code)


def text_of(token: str | Secret) -> str:
    """Return a token as text; what is none of both is for the signer to refuse."""
    return token.reveal() if isinstance(token, Secret) else token


def _found(core: Core, user_id: str, session_id: str) -> tuple[Record | None, Record | None]:
    user, session = core.store.get_many([Ref("user", user_id), Ref("session", session_id)])
    return user, session


def _alive(user: Record | None, session: Record | None, user_id: str) -> tuple[Record, Record]:
    """Return both if the session is alive. Sessions end at once: compared with the session and the
    user's epoch, on every request (S3).

    Looks into the stored bodies, because a whole record costs more than all the rest here.
    """
    if session is None or user is None or session.body["user"] != user_id:
        raise SessionInvalid("ended")
    body = user.body
    if body["state"] != "confirmed" or body.get("disabled", False):
        raise SessionInvalid("ended")
    if session.body["epoch"] != body.get("epoch", 0):
        raise SessionInvalid("ended")
    return user, session


def log_out(core: Core, by: Acting, token: str | Secret) -> None:
    """End the session of a refresh token; see `Engine.log_out`."""
    user, session, _ = of_refresh_token(core, by, text_of(token))
    end_one(core, by, user, session)


def end(core: Core, by: Acting, session_id: str) -> None:
    """End one session by its id. One that is gone already is let pass."""
    record = core.store.get("session", session_id)
    if record is None:
        return
    session = session_from(record)
    owner = core.store.get("user", session.user)
    if owner is not None:
        end_one(core, by, user_from(owner), session)


def end_one(
    core: Core, by: Acting, user: User, session: Session, because: str | None = None
) -> None:
    """End a session of *user*, at once."""
    codes = (
        {"session": session.id} if because is None else {"session": session.id, "because": because}
    )
    decision: Decision[None] = Decision(
        result=None,
        happenings=(Happening("log-out", codes=codes),),
        remove=(Remove("session", session.id),),
    )
    _, change = build(core, by, user, decision)
    commit(core, change)


def log_out_all(core: Core, by: Acting, user_id: str) -> Prepared[User]:
    """Prepare ending every session of a user; see `Engine.log_out_all`."""

    def decide(settle: bool) -> Finish[User]:
        return done(change_user(core, by, user_id, raise_epoch, settle=settle)[0])

    def raise_epoch(user: User) -> Decision[None]:
        new = cancelled(user, ("change-address",), core.now())
        new = evolve(new, epoch=user.epoch + 1)
        return Decision(result=None, new=new, happenings=(Happening("log-out-all"),))

    return Prepared(decide)


def of_user(core: Core, user_id: str) -> list[Session]:
    """Return the live sessions of a user, oldest first; none of nobody."""
    try:
        user = load(core, user_id)
    except UserNotFound:
        return []
    now = core.now()
    return [s for s in sessions_of(core, user.id) if s.epoch == user.epoch and s.expires_at > now]
