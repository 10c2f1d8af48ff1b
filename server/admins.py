"""Which admin asks: by the access token of a log-in, or by an admin key itself."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

import attrs

import admit
from admit.errors import AdminKeyNotFound, InvalidInput, SessionInvalid
from admit.records import AdminAccess

from .asking import Ask
from .hosting import Hosted

KEY_BEGINS: Final = "admit_ak_"
REASON: Final = "x-admit-reason"
"""The header in which an admin says why, percent-encoded; it is kept with the events."""


@attrs.frozen
class Admin:
    """Who asks, and for which application."""

    hosted: Hosted
    access: AdminAccess
    engine: admit.Engine
    """The application's, in which this admin acts."""


async def admin_of(ask: Ask) -> Admin:
    """Return who asks, if the scope suffices that the route needs.

    No path names the application of an admin for certain, so that of the token or key is looked
    for: each application has keys of its own.

    Raises:
        NoToken; SessionInvalid: the token is nobody's, or has ended.
        WrongCredentials, NoAdminKeys, TryLater: the same of a key.
        ScopeMissing: the scope does not suffice. InvalidInput: the reason is no text.
    """
    bearer, scope = ask.bearer, ask.route.scope or "viewer"
    if bearer.startswith(KEY_BEGINS):
        hosted = await of_public_key(ask, bearer[len(KEY_BEGINS) :][:24])
        keys = stranger(ask, hosted).admin_keys
        access = await ask.call(keys.verify_key, bearer, scope=scope)
        return _admin(ask, hosted, access)
    refused = SessionInvalid("malformed")
    for hosted in ask.applications.all:
        verify = stranger(ask, hosted).admin_keys.verify
        try:
            if hosted.inline:
                access = verify(bearer, scope=scope)
            else:
                access = await ask.call(verify, bearer, scope=scope)
        except SessionInvalid as problem:
            refused = problem
            continue
        return _admin(ask, hosted, access)
    raise refused


async def of_public_key(ask: Ask, public_key: str) -> Hosted:
    """Return the application whose admin key this is; else one that has keys, or the first: it
    refuses whoever comes with it."""
    return await ask.call(_with_key, ask.applications.all, public_key)


async def of_refresh_token(ask: Ask) -> tuple[Hosted, admit.AdminLogIn]:
    """Return the application and the session of the refresh token that came along, with a new
    access token.

    Raises:
        NoToken; SessionInvalid: it is nobody's, or has ended.
    """
    refused = SessionInvalid("malformed")
    for hosted in ask.applications.all:
        try:
            return hosted, await ask.call(hosted.engine.admin_keys.refresh, ask.bearer)
        except SessionInvalid as problem:
            refused = problem
    raise refused


def stranger(ask: Ask, hosted: Hosted) -> admit.Engine:
    """Return the engine in which somebody acts who has not shown yet which admin it is."""
    return _acting(ask, hosted, admit.Actor("admin"))


def _with_key(served: Sequence[Hosted], public_key: str) -> Hosted:
    for hosted in served:
        with contextlib.suppress(AdminKeyNotFound, InvalidInput):
            hosted.engine.admin_keys.get(public_key)
            return hosted
    return next((hosted for hosted in served if hosted.engine.admin_keys.all()), served[0])


def _admin(ask: Ask, hosted: Hosted, access: AdminAccess) -> Admin:
    return Admin(hosted, access, _acting(ask, hosted, access.actor))


def _acting(ask: Ask, hosted: Hosted, actor: admit.Actor) -> admit.Engine:
    said = ask.request.headers.get(REASON)
    return hosted.engine.acting(actor, None if said is None else unquote(said), client=ask.client)
