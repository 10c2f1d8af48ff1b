"""What the engine writes of each kind of record: read back, with the keys and labels it would give.

Of kinds that are not the engine's nothing is known, so nothing is wrong with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from .. import _admin_keys, _key_records
from .._api_keys import api_key_from, api_key_put
from .._codec import session_from, session_put, user_from, user_keys, user_labels
from .._copy_mark import MARK_KEY, mark_of
from .._keys import KEY_RECORD
from .._usecases.erasing import ERASURE_KEY
from .._usecases.erasures import LABEL
from .._usecases.kept import DOCUMENT, SEALED, key_of
from .._usecases.seal import HEAD_KEY
from ..clock import from_text
from ..records import ADMIN_SCOPES, User
from ..stores import Body, Label, Record

UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError, IndexError)
"""What reading a body raises that is not what the engine wrote."""


class Wanted(NamedTuple):
    """How a record is to be found. None: that is not told by its body."""

    keys: tuple[str, ...] | None
    labels: tuple[Label, ...] | None


def wanted(record: Record) -> Wanted:
    """Return the keys and labels that the engine gives to a record with this body.

    Raises:
        One of UNREADABLE: it is no body that the engine writes.
    """
    read = _READERS.get(record.kind)
    return Wanted(None, None) if read is None else read(record)


def knows_kind(kind: str) -> bool:
    """Return whether the engine itself writes records of this kind."""
    return kind in _READERS


def kind_that_fits(record: Record) -> str | None:
    """Return the one kind of which the engine would write this body under exactly these keys and
    labels, the record's own before others; None if there is none, or more than one."""
    fitting: dict[str, bool] = {}
    for kind, read in _READERS.items():
        try:
            keys, labels = read(record)
        except UNREADABLE:
            continue
        told = [(keys, record.keys), (labels, record.labels)]
        known = [(told_by_body, there) for told_by_body, there in told if told_by_body is not None]
        if known and all(set(told_by_body) == set(there) for told_by_body, there in known):
            fitting[kind] = len(known) == len(told)
    if record.kind in fitting:
        return record.kind
    surest = [kind for kind, by_both in fitting.items() if by_both] or list(fitting)
    return surest[0] if len(surest) == 1 else None


def checked_user(record: Record) -> User:
    """Return the user that a record holds, the parts that say who and what it is looked at."""
    user = user_from(record)
    _is(user.state, str, among=("pending", "confirmed", "deleted"))
    _is(user.last_event, str)
    _is(user.epoch, int)
    for identity in user.identities:
        _is(identity.provider, str)
        _is(identity.id, str)
        _is(identity.login_key or "", str)
    for address in user.addresses:
        _is(address.typed, str)
        _is(address.canonical, str)
    for run in user.runs:
        _is(run.id, str)
    return user


def _user(record: Record) -> Wanted:
    user = checked_user(record)
    return Wanted(user_keys(user), user_labels(user))


def _session(record: Record) -> Wanted:
    session = session_from(record)
    for value in (session.user, session.provider, session.identity, session.refresh_digest):
        _is(value, str)
    _is(session.epoch, int)
    put = session_put(session, None)
    return Wanted(put.keys, put.labels)


def _api_key(record: Record) -> Wanted:
    key = api_key_from(record)
    for value in (key.user, key.name, key.digest, *key.scopes):
        _is(value, str)
    _is(key.epoch, int)
    _is(key.place or 0, int)
    put = api_key_put(key, None)
    return Wanted(put.keys, put.labels)


def _admin_key(record: Record) -> Wanted:
    key = _admin_keys.key_from(record)
    for value in (key.name, key.digest):
        _is(value, str)
    _is(key.scope, str, among=ADMIN_SCOPES)
    _is(key.epoch, int)
    put = _admin_keys.key_put(key, None)
    return Wanted(put.keys, put.labels)


def _admin_session(record: Record) -> Wanted:
    session = _admin_keys.session_from(record)
    for value in (session.key, session.refresh_digest):
        _is(value, str)
    _is(session.epoch, int)
    put = _admin_keys.session_put(session)
    return Wanted(put.keys, put.labels)


def _phantom(record: Record) -> Wanted:
    checked_user(record)
    return Wanted((), None)


