"""The engine keys of a store that is cared for without an engine."""

from __future__ import annotations

from collections.abc import Sequence

from .._ids import IdSource
from .._keys import KEY_RECORD, Key, KeyRing, find_keys
from ..clock import Clock, SystemClock
from ..errors import InvalidInput, WrongKey
from ..stores import Change, Put, Record, Store


def keys_of(store: Store, given: Key | Sequence[Key] | None = None) -> KeyRing:
    """Return the engine keys of *store* as `admit.open` would find them: those *given*, else
    `ADMIT_KEY`, else the file beside a local store. Shows no key in its `repr`.

    Raises:
        WrongKey: there is none, or none of them is the one that the store was made with.
        InvalidInput: it is no key, or the store was never opened by an engine.
    """
    keys = find_keys(given, store.path, may_create=False)
    known = key_record(store, "store").body["key_id"]
    if known not in keys.ids:
        raise WrongKey(keys.source, known, keys.id)
    return keys


def name_key(
    store: Store, given: Key | Sequence[Key] | None = None, *, clock: Clock | None = None
) -> KeyRing:
    """Let a store whose record of its engine key was lost name it again: the first of those that
    `keys_of` would look for. Return them. A store that names its key is left as it is.

    Raises:
        WrongKey: there is none; or the newest seal was made with another one, or this store was.
            Nothing was changed.
        InvalidInput: what is there is no key.
    """
    if store.find(KEY_RECORD) is not None:
        return keys_of(store, given)
    keys = find_keys(given, store.path, may_create=False)
    for newest in store.page("seal", "seal", limit=1, reverse=True).items:
        if newest.body["key"] not in keys.ids:
            raise WrongKey(keys.source, newest.body["key"], keys.id)
    id = IdSource().mint((clock or SystemClock()).now())
    put = Put("secret", id, {"key_id": keys.id}, None, (KEY_RECORD,))
    store.commit(Change(put=(put,)))
    return keys


def key_record(store: Store, field: str) -> Record:
    """Return the record that says which key *store* was made with. Raises InvalidInput, naming
    *field*: there is none."""
    record = store.find(KEY_RECORD)
    if record is None:
        raise InvalidInput(field, "was never opened by an engine.", "Is it the right one?")
    return record
