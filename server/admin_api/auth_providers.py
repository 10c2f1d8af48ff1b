"""Providers of users, as App Services wrote them down: listed, created, changed, switched."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from ..admins import Admin
from ..answers import nothing, told
from ..appservices.provider_settings import provider_objects
from ..asking import Ask
from ..hosting import Hosted, derived_id
from ..routes import Route
from . import provider_changes
from .entering import in_path
from .rows import APP, acts, reads
from .telling import Refused

Shown = dict[str, Any]
"""A provider object: `_id`, `name`, `type`, `disabled`, and what its type has."""


def shown(hosted: Hosted, kind: str, provider: dict[str, Any]) -> Shown:
    """Return a provider object with its id: the one that identities of users name."""
    return {"_id": _id(hosted, kind), **provider}


async def list_all(ask: Ask) -> Response:
    """Answer with those that are configured, and those that every application has."""
    admin = await in_path(ask)
    found = await ask.call(provider_objects, admin.engine)
    return told([shown(admin.hosted, kind, provider) for kind, provider in found.items()])


async def create(ask: Ask) -> Response:
    """Configure one more."""
    admin = await in_path(ask)
    given = await ask.body(dict[str, Any])

    def made() -> Shown:
        kind = provider_changes.created(admin.engine, admin.hosted, given)
        return shown(admin.hosted, kind, provider_objects(admin.engine)[kind])

    return told(await ask.call(made), 201)


async def show(ask: Ask) -> Response:
    """Answer with one."""
    admin = await in_path(ask)

    def found() -> Shown:
        kind = _kind(admin, ask.part("provider_id"))
        return shown(admin.hosted, kind, provider_objects(admin.engine)[kind])

    return told(await ask.call(found))


async def change(ask: Ask) -> Response:
    """Change what is given of one, and keep the rest."""
    admin = await in_path(ask)
    given = await ask.body(dict[str, Any])

    def changed() -> None:
        kind = _kind(admin, ask.part("provider_id"))
        provider_changes.changed(admin.engine, admin.hosted, kind, given)

    await ask.call(changed)
    return nothing()


async def enable(ask: Ask) -> Response:
    """Let users come in with it."""
    return await _switch(ask, enabled=True)


async def disable(ask: Ask) -> Response:
    """Let nobody come in with it; who is in stays."""
    return await _switch(ask, enabled=False)


async def delete(ask: Ask) -> Response:
    """Take back what was set of one."""
    admin = await in_path(ask)
    engine = admin.engine
    await ask.call(lambda: provider_changes.deleted(engine, _kind(admin, ask.part("provider_id"))))
    return nothing()


async def _switch(ask: Ask, *, enabled: bool) -> Response:
    admin = await in_path(ask)

    def switched() -> None:
        kind = _kind(admin, ask.part("provider_id"))
        provider_changes.switched(admin.engine, kind, enabled=enabled)

    await ask.call(switched)
    return nothing()


def _id(hosted: Hosted, kind: str) -> str:
    return derived_id(f"provider {kind}", hosted.app_id)


def _kind(admin: Admin, provider_id: str) -> str:
    for kind in provider_objects(admin.engine):
        if _id(admin.hosted, kind) == provider_id:
            return kind
    raise Refused(404, "AuthProviderNotFound", "auth provider not found")


_ALL = f"{APP}/auth_providers"
_ONE = f"{_ALL}/{{provider_id}}"
ROUTES: list[Route] = [
    reads(_ALL, list_all, "List the providers of users.", list[Shown]),
    acts(
        "POST",
        _ALL,
        create,
        "Configure a provider.",
        scope="owner",
        body=Shown,
        answers={201: Shown},
    ),
    reads(_ONE, show, "Show a provider; of its secrets the names.", Shown),
    acts("PATCH", _ONE, change, "Change a provider.", scope="owner", body=Shown),
    acts("PUT", f"{_ONE}/enable", enable, "Let users come in with it.", scope="owner"),
    acts("PUT", f"{_ONE}/disable", disable, "Let nobody come in with it.", scope="owner"),
    acts("DELETE", _ONE, delete, "Take a provider back.", scope="owner"),
]