def _custom_data(record: Record) -> Wanted:
    _is(record.body["data"], dict)
    return Wanted((), ())


def _document(record: Record) -> Wanted:
    _is(record.body["data"], dict)
    return _named(record, DOCUMENT)


def _app_secret(record: Record) -> Wanted:
    _text(record.body, "sealed")
    from_text(_text(record.body, "changed_at"))
    return _named(record, SEALED)


def _named(record: Record, kind: str) -> Wanted:
    name = _text(record.body, "name")
    return Wanted((key_of(kind, name),), (Label(kind, name),))


def _erasure(record: Record) -> Wanted:
    body = record.body
    if "steps" not in body:  # an earlier form
        checked_user(record)
        return Wanted((), ())
    if "user" in body:
        checked_user(record._replace(body=body["user"]))
    from_text(body["since"])
    for name, step in body["steps"].items():
        _is(name, str)
        _number(step, "tries")
    return Wanted((), (Label(LABEL, _text(body, "since")),))


def _setting(record: Record) -> Wanted:
    name = _text(record.body, "name")
    _ = record.body["value"]
    return Wanted((f"setting:{name}",), (Label("setting", name),))


def _secret(record: Record) -> Wanted:
    if KEY_RECORD not in record.keys:
        if "signs_from" not in record.body:
            return Wanted(None, None)
        return Wanted(*_key_records.places(_key_records.read(record).record.body))
    _text(record.body, "key_id")
    return Wanted((KEY_RECORD,), ())


def _throttle(record: Record) -> Wanted:
    until = _text(record.body, "until")
    from_text(until)
    _number(record.body, "count")
    return Wanted(None, (Label("until", until),))


def _redirect(record: Record) -> Wanted:
    until = _text(record.body, "until")
    from_text(until)
    for name in ("provider", "redirect_uri", "binding", "key"):
        _text(record.body, name)
    return Wanted(None, (Label("until", until),))


def _seal(record: Record) -> Wanted:
    body = record.body
    _text(body, "mac")
    if "events" not in body:
        _number(body, "last")
        return Wanted((HEAD_KEY,), ())
    first = _number(body, "first")
    _text(body, "key")
    for event_id, digest in body["events"]:
        _is(event_id, str)
        _is(digest, str)
    return Wanted((), (Label("seal", f"{first:016d}"),))


def _forgotten(record: Record) -> Wanted:
    _text(record.body, "key")
    _text(record.body, "mac")
    for event_id in _is(record.body["events"], list):
        _is(event_id, str)
    return Wanted((), None)


def _consumer(record: Record) -> Wanted:
    _number(record.body, "taken")
    return Wanted((f"consumer:{_text(record.body, 'consumer')}",), None)


def _job(record: Record) -> Wanted:
    if ERASURE_KEY in record.keys:
        from_text(record.body["since"])
        return Wanted((ERASURE_KEY,), ())
    if MARK_KEY not in record.keys:
        return Wanted(None, None)
    mark_of(record)
    return Wanted((MARK_KEY,), ())


_READERS: Final[Mapping[str, Callable[[Record], Wanted]]] = {
    "admin-key": _admin_key,
    "admin-session": _admin_session,
    "api-key": _api_key,
    SEALED: _app_secret,
    "consumer": _consumer,
    "custom-data": _custom_data,
    DOCUMENT: _document,
    "erasure": _erasure,
    "forgotten": _forgotten,
    "job": _job,
    "oauth-state": _redirect,
    "phantom": _phantom,
    "seal": _seal,
    "secret": _secret,
    "session": _session,
    "setting": _setting,
    "throttle": _throttle,
    "user": _user,
}


def _text(body: Body, name: str) -> str:
    value: str = _is(body[name], str)
    return value


def _number(body: Body, name: str) -> int:
    value: int = _is(body[name], int)
    return value


def _is(value: Any, kind: type, *, among: tuple[str, ...] = ()) -> Any:
    """Return *value*. Raises TypeError, ValueError: it is not of this kind, or not among these."""
    if not isinstance(value, kind):
        raise TypeError(kind.__name__)
    if among and value not in among:
        raise ValueError(among)
    return value
