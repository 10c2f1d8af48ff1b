"""Admins come in: log-in, refresh and log-out with a key, and who a token or a key stands for.

Wrong keys are counted by the network that they come from, like guessed passwords (security.md P5);
not by the key that was named: with 256 random bits nobody guesses it from many networks either, and
so nobody keeps an admin out whose public key he knows. Without a client's address all wait.
"""

from __future__ import annotations

import contextlib
import secrets
from datetime import datetime, timedelta
from typing import Final, NoReturn

import attrs

from .. import _jwt
from .._admin_keys import (
    KEY,
    SESSION,
    AdminSession,
    id_in,
    is_private_key_of,
    key_from,
    key_put,
    session_from,
    session_put,
)
from .._commits import TRIES, commit, record_refusal
from .._core import Core
from .._events import Acting, Happening, make
from .._tokens import same, token_digest
from ..errors import (
    FateUnknown,
    NoAdminKeys,
    ScopeMissing,
    SessionInvalid,
    StoreReadOnly,
    TryLater,
    WrongCredentials,
)
from ..masked import Secret
from ..records import (
    AdminAccess,
    AdminKey,
    AdminLogIn,
    AdminScope,
    AdminSessionId,
)
from ..stores import Change, Put, Ref, Remove, VersionMoved
from . import throttle
from .admin_keys import exist, session_records
from .guesses import WINDOW

ACCESS_LIFETIME: Final = timedelta(minutes=30)
REFRESH_LIFETIME: Final = timedelta(days=60)
"""Both as the service had them (wire-contract.md §3)."""
MOST_SESSIONS: Final = 100
"""Of one key: a script that never logs out must not fill the store. The oldest gives way."""
USED_EVERY: Final = timedelta(minutes=15)
"""A key that is used writes its record the first time, and then after this long."""
_WRONG_KEYS: Final = "admin-keys-from"


def log_in(core: Core, by: Acting, public_key: str, private_key: str) -> AdminLogIn:
    """Open a session; see `AdminKeys.log_in`."""
    if not exist(core):
        raise NoAdminKeys
    subject = _subject(by)
    limit = core.settings.wrong_passwords_a_client
    wait = throttle.counted(core, _WRONG_KEYS, subject, limit=limit, window=WINDOW)
    if wait is not None:
        raise TryLater("too many wrong keys were tried", wait)
    if id_in(private_key) != public_key:
        _refuse(core, by, "log-in", None, "wrong-credentials")
    for _ in range(TRIES):
        now = core.now()
        key = _key_of(core, by, "log-in", private_key, now)
        opened, session = _open(core, key, now)
        happening = Happening("admin-log-in", codes=_codes(key, session))
        change = Change(
            put=(session_put(session), *_used(key, now)),
            remove=_giving_way(core, key, now),
            events=(make(happening, id=core.mint_id(), at=now, by=_as(key, by)),),
        )
        try:
            commit(core, change)
        except VersionMoved:
            continue
        throttle.take_back(core, (), cleared=[(_WRONG_KEYS, subject)])
        return opened
    raise TryLater("others are changing this key")


def verify_key(core: Core, by: Acting, private_key: str, scope: AdminScope) -> AdminAccess:
    """Return who a private key stands for; see `AdminKeys.verify_key`."""
    if not exist(core):
        raise NoAdminKeys
    # Counted only when it is wrong, or each request of a script would write twice.
    subject, limit = _subject(by), core.settings.wrong_passwords_a_client
    wait = throttle.wait_for(core, _WRONG_KEYS, subject, limit=limit)
    if wait is not None:
        raise TryLater("too many wrong keys were tried", wait)
    now = core.now()
    try:
        key = _key_of(core, by, "key", private_key, now)
    except WrongCredentials:
        throttle.counted(core, _WRONG_KEYS, subject, limit=limit, window=WINDOW)
        raise
    put = _used(key, now)
    if put:
        # A convenience: somebody else's write, or the next use, matters more.
        with contextlib.suppress(VersionMoved, FateUnknown, StoreReadOnly):
            commit(core, Change(put=put), settle=False)
    access = AdminAccess(key=key, session_id=None, expires_at=key.expires_at)
    return _allowed(core, by, access, scope)


def verify(core: Core, by: Acting, token: str | Secret, scope: AdminScope) -> AdminAccess:
    """Return who an access token stands for; see `AdminKeys.verify`."""
    claims = core.signer.verify_admin(_text(token), "admin-access", core.now())
    key, session = _alive(core, claims["sub"], claims["sid"])
    access = AdminAccess(key=key, session_id=session.id, expires_at=_jwt.instant(claims["exp"]))
    return _allowed(core, by, access, scope)


def refresh(core: Core, token: str | Secret) -> AdminLogIn:
    """Return a session with a new access token; see `AdminKeys.refresh`."""
    key, session = of_refresh_token(core, token)
    return AdminLogIn(
        key=key,
        session_id=session.id,
        expires_at=session.expires_at,
        access_token=_access_token(core, key, session, core.now()),
        refresh_token=Secret(_text(token)),
    )


def log_out(core: Core, by: Acting, token: str | Secret) -> None:
    """End the session of a refresh token; see `AdminKeys.log_out`."""
    key, session = of_refresh_token(core, token)
    happening = Happening("admin-log-out", codes=_codes(key, session))
    event = make(happening, id=core.mint_id(), at=core.now(), by=_as(key, by))
    commit(core, Change(remove=(Remove(SESSION, session.id),), events=(event,)))


