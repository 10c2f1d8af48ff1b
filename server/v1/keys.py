"""Sessions and keys: a user's, the application's servers', the admins', and those that sign.

Whoever makes a key for a user, or switches one on, can come in as that user: that is an owner's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

import admit
from admit.records import AdminKey, ApiKey, NewApiKey, Session

from ..asking import Ask
from ..bodies import Body
from .asked import check_scope, duration, named, shown, verb

SessionShown = shown(Session)
ApiKeyShown = shown(ApiKey)
AdminKeyShown = shown(AdminKey)


class NewKey(Body):
    """A key to be made."""

    name: str
    scopes: list[str] = msgspec.field(default_factory=list)
    lifetime: str | None = None
    """Such as `90 days`; None: it does not expire."""


class NewAdminKey(Body):
    """An admin key to be made."""

    name: str
    scope: str
    expires_at: datetime | None = None


class MadeKey(Body):
    """A key that was made, with its text, shown this once."""

    key: ApiKeyShown  # type: ignore[valid-type]
    text: str


class MadeAdminKey(Body):
    """An admin key that was made, with its private half, shown this once."""

    key: AdminKeyShown  # type: ignore[valid-type]
    private_key: str


class SigningKeyShown(Body):
    """A key that signs access tokens, will or did."""

    id: str
    algorithm: str
    state: str
    signs_from: datetime | None = None
    verifies_until: datetime | None = None


class Rotation(Body):
    """How a signing key is replaced: durations such as `1 hour`."""

    publish_for: str = "0s"
    overlap: str | None = None


def _made(new: NewApiKey) -> dict[str, Any]:
    return {"key": new.key, "text": new.text.reveal()}


def _lifetime(body: NewKey) -> timedelta | None:
    return None if body.lifetime is None else duration("lifetime", body.lifetime)


def _disable(engine: admit.Engine, ask: Ask, body: None) -> ApiKey:
    key = engine.api_keys.get(ask.part("key"))
    if key.is_server:
        check_scope(ask, "owner")
    return engine.api_keys.disable(key.id)


def _create_admin_key(engine: admit.Engine, ask: Ask, body: NewAdminKey) -> dict[str, Any]:
    scope: Any = body.scope
    new = engine.admin_keys.create(body.name, scope=scope, expires_at=body.expires_at)
    return {"key": new.key, "private_key": new.private_key.reveal()}


def _rotate(engine: admit.Engine, ask: Ask, body: Rotation) -> Any:
    return engine.sessions.rotate_keys(
        publish_for=duration("publish_for", body.publish_for),
        overlap=None if body.overlap is None else duration("overlap", body.overlap),
    )


ROUTES = [
    verb(
        "GET",
        "/users/{who}/sessions",
        "List the live sessions of a user, oldest first.",
        lambda engine, ask, body: engine.sessions.of(**named(ask)),
        scope="viewer",
        answer=list[SessionShown],  # type: ignore[valid-type]
    ),
    verb(
        "DELETE",
        "/sessions/{session}",
        "End one session.",
        lambda engine, ask, body: engine.sessions.end(ask.part("session")),
        scope="support",
    ),
    verb(
        "GET",
        "/users/{who}/api-keys",
        "List the API keys of a user, oldest first.",
        lambda engine, ask, body: engine.api_keys.of(**named(ask)),
        scope="viewer",
        answer=list[ApiKeyShown],  # type: ignore[valid-type]
    ),
    verb(
        "POST",
        "/users/{who}/api-keys",
        "Make an API key of a user.",
        lambda engine, ask, body: _made(
            engine.api_keys.create(
                **named(ask), name=body.name, scopes=body.scopes, lifetime=_lifetime(body)
            )
        ),
        scope="owner",
        answer=MadeKey,
        status=201,
        body=NewKey,
    ),
    verb(
        "GET",
        "/api-keys",
        "List the API keys of the application's servers, oldest first.",
        lambda engine, ask, body: engine.api_keys.of_server(),
        scope="viewer",
        answer=list[ApiKeyShown],  # type: ignore[valid-type]
    ),
    verb(
        "POST",
        "/api-keys",
        "Make an API key for a server of the application.",
        lambda engine, ask, body: _made(
            engine.api_keys.create_server_key(
                name=body.name, scopes=body.scopes, lifetime=_lifetime(body)
            )
        ),
        scope="owner",
        answer=MadeKey,
        status=201,
        body=NewKey,
    ),
    verb(
        "GET",
        "/api-keys/{key}",
        "Show an API key, whoever's it is.",
        lambda engine, ask, body: engine.api_keys.get(ask.part("key")),
        scope="viewer",
        answer=ApiKeyShown,
    ),
    verb(
        "POST",
        "/api-keys/{key}/disable",
        "Switch an API key off. A server's needs the scope owner.",
        _disable,
        scope="support",
        answer=ApiKeyShown,
    ),
    verb(
        "POST",
        "/api-keys/{key}/enable",
        "Switch an API key on again.",
        lambda engine, ask, body: engine.api_keys.enable(ask.part("key")),
        scope="owner",
        answer=ApiKeyShown,
    ),
    verb(
        "DELETE",
        "/api-keys/{key}",
        "Delete an API key, and end its sessions.",
        lambda engine, ask, body: engine.api_keys.delete(ask.part("key")),
        scope="owner",
    ),
    verb(
        "GET",
        "/admin-keys",
        "List the admin keys, oldest first.",
        lambda engine, ask, body: engine.admin_keys.all(),
        scope="owner",
        answer=list[AdminKeyShown],  # type: ignore[valid-type]
    ),
    verb(
        "POST",
        "/admin-keys",
        "Make an admin key.",
        _create_admin_key,
        scope="owner",
        answer=MadeAdminKey,
        status=201,
        body=NewAdminKey,
    ),
    verb(
        "POST",
        "/admin-keys/{key}/disable",
        "Switch an admin key off, and end its sessions.",
        lambda engine, ask, body: engine.admin_keys.disable(ask.part("key")),
        scope="owner",
        answer=AdminKeyShown,
    ),
    verb(
        "POST",
        "/admin-keys/{key}/enable",
        "Switch an admin key on again.",
        lambda engine, ask, body: engine.admin_keys.enable(ask.part("key")),
        scope="owner",
        answer=AdminKeyShown,
    ),
    verb(
        "DELETE",
        "/admin-keys/{key}",
        "Delete an admin key, and end its sessions.",
        lambda engine, ask, body: engine.admin_keys.delete(ask.part("key")),
        scope="owner",
    ),
    verb(
        "GET",
        "/signing-keys",
        "List the keys that sign access tokens, will or did.",
        lambda engine, ask, body: engine.sessions.signing_keys(),
        scope="viewer",
        answer=list[SigningKeyShown],
    ),
    verb(
        "GET",
        "/signing-keys/jwks",
        "Give the public ones, as a JSON Web Key Set.",
        lambda engine, ask, body: engine.sessions.jwks(),
        scope="viewer",
        answer=dict[str, Any],
    ),
    verb(
        "POST",
        "/signing-keys",
        "Let a new key sign access tokens.",
        _rotate,
        scope="owner",
        answer=list[SigningKeyShown],
        body=Rotation,
    ),
]
