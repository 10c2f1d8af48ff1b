"""Admins come in: log-in with a key, their profile, refresh and log-out; and for which application
a path asks."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from admit.records import AdminScope

from ..admins import Admin, admin_of, of_public_key, of_refresh_token, stranger
from ..answers import nothing, told
from ..asking import Ask
from ..bodies import Body
from ..hosting import derived_id
from ..routes import Route
from .telling import Refused

PROVIDER: Final = "mongodb-cloud"
"""The provider of admins' keys, as existing clients name it."""
NO_DEVICE: Final = "0" * 24
ROLES: Final[dict[AdminScope, str]] = {
    "viewer": "GROUP_READ_ONLY",
    "support": "GROUP_USER_SUPPORT",
    "owner": "GROUP_OWNER",
}


class ProviderShown(Body):
    """A way in for admins."""

    name: str
    type: str
    disabled: bool


class KeyGiven(Body):
    """Both halves of an admin key."""

    username: str
    apiKey: str


class LoggedIn(Body):
    """The tokens of a session."""

    access_token: str
    refresh_token: str
    user_id: str
    device_id: str


class Refreshed(Body):
    """A new access token."""

    access_token: str


class Role(Body):
    """What an admin may do, and where."""

    role_name: str
    group_id: str


class AdminIdentity(Body):
    """How an admin is known."""

    id: str
    provider_type: str
    provider_id: str


class AdminData(Body):
    """What an admin is called."""

    email: str
    name: str


class AdminProfile(Body):
    """Who an admin is."""

    user_id: str
    domain_id: str
    identities: list[AdminIdentity]
    data: AdminData
    type: str
    roles: list[Role]


async def in_path(ask: Ask) -> Admin:
    """Return who asks, for the application that the path names.

    Raises:
        As `admin_of`; Refused: it is another one than that of the token, or none, alike.
    """
    admin = await admin_of(ask)
    hosted = admin.hosted
    if (ask.part("group_id"), ask.part("app_id")) != (hosted.group_id, hosted.internal_id):
        raise Refused(404, "", "app not found")
    return admin


async def list_providers(ask: Ask) -> Response:
    """Answer with the ways in."""
    return told(
        [
            ProviderShown(name=PROVIDER, type=PROVIDER, disabled=False),
            ProviderShown(name="local-userpass", type="local-userpass", disabled=True),
        ]
    )


async def log_in(ask: Ask) -> Response:
    """Open a session of an admin key."""
    given = await ask.body(KeyGiven)
    hosted = await of_public_key(ask, given.username)
    keys = stranger(ask, hosted).admin_keys
    opened = await ask.call(keys.log_in, given.username, given.apiKey)
    answer = LoggedIn(
        access_token=opened.access_token.reveal(),
        refresh_token=opened.refresh_token.reveal(),
        user_id=opened.key.id,
        device_id=NO_DEVICE,
    )
    return told(answer)


async def log_in_by_password(ask: Ask) -> Response:
    """Refuse: an admin has a key, and nothing that people choose."""
    raise Refused(404, "AuthProviderNotFound", "authentication via 'local-userpass' is unsupported")


async def show_profile(ask: Ask) -> Response:
    """Answer who the admin is."""
    admin = await admin_of(ask)
    hosted, key = admin.hosted, admin.access.key
    provider_id = derived_id(f"provider {PROVIDER}", hosted.app_id)
    return told(
        AdminProfile(
            user_id=key.id,
            domain_id=hosted.domain_id,
            identities=[AdminIdentity(id=key.id, provider_type=PROVIDER, provider_id=provider_id)],
            data=AdminData(email=key.name, name=key.name),
            type="normal",
            roles=[Role(role_name=ROLES[key.scope], group_id=hosted.group_id)],
        )
    )


async def refresh(ask: Ask) -> Response:
    """Give a new access token; the refresh token stays."""
    _, session = await of_refresh_token(ask)
    return told(Refreshed(access_token=session.access_token.reveal()), 201)


async def log_out(ask: Ask) -> Response:
    """End a session."""
    hosted, _ = await of_refresh_token(ask)
    await ask.call(stranger(ask, hosted).admin_keys.log_out, ask.bearer)
    return nothing()


ROUTES = [
    Route(
        method="GET",
        path="/auth/providers",
        handler=list_providers,
        summary="List the ways in for admins.",
        answers={200: list[ProviderShown]},
        changes=False,
    ),
    Route(
        method="POST",
        path=f"/auth/providers/{PROVIDER}/login",
        handler=log_in,
        summary="Log in with an admin key: its public and its private half.",
        body=KeyGiven,
        answers={200: LoggedIn},
    ),
    Route(
        method="POST",
        path="/auth/providers/local-userpass/login",
        handler=log_in_by_password,
        summary="Always refused: admins have keys.",
        changes=False,
    ),
    Route(
        method="GET",
        path="/auth/profile",
        handler=show_profile,
        summary="Say who the admin is.",
        token="admin",  # noqa: S106 - which kind
        scope="viewer",
        answers={200: AdminProfile},
        changes=False,
    ),
    Route(
        method="POST",
        path="/auth/session",
        handler=refresh,
        summary="Give a new access token for a refresh token.",
        token="admin-refresh",  # noqa: S106 - which kind
        answers={201: Refreshed},
        changes=False,
    ),
    Route(
        method="DELETE",
        path="/auth/session",
        handler=log_out,
        summary="End the session of a refresh token.",
        token="admin-refresh",  # noqa: S106 - which kind
        answers={204: None},
    ),
]
