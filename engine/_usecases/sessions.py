"""Sessions after the log-in: verified, refreshed, listed, ended."""

from __future__ import annotations

from .. import _jwt
from .._codec import authenticated_at, session_from, user_from
from .._commits import Decision, build, change_user, commit, record_refusal
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from .._tokens import same, token_digest
from ..errors import FateUnknown, SessionInvalid
from ..masked import Secret
from ..records import Access, LogIn, Session, SessionId, User, UserId
from ..stores import Record, Ref, Remove, VersionMoved
from .prepared import Finish, Prepared, done
from .session_opening import SEEN_EVERY, access_token


def verify(core: Core, token: str | Secret) -> Access:
    """Return what an access token says; see `Engine.verify`."""
    now = core.now()
    text = token.reveal() if isinstance(token, Secret) else token
    claims = core.signer.verify(text, kind="access", now=now)
    user, session = core.store.get_many([Ref("user", claims["sub"]), Ref("session", claims["sid"])])
    _check_alive(user, session, claims["sub"])
    assert session is not None, "it is alive"
    return Access(
        user_id=UserId(claims["sub"]),
        session_id=SessionId(claims["sid"]),
        issued_at=_jwt.instant(claims["iat"]),
        expires_at=_jwt.instant(claims["exp"]),
        authenticated_at=authenticated_at(session.body),
        claims=claims,
    )


def caller(core: Core, token: str | Secret) -> tuple[User, Session]:
    """Return whose access token this is, and of which session, as both are now.

    Raises:
        SessionInvalid: malformed, forged, expired or ended.
    """
    text = token.reveal() if isinstance(token, Secret) else token
    claims = core.signer.verify(text, kind="access", now=core.now())
    user, session = core.store.get_many([Ref("user", claims["sub"]), Ref("session", claims["sid"])])
    _check_alive(user, session, claims["sub"])
    assert user is not None, "it is alive"
    assert session is not None, "it is alive"
    return user_from(user), session_from(session)


def _check_alive(user: Record | None, session: Record | None, user_id: str) -> None:
    """Sessions end at once: compared with the session and the user's epoch, on every request (S3).

    Looks into the stored bodies, because a whole record costs more than all the rest here.
    """
    if session is None or user is None or session.body["user"] != user_id:
        raise SessionInvalid("ended")
    body = user.body
    if body["state"] != "confirmed" or body.get("disabled", False):
        raise SessionInvalid("ended")
    if session.body["epoch"] != body.get("epoch", 0):
        raise SessionInvalid("ended")


def _opened(core: Core, by: Acting, token: str | Secret) -> tuple[User, Session]:
    """Return the user and the session of a good refresh token. Raises SessionInvalid."""
    text = token.reveal() if isinstance(token, Secret) else token
    now = core.now()
    claims = core.signer.verify(text, kind="refresh", now=now)
    user, session = core.store.get_many([Ref("user", claims["sub"]), Ref("session", claims["sid"])])
    try:
        _check_alive(user, session, claims["sub"])
    except SessionInvalid as problem:
        # Signed by us once, so it is no stranger's guess that could fill the store.
        record_refusal(core, by, None if user is None else user_from(user), "session", problem.code)
        raise
    assert user is not None, "it is alive"
    assert session is not None, "it is alive"
    opened = session_from(session)
    if opened.expires_at <= now or not same(opened.refresh_digest, token_digest(text)):
        raise SessionInvalid("ended")
    return user_from(user), opened


def refresh(core: Core, by: Acting, token: str | Secret) -> LogIn:
    """Return the session with a new access token; see `Engine.refresh`."""
    user, session = _opened(core, by, token)
    now = core.now()
    if user.last_seen_at is None or user.last_seen_at + SEEN_EVERY <= now:
        user = _see(core, by, user)
    return LogIn(
        user=user,
        session=session,
        access_token=access_token(core, user.id, session.id, now),
        refresh_token=token if isinstance(token, Secret) else Secret(token),
    )


def _see(core: Core, by: Acting, user: User) -> User:
    seen = evolve(user, last_seen_at=core.now())
    happening = Happening("seen", codes={"by": "refresh"})
    new, change = build(core, by, user, Decision(result=None, new=seen, happenings=(happening,)))
    try:
        commit(core, change, settle=False)
    except (VersionMoved, FateUnknown):
        return user  # a convenience; somebody else's write matters more
    return new


def log_out(core: Core, by: Acting, token: str | Secret) -> None:
    """End the session of a refresh token; see `Engine.log_out`."""
    user, session = _opened(core, by, token)
    _end(core, by, user, session)


def end(core: Core, by: Acting, session_id: str) -> None:
    """End one session by its id. One that is gone already is let pass."""
    record = core.store.get("session", session_id)
    if record is None:
        return
    session = session_from(record)
    owner = core.store.get("user", session.user)
    if owner is not None:
        _end(core, by, user_from(owner), session)


def _end(core: Core, by: Acting, user: User, session: Session) -> None:
    decision: Decision[None] = Decision(
        result=None,
        happenings=(Happening("log-out", codes={"session": session.id}),),
        remove=(Remove("session", session.id),),
    )
    _, change = build(core, by, user, decision)
    commit(core, change)


def log_out_all(core: Core, by: Acting, user_id: str) -> Prepared[User]:
    """Prepare ending every session of a user; see `Engine.log_out_all`."""

    def decide(settle: bool) -> Finish[User]:
        return done(change_user(core, by, user_id, raise_epoch, settle=settle)[0])

    def raise_epoch(user: User) -> Decision[None]:
        new = evolve(user, epoch=user.epoch + 1)
        return Decision(result=None, new=new, happenings=(Happening("log-out-all"),))

    return Prepared(decide)


def of_user(core: Core, user_id: str) -> list[Session]:
    """Return the live sessions of a user, oldest first."""
    record = core.store.get("user", user_id)
    if record is None or record.body["state"] == "deleted":
        return []
    epoch = record.body.get("epoch", 0)
    now = core.now()
    found: list[Session] = []
    after = None
    while True:
        page = core.store.page("session", f"sessions-of/{user_id}", after, 100)
        found += [session_from(item) for item in page.items]
        after = page.next
        if after is None:
            return [s for s in found if s.epoch == epoch and s.expires_at > now]
