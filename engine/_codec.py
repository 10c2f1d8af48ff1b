"""Records to JSON objects and back, with the keys and labels by which they are found.

Written by hand: half the cost of a converter library on every read (performance.md §5). What is
absent or default is left out, so that a user stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

import attrs

from ._evolve import BODY
from .clock import from_text, to_text
from .records import (
    ANONYMOUS,
    Actor,
    Address,
    Attempt,
    AttemptError,
    CodeTries,
    Event,
    EventId,
    Identity,
    Run,
    Session,
    SessionId,
    User,
    UserId,
)
from .stores import Body, Label, Put, Record, StoredEvent

P = TypeVar("P", Identity, Run, Attempt)
R = TypeVar("R", User, Run, Attempt)

_USER_INSTANTS: Final = (
    "confirmed_at",
    "deleted_at",
    "delete_at",
    "first_log_in_at",
    "last_seen_at",
    "chore_at",
)


def _defaults(kind: type) -> Mapping[str, Any]:
    return {f.name: f.default for f in attrs.fields(kind) if f.default is not attrs.NOTHING}


_USER_DEFAULTS: Final = _defaults(User)
_RUN_DEFAULTS: Final = _defaults(Run)
_ATTEMPT_DEFAULTS: Final = _defaults(Attempt)


def user_put(user: User, expects: int | None) -> Put:
    """Return the write of *user*, with its keys and labels."""
    return Put("user", user.id, user_body(user), expects, user_keys(user), user_labels(user))


def user_keys(user: User) -> tuple[str, ...]:
    """Return the login keys that *user* holds now."""
    if user.state == "deleted" or not user.holds_keys:
        return ()
    return tuple([i.key for i in user.identities if i.key is not None])


def user_labels(user: User) -> tuple[Label, ...]:
    """Return where *user* is listed."""
    if user.state == "deleted":
        labels = [Label("deleted", to_text(user.deleted_at or user.created_at))]
        if user.absorbed_by is not None:  # found again when the survivor is absorbed in its turn
            labels.append(Label("absorbed-by", user.absorbed_by))
    else:
        created = to_text(user.created_at)
        labels = [Label("all", created), Label(user.state, created)]
        labels += [Label(f"provider/{name}", created) for name in _providers(user)]
        labels += [Label("address", address.canonical) for address in user.addresses]
        if not user.holds_keys:
            labels += [Label("waits-for", i.key) for i in user.identities if i.key is not None]
        if user.disabled:
            labels.append(Label("disabled", created))
        if user.state == "pending" and user.runs and _run_failed(user):
            labels.append(Label("pending/run-failed", created))
        if is_anonymous(user):
            labels.append(Label("anonymous", to_text(user.last_seen_at or user.created_at)))
        if user.delete_at is not None:
            labels.append(Label("grace", to_text(user.delete_at)))
    due = due_at(user)
    if due is not None:
        labels.append(Label("due", to_text(due)))
    return tuple(labels)


def is_anonymous(user: User) -> bool:
    """Return whether *user* has identities, and all of them are anonymous."""
    return bool(user.identities) and all(i.provider == ANONYMOUS for i in user.identities)


def due_at(user: User) -> datetime | None:
    """Return when a worker should look at *user*: a queued run, a lease that runs out, a chore."""
    instants = [] if user.chore_at is None else [user.chore_at]
    for run in user.runs:
        if run.result is not None:
            continue
        if run.due_at is not None:
            instants.append(run.due_at)
        elif run.attempts and not run.attempts[-1].answered:
            instants.append(run.attempts[-1].leased_until)
    return min(instants, default=None)


def _providers(user: User) -> tuple[str, ...]:
    if len(user.identities) == 1:
        return (user.identities[0].provider,)
    return tuple(dict.fromkeys(identity.provider for identity in user.identities))


def _run_failed(user: User) -> bool:
    for run in reversed(user.runs):
        if run.purpose != "notice":
            return run.result in ("failed", "refused", "vetoed")
    return False


def user_body(user: User) -> Body:
    """Return *user* as a JSON object; its id and version stand beside it in the store."""
    body: dict[str, Any] = {"state": user.state, "created_at": to_text(user.created_at)}
    if user.type != "normal":
        body["type"] = user.type
    if user.disabled:
        body["disabled"] = True
    if not user.holds_keys:
        body["holds_keys"] = False
    for name in _USER_INSTANTS:
        instant = getattr(user, name)
        if instant is not None:
            body[name] = to_text(instant)
    if user.epoch:
        body["epoch"] = user.epoch
    if user.keys_epoch:
        body["keys_epoch"] = user.keys_epoch
    if user.absorbed_by is not None:
        body["absorbed_by"] = user.absorbed_by
    if user.code_tries is not None:
        body["code_tries"] = [user.code_tries.day, user.code_tries.count]
    if user.identities:
        body["identities"] = [_body_of(i, _identity_body) for i in user.identities]
    if user.addresses:
        body["addresses"] = [_address_body(address) for address in user.addresses]
    if user.runs:
        body["runs"] = [_body_of(run, _run_body) for run in user.runs]
    body["last_event"] = user.last_event
    return body


def _body_of(part: P, write: Callable[[P], Body]) -> Body:
    """Return *part* as a JSON object; it remembers it, for as long as it stays as it is."""
    memory = part.__dict__
    body: Body | None = memory.get(BODY)
    if body is None:
        body = memory[BODY] = write(part)
    return body


def user_from(record: Record) -> User:
    """Return the user that a record holds."""
    user, fields = _begin(User, _USER_DEFAULTS, record.body)
    fields["id"] = record.id
    fields["version"] = record.version
    fields["created_at"] = from_text(fields["created_at"])
    for name in _USER_INSTANTS:
        if fields[name] is not None:
            fields[name] = from_text(fields[name])
    fields["identities"] = tuple([_identity_from(body) for body in fields["identities"]])
    fields["addresses"] = tuple([_address_from(body) for body in fields["addresses"]])
    fields["runs"] = tuple([_run_from(body) for body in fields["runs"]])
    tries = fields["code_tries"]
    if tries is not None:
        fields["code_tries"] = CodeTries(day=tries[0], count=tries[1])
    return user


def _begin(kind: type[R], defaults: Mapping[str, Any], body: Body) -> tuple[R, dict[str, Any]]:
    """Return a record past its `__init__`, and its fields for the caller to finish.

    They are as the body has them, and have their defaults where it has none.
    """
    record = object.__new__(kind)
    fields = record.__dict__
    fields.update(defaults)
    fields.update(body)
    return record, fields


def _identity_body(identity: Identity) -> dict[str, Any]:
    body: dict[str, Any] = {
        "provider": identity.provider,
        "id": identity.id,
        "added_at": to_text(identity.added_at),
    }
    if identity.login_key is not None:
        body["login_key"] = identity.login_key
    if identity.data:
        body["data"] = identity.data
    if identity.private:
        body["private"] = identity.private
    return body


def _identity_from(body: Body) -> Identity:
    identity = Identity(
        provider=body["provider"],
        id=body["id"],
        login_key=body.get("login_key"),
        data=body.get("data", {}),
        private=body.get("private", {}),
        added_at=from_text(body["added_at"]),
    )
    identity.__dict__[BODY] = body
    return identity


def _address_body(address: Address) -> dict[str, Any]:
    body: dict[str, Any] = {"typed": address.typed}
    if address.canonical != address.typed:
        body["canonical"] = address.canonical
    if address.proved_at is not None:
        body["proved_at"] = to_text(address.proved_at)
        body["proved_by"] = address.proved_by
    return body


def _address_from(body: Body) -> Address:
    return Address(
        typed=body["typed"],
        canonical=body.get("canonical", body["typed"]),
        proved_at=_instant(body, "proved_at"),
        proved_by=body.get("proved_by"),
    )


def _run_body(run: Run) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": run.id,
        "purpose": run.purpose,
        "flow": run.flow,
        "address": run.address,
        "reason": run.reason,
        "created_at": to_text(run.created_at),
    }
    if run.typed is not None:
        body["typed"] = run.typed
    if run.adds is not None:
        body["adds"] = _body_of(run.adds, _identity_body)
    if run.locale is not None:
        body["locale"] = run.locale
    if run.proves:
        body["proves"] = True
    if run.result is not None:
        body["result"] = run.result
    if run.ended_at is not None:
        body["ended_at"] = to_text(run.ended_at)
    if run.due_at is not None:
        body["due_at"] = to_text(run.due_at)
    if run.wrong_codes:
        body["wrong_codes"] = run.wrong_codes
    if run.attempts:
        body["attempts"] = [_body_of(attempt, _attempt_body) for attempt in run.attempts]
    return body


def _run_from(body: Body) -> Run:
    run, fields = _begin(Run, _RUN_DEFAULTS, body)
    fields["created_at"] = from_text(fields["created_at"])
    if fields["ended_at"] is not None:
        fields["ended_at"] = from_text(fields["ended_at"])
    if fields["due_at"] is not None:
        fields["due_at"] = from_text(fields["due_at"])
    if fields["adds"] is not None:
        fields["adds"] = _identity_from(fields["adds"])
    fields["attempts"] = tuple([_attempt_from(inner) for inner in fields["attempts"]])
    fields[BODY] = body
    return run


def _attempt_body(attempt: Attempt) -> dict[str, Any]:
    body: dict[str, Any] = {
        "number": attempt.number,
        "started_at": to_text(attempt.started_at),
        "leased_until": to_text(attempt.leased_until),
        "expires_at": to_text(attempt.expires_at),
    }
    if attempt.token_digest is not None:
        body["token_digest"] = attempt.token_digest
    if attempt.code_digest is not None:
        body["code_digest"] = attempt.code_digest
    if attempt.dispatched_at is not None:
        body["dispatched_at"] = to_text(attempt.dispatched_at)
    if attempt.error is not None:
        body["error"] = [attempt.error.code, attempt.error.sentence, attempt.error.temporary]
    return body


def _attempt_from(body: Body) -> Attempt:
    attempt, fields = _begin(Attempt, _ATTEMPT_DEFAULTS, body)
    fields["started_at"] = from_text(fields["started_at"])
    fields["leased_until"] = from_text(fields["leased_until"])
    fields["expires_at"] = from_text(fields["expires_at"])
    if fields["dispatched_at"] is not None:
        fields["dispatched_at"] = from_text(fields["dispatched_at"])
    if fields["error"] is not None:
        code, sentence, temporary = fields["error"]
        fields["error"] = AttemptError(code=code, sentence=sentence, temporary=temporary)
    fields[BODY] = body
    return attempt


def session_put(session: Session, expects: int | None) -> Put:
    """Return the write of *session*."""
    body: dict[str, Any] = {
        "user": session.user,
        "provider": session.provider,
        "identity": session.identity,
        "epoch": session.epoch,
        "created_at": to_text(session.created_at),
        "refreshed_at": to_text(session.refreshed_at),
        "expires_at": to_text(session.expires_at),
        "refresh_digest": session.refresh_digest,
    }
    if session.authenticated_at != session.created_at:
        body["authenticated_at"] = to_text(session.authenticated_at)
    if session.device is not None:
        body["device"] = session.device
    if session.device_id is not None:
        body["device_id"] = session.device_id
    if session.network is not None:
        body["network"] = session.network
    labels = (
        Label(f"sessions-of/{session.user}", to_text(session.created_at)),
        Label("expiring", to_text(session.expires_at)),
    )
    return Put("session", session.id, body, expects, (), labels)


def session_from(record: Record) -> Session:
    """Return the session that a record holds."""
    body = record.body
    return Session(
        id=SessionId(record.id),
        user=UserId(body["user"]),
        provider=body["provider"],
        identity=body["identity"],
        epoch=body["epoch"],
        created_at=from_text(body["created_at"]),
        authenticated_at=authenticated_at(body),
        refreshed_at=from_text(body["refreshed_at"]),
        expires_at=from_text(body["expires_at"]),
        refresh_digest=body["refresh_digest"],
        device=body.get("device"),
        device_id=body.get("device_id"),
        network=body.get("network"),
        version=record.version,
    )


def authenticated_at(session: Body) -> datetime:
    """Return when the user of a session's record last proved who they are."""
    return from_text(session.get("authenticated_at") or session["created_at"])


def event_from(stored: StoredEvent) -> Event:
    """Return the event that a store gave back; the salt of its detail is left out."""
    body = stored.body
    detail = stored.detail
    kind, actor_id = body["actor"]
    return Event(
        id=EventId(stored.id),
        at=from_text(body["at"]),
        trigger=body["trigger"],
        user=body.get("user"),
        version=stored.version,
        from_state=body.get("from"),
        to_state=body.get("to"),
        actor=Actor(kind, actor_id),
        run=body.get("run"),
        codes=body.get("codes", {}),
        previous=body.get("previous"),
        detail_digest=body.get("detail_digest"),
        detail=None if detail is None else {k: v for k, v in detail.items() if k != "salt"},
        sequence=stored.sequence,
    )


def _instant(body: Mapping[str, Any], name: str) -> datetime | None:
    text = body.get(name)
    return None if text is None else from_text(text)
