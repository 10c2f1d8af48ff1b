"""API keys: made and shown once, listed, switched off and on, deleted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from .._api_keys import (
    api_key_from,
    api_key_put,
    mint_text,
    name_key,
)
from .._codec import user_from
from .._commits import TRIES, Decision, build, change_user, commit, commit_decision, load
from .._core import Core
from .._events import Acting, Happening
from .._numbers import check_duration
from .._tokens import token_digest
from ..errors import (
    ApiKeyNameTaken,
    ApiKeyNotFound,
    InvalidInput,
    NotAllowed,
    TooManyApiKeys,
    TryLater,
    UserNotFound,
    WrongCredentials,
)
from ..lifecycle import NEW, move, triggers_from
from ..masked import Secret
from ..records import ApiKey, ApiKeyId, Identity, NewApiKey, Session, User, UserId
from ..stores import Change, KeyTaken, Remove, VersionMoved
from .calling_session import check_open
from .gate import open_provider
from .removal import removed
from .session_opening import sessions_of

PROVIDER: Final = "api-key"
"""The provider of a server user's identity, as existing clients know it (wire-contract.md §2)."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SCOPE: Final = re.compile(r"[A-Za-z0-9_.:/*-]{1,64}")
_MOST_SCOPES: Final = 50
_SHORTEST: Final = timedelta(minutes=1)
_LONGEST: Final = timedelta(days=10 * 366)


@attrs.frozen
class Asked:
    """What a new key shall be."""

    name: str
    scopes: tuple[str, ...]
    lifetime: timedelta | None


def asked(name: object, scopes: object, lifetime: object) -> Asked:
    """Return what was asked for. Raises InvalidInput, naming the field and the rule."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(
            "name",
            "can only contain ASCII letters, numbers, underscores, and hyphens, up to 64.",
        )
    if isinstance(scopes, str) or not isinstance(scopes, Sequence):
        raise InvalidInput("scopes", "must be a list of words.")
    if len(scopes) > _MOST_SCOPES or not all(
        isinstance(scope, str) and _SCOPE.fullmatch(scope) for scope in scopes
    ):
        raise InvalidInput(
            "scopes", "must be at most 50 words of ASCII letters, numbers and _.:/*-, up to 64."
        )
    if lifetime is not None:
        lifetime = check_duration(lifetime, "lifetime", _SHORTEST, _LONGEST)
    return Asked(name, tuple(dict.fromkeys(map(str, scopes))), lifetime)


def create_for_user(
    core: Core, by: Acting, user_id: str, wanted: Asked, *, asks: Session | None = None
) -> NewApiKey:
    """Make a key of a user's own; see `ApiKeys.create`. *asks*: the session of the user who wants
    it, which must not have ended meanwhile."""

    def decide(user: User) -> Decision[NewApiKey]:
        check_open(core, user, asks)
        if user.state != "confirmed":
            raise NotAllowed(user.state, "have API keys", triggers_from(user.state))
        if user.delete_at is not None:  # it would open what was blocked (`verify`)
            raise NotAllowed("about to be deleted", "have API keys", ("restore",))
        if user.type != "normal":
            raise InvalidInput("user", "belongs to a server key and has no other.")
        most = core.settings.api_keys_a_user
        keys = _listed(core, f"keys-of/{user.id}")
        dead = [key for key in keys if key.epoch != user.keys_epoch]
        if len(keys) - len(dead) >= most:
            raise TooManyApiKeys(most, "api_keys_a_user")
        new = _new(core, user, wanted, core.now())
        # The user is put, though nothing of it changes: of two keys made at once one is counted
        # by the other, and none is left behind by a deletion.
        return Decision(
            result=new,
            new=user,
            happenings=(_happening("created", new.key),),
            put=(api_key_put(new.key, None),),
            remove=tuple(Remove("api-key", key.id) for key in dead),
        )

    try:
        return change_user(core, by, user_id, decide, asked="api-key")[1]
    except KeyTaken:
        raise ApiKeyNameTaken from None


def create_for_server(core: Core, by: Acting, wanted: Asked) -> NewApiKey:
    """Make a key of the application's server, with a user of its own; see
    `ApiKeys.create_server_key`."""
    for _ in range(TRIES):
        place = _free_place(core)
        now = core.now()
        user = User(
            id=UserId(core.ids.mint(now)),
            type="server",
            state=move(NEW, "create").state,
            created_at=now,
            confirmed_at=now,
        )
        new = _new(core, user, wanted, now, place=place)
        identity = Identity(
            provider=PROVIDER,
            id=new.key.id,
            login_key=new.key.id,
            data={"name": new.key.name},
            added_at=now,
        )
        decision: Decision[None] = Decision(
            result=None,
            new=attrs.evolve(user, identities=(identity,)),
            happenings=(
                Happening("create", NEW, user.state, codes={"provider": PROVIDER}),
                _happening("created", new.key),
            ),
            put=(api_key_put(new.key, None),),
        )
        try:
            commit_decision(core, by, None, decision)
        except KeyTaken as taken:
            if taken.key == name_key(None, wanted.name):
                raise ApiKeyNameTaken from None
            continue  # somebody else took this place
        return new
    raise TryLater("others are making server keys")


def _free_place(core: Core) -> int:
    """Return a place that no server key holds; each can be held by one, so that there are never
    more. Raises TooManyApiKeys."""
    most = core.settings.server_api_keys
    held = {key.place for key in of_server(core)}
    free = next((place for place in range(most) if place not in held), None)
    if free is None:
        raise TooManyApiKeys(most, "server_api_keys")
    return free


def _new(
    core: Core, user: User, wanted: Asked, now: datetime, *, place: int | None = None
) -> NewApiKey:
    key_id = ApiKeyId(core.ids.mint(now))
    text = mint_text(key_id, server=place is not None)
    key = ApiKey(
        id=key_id,
        user=user.id,
        name=wanted.name,
        digest=token_digest(text.reveal()),
        epoch=user.keys_epoch,
        place=place,
        scopes=wanted.scopes,
        created_at=now,
        expires_at=None if wanted.lifetime is None else now + wanted.lifetime,
        version=1,
    )
    return NewApiKey(key=key, text=text)


def of_user(core: Core, user_id: str) -> tuple[ApiKey, ...]:
    """Return a user's keys, oldest first; none of those that died with an earlier time of hers."""
    user = load(core, user_id)
    return tuple(k for k in _listed(core, f"keys-of/{user.id}") if k.epoch == user.keys_epoch)