def of_refresh_token(core: Core, token: str | Secret) -> tuple[AdminKey, AdminSession]:
    """Return the key and the session of a refresh token.

    Raises:
        SessionInvalid: malformed, forged, expired, of another kind, or its session has ended.
    """
    text = _text(token)
    claims = core.signer.verify_admin(text, "admin-refresh", core.now())
    key, session = _alive(core, claims["sub"], claims["sid"])
    if not same(session.refresh_digest, token_digest(text)):
        raise SessionInvalid("malformed")
    return key, session


def _key_of(core: Core, by: Acting, asked: str, private_key: str, now: datetime) -> AdminKey:
    """Return the live key with this private key. Raises WrongCredentials; why is recorded."""
    key_id = id_in(private_key)
    record = None if key_id is None else core.store.get(KEY, key_id)
    key = None if record is None else key_from(record)
    if key is None or not is_private_key_of(key, private_key):
        _refuse(core, by, asked, key, "wrong-credentials")
    if key.disabled:
        _refuse(core, by, asked, key, "disabled")
    if _has_expired(key, now):
        _refuse(core, by, asked, key, "expired")
    return key


def _refuse(core: Core, by: Acting, asked: str, key: AdminKey | None, because: str) -> NoReturn:
    about = {} if key is None else {"admin_key": key.id}
    record_refusal(core, by, None, f"admin-{asked}", because, about=about)
    raise WrongCredentials


def _allowed(core: Core, by: Acting, access: AdminAccess, scope: AdminScope) -> AdminAccess:
    if not access.key.may(scope):
        codes = {"admin_key": access.key.id, "needs": scope}
        record_refusal(core, _as(access.key, by), None, "admin", ScopeMissing.code, about=codes)
        raise ScopeMissing(scope, access.scope)
    return access


def _alive(core: Core, key_id: str, session_id: str) -> tuple[AdminKey, AdminSession]:
    """Return key and session as they are now: what ended is seen at once (security.md S3)."""
    now = core.now()
    found, kept = core.store.get_many([Ref(KEY, key_id), Ref(SESSION, session_id)])
    if found is None or kept is None:
        raise SessionInvalid("ended")
    key, session = key_from(found), session_from(kept)
    if key.disabled or _has_expired(key, now) or session.expires_at <= now:
        raise SessionInvalid("ended")
    if (session.key, session.epoch) != (key.id, key.epoch):
        raise SessionInvalid("ended")
    return key, session


def _has_expired(key: AdminKey, now: datetime) -> bool:
    return key.expires_at is not None and key.expires_at <= now


def _open(core: Core, key: AdminKey, now: datetime) -> tuple[AdminLogIn, AdminSession]:
    expires_at = now + REFRESH_LIFETIME
    if key.expires_at is not None:
        expires_at = min(expires_at, key.expires_at)
    session_id = AdminSessionId(core.ids.mint(now))
    claims = {
        "sub": key.id,
        "sid": session_id,
        "iat": _jwt.seconds(now),
        "exp": _jwt.seconds(expires_at),
        "jti": secrets.token_urlsafe(32),
    }
    refresh_token = Secret(core.signer.sign_admin(claims, "admin-refresh", now))
    session = AdminSession(
        id=session_id,
        key=key.id,
        epoch=key.epoch,
        created_at=now,
        expires_at=expires_at,
        refresh_digest=token_digest(refresh_token.reveal()),
    )
    opened = AdminLogIn(
        key=key,
        session_id=session_id,
        expires_at=expires_at,
        access_token=_access_token(core, key, session, now),
        refresh_token=refresh_token,
    )
    return opened, session


def _access_token(core: Core, key: AdminKey, session: AdminSession, now: datetime) -> Secret:
    claims = {
        "sub": key.id,
        "sid": session.id,
        "iat": _jwt.seconds(now),
        "exp": _jwt.seconds(min(now + ACCESS_LIFETIME, session.expires_at)),
    }
    return Secret(core.signer.sign_admin(claims, "admin-access", now))


def _giving_way(core: Core, key: AdminKey, now: datetime) -> tuple[Remove, ...]:
    """Return what goes so that one more session is not too many: dead ones, then the oldest."""
    kept = [session_from(record) for record in session_records(core, key.id)]
    if len(kept) < MOST_SESSIONS:
        return ()
    live = [s for s in kept if s.epoch == key.epoch and s.expires_at > now]
    going = {s.id for s in kept} - {s.id for s in live[-(MOST_SESSIONS - 1) :]}
    return tuple(Remove(SESSION, session_id) for session_id in sorted(going))


def _used(key: AdminKey, now: datetime) -> tuple[Put, ...]:
    if key.last_used_at is not None and now < key.last_used_at + USED_EVERY:
        return ()
    return (key_put(attrs.evolve(key, last_used_at=now), key.version),)


def _codes(key: AdminKey, session: AdminSession) -> dict[str, str]:
    return {"admin_key": key.id, "session": session.id}


def _as(key: AdminKey, by: Acting) -> Acting:
    return attrs.evolve(by, actor=key.actor)


def _subject(by: Acting) -> str:
    address = None if by.client is None else by.client.address
    return "nowhere" if address is None else throttle.network_of(address)


def _text(token: str | Secret) -> str:
    return token.reveal() if isinstance(token, Secret) else token
