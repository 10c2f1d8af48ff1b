"""An API key: its text, its record, and whether it is live."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import Any, Final

import attrs

from ._tokens import same, token_digest
from .clock import Clock, from_text, to_text
from .errors import FateUnknown, StoreReadOnly
from .masked import Secret
from .records import ApiKey, ApiKeyId, UserId
from .stores import Change, Label, Put, Record, Store, VersionMoved

USED_EVERY: Final = timedelta(minutes=15)
"""A key that is used writes its record the first time, and then after this long."""

_SECRET_BYTES: Final = 32
_TEXT: Final = re.compile(r"admit_[us]k_([0-9a-f]{24})[0-9a-f]{64}")
"""What people and scanners for leaked secrets recognise it by, the key's id, 256 random bits."""


def mint_text(key_id: ApiKeyId, *, server: bool) -> Secret:
    """Return the text of a new key: what is shown once."""
    kind = "s" if server else "u"
    return Secret(f"admit_{kind}k_{key_id}{secrets.token_hex(_SECRET_BYTES)}")


def name_key(user: UserId | None, name: str) -> str:
    """Return the store key that makes a name unique: of a user's keys, or – None – the server's."""
    return f"api-key-name:{user or 'server'}/{name}"


def server_place(place: int) -> str:
    """Return the store key that a server key holds, one of as many as there may be."""
    return f"server-key:{place}"


def api_key_put(key: ApiKey, expects: int | None) -> Put:
    """Return the write of *key*."""
    body: dict[str, Any] = {
        "user": key.user,
        "name": key.name,
        "digest": key.digest,
        "epoch": key.epoch,
        "created_at": to_text(key.created_at),
    }
    if key.place is not None:
        body["place"] = key.place
    if key.scopes:
        body["scopes"] = list(key.scopes)
    if key.disabled:
        body["disabled"] = True
    for name in ("expires_at", "last_used_at"):
        instant = getattr(key, name)
        if instant is not None:
            body[name] = to_text(instant)
    created = to_text(key.created_at)
    keys = [name_key(None if key.is_server else key.user, key.name)]
    labels = [Label(f"keys-of/{key.user}", created)]
    if key.place is not None:
        keys.append(server_place(key.place))
        labels.append(Label("server-keys", created))
    return Put("api-key", key.id, body, expects, tuple(keys), tuple(labels))


def api_key_from(record: Record) -> ApiKey:
    """Return the key that a record holds."""
    body = record.body
    instants = {
        name: None if body.get(name) is None else from_text(body[name])
        for name in ("expires_at", "last_used_at")
    }
    return ApiKey(
        id=ApiKeyId(record.id),
        user=UserId(body["user"]),
        name=body["name"],
        digest=body["digest"],
        epoch=body["epoch"],
        place=body.get("place"),
        scopes=tuple(body.get("scopes", ())),
        disabled=body.get("disabled", False),
        created_at=from_text(body["created_at"]),
        version=record.version,
        **instants,
    )


class KeyFinder:
    """Finds the live key of a text, and notes that it was used."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def find(self, text: str) -> ApiKey | None:
        """Return the live key with this text, or None: there is none, it was disabled or has
        expired, or it died with what its user was before somebody proved her address (H2)."""
        shape = _TEXT.fullmatch(text)
        record = None if shape is None else self._store.get("api-key", shape[1])
        if record is None:
            return None
        key = api_key_from(record)
        if not same(key.digest, token_digest(text)) or not self.is_live(key):
            return None
        return self._used(key)

    def is_live(self, key: ApiKey) -> bool:
        """Return whether *key*, as it is kept, opens anything. Whether its user may come in is for
        the log-in to say."""
        now = self._clock.now()
        if key.disabled or (key.expires_at is not None and key.expires_at <= now):
            return False
        owner = self._store.get("user", key.user)
        if owner is None or owner.body["state"] == "deleted":
            return False
        epoch: int = owner.body.get("keys_epoch", 0)
        return epoch == key.epoch

    def _used(self, key: ApiKey) -> ApiKey:
        now = self._clock.now()
        if key.last_used_at is not None and now < key.last_used_at + USED_EVERY:
            return key
        used = attrs.evolve(key, last_used_at=now)
        try:
            self._store.commit(Change(put=(api_key_put(used, key.version),)), settle=False)
        except (VersionMoved, FateUnknown, StoreReadOnly):
            return key  # a convenience: somebody else's write, or the next use, matters more
        return attrs.evolve(used, version=key.version + 1)
