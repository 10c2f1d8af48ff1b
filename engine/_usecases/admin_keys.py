"""Admin keys: made and shown once, listed, switched off and on, deleted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import attrs

from .._admin_keys import (
    KEY,
    KEYS,
    SESSION,
    key_from,
    key_put,
    mint_private_key,
    sessions_of,
)
from .._commits import TRIES, commit
from .._core import Core
from .._events import Acting, Happening, make
from .._text import check_line
from .._tokens import token_digest
from ..errors import AdminKeyNameTaken, AdminKeyNotFound, InvalidInput, TryLater
from ..records import ADMIN_SCOPES, AdminKey, AdminKeyId, AdminScope, NewAdminKey
from ..stores import Change, KeyTaken, Record, Remove, VersionMoved

_LONGEST_NAME: Final = 100
_LONGEST: Final = timedelta(days=10 * 366)


@attrs.frozen
class Asked:
    """What a new key shall be."""

    name: str
    scope: AdminScope
    expires_at: datetime | None


def asked(core: Core, name: object, scope: object, expires_at: object) -> Asked:
    """Return what was asked for. Raises InvalidInput, naming the field and the rule."""
    text = check_line(name, "name", most=_LONGEST_NAME)
    if not text.strip() or text != text.strip():
        raise InvalidInput("name", "must be a name, without blanks around it.")
    if expires_at is not None:
        if not isinstance(expires_at, datetime) or expires_at.tzinfo is None:
            raise InvalidInput("expires_at", "must be a datetime with a time zone.")
        now = core.now()
        if not now < expires_at <= now + _LONGEST:
            raise InvalidInput("expires_at", "must be in the future, within ten years.")
    return Asked(text, check_scope(scope), expires_at)


def check_scope(scope: object) -> AdminScope:
    """Return *scope* if it is one. Raises InvalidInput."""
    if not isinstance(scope, str) or scope not in ADMIN_SCOPES:
        raise InvalidInput("scope", f"must be one of {', '.join(ADMIN_SCOPES)}.")
    return scope


def exist(core: Core) -> bool:
    """Return whether there is any key: else the admin surface is off (security.md N1)."""
    return bool(core.store.page(KEY, KEYS, None, 1).items)


def create(core: Core, by: Acting, wanted: Asked) -> NewAdminKey:
    """Make a key; see `AdminKeys.create`."""
    now = core.now()
    key_id = AdminKeyId(core.ids.mint(now))
    private_key = mint_private_key(key_id)
    key = AdminKey(
        id=key_id,
        name=wanted.name,
        scope=wanted.scope,
        digest=token_digest(private_key.reveal()),
        created_at=now,
        expires_at=wanted.expires_at,
        version=1,
    )
    try:
        commit(core, _change(core, by, "created", key, Change(put=(key_put(key, None),))))
    except KeyTaken:
        raise AdminKeyNameTaken from None
    return NewAdminKey(key=key, private_key=private_key)


def all_of(core: Core) -> tuple[AdminKey, ...]:
    """Return every key, oldest first."""
    found: list[AdminKey] = []
    after = None
    while True:
        page = core.store.page(KEY, KEYS, after, 100)
        found += [key_from(record) for record in page.items]
        after = page.next
        if after is None:
            return tuple(found)


def get(core: Core, key_id: str) -> AdminKey:
    """Return a key by its id. Raises AdminKeyNotFound."""
    record = core.store.get(KEY, key_id)
    if record is None:
        raise AdminKeyNotFound
    return key_from(record)


def set_disabled(core: Core, by: Acting, key_id: str, *, disabled: bool) -> AdminKey:
    """Switch a key off or on; off ends its sessions for good."""

    def change(key: AdminKey) -> AdminKey:
        if key.disabled == disabled:
            return key
        # One that is opened in this very moment has the epoch of before.
        return attrs.evolve(key, disabled=disabled, epoch=key.epoch + int(disabled))

    return _changed(core, by, key_id, "disabled" if disabled else "enabled", change)


def delete(core: Core, by: Acting, key_id: str) -> None:
    """Delete a key; its sessions end."""
    _changed(core, by, key_id, "deleted", lambda key: None)


def _changed(
    core: Core,
    by: Acting,
    key_id: str,
    trigger: str,
    change: Callable[[AdminKey], AdminKey | None],
) -> AdminKey:
    """Commit what *change* makes of a key – None: it goes –, reading it again when it moved."""
    for _ in range(TRIES):
        key = get(core, key_id)
        new = change(key)
        if new == key:
            return key
        remove = [] if new is not None else [Remove(KEY, key.id, key.version)]
        if new is None or new.disabled:
            remove += [Remove(SESSION, record.id) for record in session_records(core, key.id)]
        put = () if new is None else (key_put(new, key.version),)
        written = Change(put=put, remove=tuple(remove))
        try:
            commit(core, _change(core, by, trigger, key, written))
        except VersionMoved:
            continue
        return key if new is None else attrs.evolve(new, version=key.version + 1)
    raise TryLater("others are changing this key")


def session_records(core: Core, key_id: str) -> tuple[Record, ...]:
    """Return the sessions that are kept of a key, oldest first: as many as one may have fit into a
    page."""
    return core.store.page(SESSION, sessions_of(key_id), None, 1000).items


def _change(core: Core, by: Acting, trigger: str, key: AdminKey, change: Change) -> Change:
    happening = Happening(
        f"admin-key-{trigger}",
        codes={"admin_key": key.id, "scope": key.scope},
        detail={"name": key.name},
    )
    return change._replace(events=(make(happening, id=core.mint_id(), at=core.now(), by=by),))
