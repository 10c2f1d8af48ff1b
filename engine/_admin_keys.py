"""An admin key and its sessions: the private key's text, and their records."""

from __future__ import annotations

import re
import secrets
from datetime import datetime
from typing import Any, Final

import attrs

from ._tokens import same, token_digest
from .clock import from_text, to_text
from .masked import Secret
from .records import AdminKey, AdminKeyId, AdminSessionId
from .stores import Label, Put, Record

KEY: Final = "admin-key"
SESSION: Final = "admin-session"
KEYS: Final = "admin-keys"
"""The list of all keys."""

_SECRET_BYTES: Final = 32
_TEXT: Final = re.compile(r"admit_ak_([0-9a-f]{24})[0-9a-f]{64}")
"""What people and scanners for leaked secrets recognise it by, the key's id, 256 random bits."""


@attrs.frozen(kw_only=True)
class AdminSession:
    """What is kept of a log-in of an admin."""

    id: AdminSessionId
    key: AdminKeyId
    epoch: int
    created_at: datetime
    expires_at: datetime
    refresh_digest: str = attrs.field(repr=False)


def mint_private_key(key_id: AdminKeyId) -> Secret:
    """Return the private key of a new key: what is shown once."""
    return Secret(f"admit_ak_{key_id}{secrets.token_hex(_SECRET_BYTES)}")


def id_in(private_key: str) -> str | None:
    """Return which key's private key this says it is; None: it has not the shape of one."""
    shape = _TEXT.fullmatch(private_key)
    return None if shape is None else shape[1]


def is_private_key_of(key: AdminKey, private_key: str) -> bool:
    """Return whether this is the private key of *key*: compared in constant time."""
    return same(key.digest, token_digest(private_key))


def sessions_of(key_id: str) -> str:
    """Return the list of a key's sessions."""
    return f"admin-sessions-of/{key_id}"


def key_put(key: AdminKey, expects: int | None) -> Put:
    """Return the write of *key*."""
    created = to_text(key.created_at)
    body: dict[str, Any] = {
        "name": key.name,
        "scope": key.scope,
        "digest": key.digest,
        "created_at": created,
    }
    if key.disabled:
        body["disabled"] = True
    if key.epoch:
        body["epoch"] = key.epoch
    for name in ("expires_at", "last_used_at"):
        instant = getattr(key, name)
        if instant is not None:
            body[name] = to_text(instant)
    name_key = f"admin-key-name:{key.name}"
    return Put(KEY, key.id, body, expects, (name_key,), (Label(KEYS, created),))


def key_from(record: Record) -> AdminKey:
    """Return the key that a record holds."""
    body = record.body
    instants = {
        name: None if body.get(name) is None else from_text(body[name])
        for name in ("expires_at", "last_used_at")
    }
    return AdminKey(
        id=AdminKeyId(record.id),
        name=body["name"],
        scope=body["scope"],
        digest=body["digest"],
        disabled=body.get("disabled", False),
        epoch=body.get("epoch", 0),
        created_at=from_text(body["created_at"]),
        version=record.version,
        **instants,
    )


def session_put(session: AdminSession) -> Put:
    """Return the write of *session*, which is new: it never changes."""
    created, expires = to_text(session.created_at), to_text(session.expires_at)
    body = {
        "key": session.key,
        "epoch": session.epoch,
        "created_at": created,
        "expires_at": expires,
        "refresh_digest": session.refresh_digest,
    }
    labels = (Label(sessions_of(session.key), created), Label("expiring", expires))
    return Put(SESSION, session.id, body, None, (), labels)


def session_from(record: Record) -> AdminSession:
    """Return the session that a record holds."""
    body = record.body
    return AdminSession(
        id=AdminSessionId(record.id),
        key=AdminKeyId(body["key"]),
        epoch=body["epoch"],
        created_at=from_text(body["created_at"]),
        expires_at=from_text(body["expires_at"]),
        refresh_digest=body["refresh_digest"],
    )