def of_server(core: Core) -> tuple[ApiKey, ...]:
    """Return the keys of the application's servers, oldest first."""
    return _listed(core, "server-keys")


def _listed(core: Core, label: str) -> tuple[ApiKey, ...]:
    found: list[ApiKey] = []
    after = None
    while True:
        page = core.store.page("api-key", label, after, 100)
        found += [api_key_from(record) for record in page.items]
        after = page.next
        if after is None:
            return tuple(found)


def get(core: Core, key_id: str, user_id: str | None) -> ApiKey:
    """Return a key by its id. Raises ApiKeyNotFound, also if it is not that user's."""
    record = core.store.get("api-key", key_id)
    key = None if record is None else api_key_from(record)
    if key is None or (user_id is not None and (key.user != user_id or key.is_server)):
        raise ApiKeyNotFound
    return key


def set_disabled(
    core: Core, by: Acting, key_id: str, user_id: str | None, *, disabled: bool
) -> ApiKey:
    """Switch a key off or on; off ends the sessions that it opened."""
    trigger = "disabled" if disabled else "enabled"
    key = _change(
        core, by, key_id, user_id, trigger, lambda key: attrs.evolve(key, disabled=disabled)
    )
    if disabled:
        _end_sessions(core, key)
    return key


def delete(core: Core, by: Acting, key_id: str, user_id: str | None) -> None:
    """Delete a key; the sessions that it opened end. A server key's own user goes with it."""
    key = get(core, key_id, user_id)
    if key.is_server:
        _delete_server_user(core, by, key)
    else:
        _change(core, by, key_id, user_id, "deleted", lambda key: None)
    _end_sessions(core, key)


def _delete_server_user(core: Core, by: Acting, key: ApiKey) -> None:
    def decide(user: User) -> Decision[None]:
        move(user.state, "delete")
        decision = removed(core, user, "delete", None)  # the key is among what goes at once
        return decision._replace(happenings=(_happening("deleted", key), *decision.happenings))

    try:
        change_user(core, by, key.user, decide)
    except UserNotFound:
        raise ApiKeyNotFound from None  # its user is gone, and the worker takes the key


def _change(
    core: Core,
    by: Acting,
    key_id: str,
    user_id: str | None,
    trigger: str,
    change: Callable[[ApiKey], ApiKey | None],
) -> ApiKey:
    """Commit what *change* makes of a key – None: it goes –, reading it again when it moved."""
    for _ in range(TRIES):
        key = get(core, key_id, user_id)
        new = change(key)
        if new == key:
            return key
        owner = core.store.get("user", key.user)
        if owner is None:
            raise ApiKeyNotFound
        decision: Decision[None] = Decision(
            result=None,
            happenings=(_happening(trigger, key),),
            put=() if new is None else (api_key_put(new, key.version),),
            remove=(
                *((Remove("api-key", key.id, key.version),) if new is None else ()),
                *(_opened_by(core, key) if new is None or new.disabled else ()),
            ),
        )
        _, written = build(core, by, user_from(owner), decision)
        try:
            commit(core, written)
        except VersionMoved:
            continue
        return key if new is None else attrs.evolve(new, version=key.version + 1)
    raise TryLater("others are changing this key")


def _end_sessions(core: Core, key: ApiKey) -> None:
    """End the sessions of *key* that were opened while it ended: one that is opened even now ends
    itself (`log_in`), and what a crash leaves of them is not refreshed."""
    if left := _opened_by(core, key):
        commit(core, Change(remove=left))


def _opened_by(core: Core, key: ApiKey) -> tuple[Remove, ...]:
    """Return what removes the sessions that *key* opened."""
    return tuple(
        Remove("session", session.id)
        for session in sessions_of(core, key.user)
        if (session.provider, session.identity) == (PROVIDER, key.id)
    )


def is_over(core: Core, session: Session) -> bool:
    """Return whether a key opened *session* that opens nothing any more."""
    if session.provider != PROVIDER:
        return False
    record = core.store.get("api-key", session.identity)
    return record is None or not core.api_keys.is_live(api_key_from(record))


def verify(core: Core, text: Secret, scope: str | None) -> ApiKey:
    """Return the live key with this text; see `ApiKeys.verify`."""
    open_provider(core, PROVIDER)
    key = core.api_keys.find(text.reveal())
    owner = None if key is None else core.store.get("user", key.user)
    if key is None or owner is None:
        raise WrongCredentials
    body = owner.body  # a whole record costs more than all the rest here
    if body["state"] != "confirmed" or body.get("disabled", False) or body.get("delete_at"):
        raise WrongCredentials
    if scope is not None and scope not in key.scopes:
        raise WrongCredentials
    return key


def _happening(trigger: str, key: ApiKey) -> Happening:
    codes = {"api_key": key.id}
    return Happening(f"api-key-{trigger}", codes=codes, detail={"name": key.name})
