"""Users: listed, created, shown, switched off and on, logged out, deleted, readdressed."""

from __future__ import annotations

import contextlib
import re
from datetime import datetime
from typing import Any, Final

import msgspec
from starlette.responses import Response

import admit
from admit.errors import InvalidInput, PasswordRefused, UserNotFound

from ..admins import Admin
from ..answers import nothing, told
from ..asking import Ask, one_of
from ..bodies import Body
from ..hosting import Hosted, derived_id
from ..routes import Route
from .entering import in_path
from .registration_ids import is_registration, user_of
from .rows import APP, acts, reads
from .telling import Refused
from .user_lists import MOST, confirmed_users

PASSWORDS: Final = "local-userpass"
_ID: Final = re.compile(r"[0-9a-fA-F]{24}")
_LONGEST_ADDRESS: Final = 128


class IdentityShown(Body, omit_defaults=True):
    """One identity of a user."""

    id: str
    provider_type: str
    provider_id: str
    provider_data: dict[str, Any] = msgspec.field(default_factory=dict)


class UserShown(Body):
    """A user, as admins' clients see it. Instants are whole seconds since 1970."""

    id: str = msgspec.field(name="_id")
    type: str
    identities: list[IdentityShown]
    creation_date: int
    last_authentication_date: int
    """0: never."""
    disabled: bool
    data: dict[str, Any]


class NewUser(Body):
    """A user to be created. Without a password, one who sets it by the mail that goes out."""

    email: str
    password: str | None = None


class NewAddress(Body):
    """The address that a user shall have."""

    email: str


class DeviceShown(Body):
    """Where a user is logged in."""

    id: str = msgspec.field(name="_id")
    device_id: str
    platform: str
    last_used: int


def shown(user: admit.User, hosted: Hosted) -> UserShown:
    """Return what admins see of *user*."""
    data: dict[str, Any] = {}
    for identity in user.identities:
        data |= identity.data
    seen = None if user.first_log_in_at is None else user.last_seen_at or user.first_log_in_at
    return UserShown(
        id=user.id,
        type=user.type,
        identities=[
            IdentityShown(
                id=identity.id,
                provider_type=identity.provider,
                # cli/go reads 24 hex digits, and drops the whole list at anything else.
                provider_id=derived_id(f"provider {identity.provider}", hosted.app_id),
                provider_data=dict(identity.data),
            )
            for identity in user.identities
        ],
        creation_date=_seconds(user.created_at),
        last_authentication_date=0 if seen is None else _seconds(seen),
        # Who is leaving comes in no more than who is switched off.
        disabled=user.disabled or user.delete_at is not None,
        data=data,
    )


async def list_all(ask: Ask) -> Response:
    """Answer with confirmed users."""
    admin = await in_path(ask)
    one_of("sort", ask.query("sort"), ("_id",))
    descending = one_of("desc", ask.query("desc"), ("true", "false")) == "true"
    status = one_of("status", ask.query("status"), ("enabled", "disabled"))
    providers = tuple(name for name in (ask.query("provider_types") or "").split(",") if name)
    limit, after = page_limit(ask), ask.query("after")
    users = await ask.call(
        confirmed_users,
        admin.engine,
        after=None if after is None else checked_id(after, "after"),
        limit=limit,
        descending=descending,
        status=status,
        providers=providers,
    )
    return told([shown(user, admin.hosted) for user in users])


async def count(ask: Ask) -> Response:
    """Answer with the number of confirmed users."""
    admin = await in_path(ask)
    return told(await ask.call(admin.engine.users.count, "confirmed"))


async def create(ask: Ask) -> Response:
    """Create a user that is confirmed at once."""
    admin = await in_path(ask)
    given = await ask.body(NewUser)
    user = await ask.call(_created, admin.engine, given)
    return told(shown(user, admin.hosted), 201)


def _created(engine: admit.Engine, given: NewUser) -> admit.User:
    try:
        user = engine.create(given.email, given.password, must_change=False)
    except PasswordRefused as refused:
        if "characters" not in refused.rule:
            raise
        least, most = map(engine.settings.get, ("password_min_length", "password_max_length"))
        sentence = f"password must be between {least} and {most} characters"
        raise Refused(400, "BadRequest", sentence) from None
    return user if given.password is not None else engine.reset(user)


async def show(ask: Ask) -> Response:
    """Answer with one user."""
    admin = await in_path(ask)
    return told(shown(await ask.look(found, admin, ask.part("user_id")), admin.hosted))


async def delete(ask: Ask) -> Response:
    """Delete a user. A registration's id deletes nobody."""
    admin = await in_path(ask)
    await ask.call(lambda: admin.engine.delete(found(admin, ask.part("user_id"))))
    return nothing()


async def enable(ask: Ask) -> Response:
    """Let a user, or who will be one, log in again."""
    admin = await in_path(ask)
    await ask.call(lambda: admin.engine.enable(found_any(admin, ask.part("user_id"))))
    return nothing()


async def disable(ask: Ask) -> Response:
    """Let a user, or who will be one, not log in."""
    admin = await in_path(ask)
    await ask.call(lambda: admin.engine.disable(found_any(admin, ask.part("user_id"))))
    return nothing()


async def log_out(ask: Ask) -> Response:
    """End every session of a user."""
    admin = await in_path(ask)
    await ask.call(lambda: admin.engine.log_out_all(found(admin, ask.part("user_id"))))
    return nothing()


async def reset_email(ask: Ask) -> Response:
    """Give a user another address, at once; that of before is told."""
    admin = await in_path(ask)
    to = (await ask.body(NewAddress)).email
    if not 1 <= len(to) <= _LONGEST_ADDRESS:
        raise InvalidInput("email", f"must have 1 to {_LONGEST_ADDRESS} characters.")
    await ask.call(_readdress, admin, ask.part("user_id"), to)
    return nothing()


def _readdress(admin: Admin, user_id: str, to: str) -> None:
    user = found(admin, user_id)
    if user.identity(PASSWORDS) is None:
        raise Refused(400, "BadRequest", f"user has no {PASSWORDS} identity")
    admin.engine.identities.change_address_manually(user, to=to)


async def list_devices(ask: Ask) -> Response:
    """Answer with where a user is logged in."""
    admin = await in_path(ask)

    def sessions() -> list[DeviceShown]:
        user = found(admin, ask.part("user_id"))
        return [
            DeviceShown(
                id=session.id,
                device_id=session.device_id or "0" * 24,
                platform=session.device or "",
                last_used=_seconds(session.refreshed_at),
            )
            for session in admin.engine.sessions.of(user)
        ]

    return told(await ask.call(sessions))


def found(admin: Admin, user_id: str) -> admit.User:
    """Return a confirmed user. Raises UserNotFound, also for one that waits or was absorbed: their
    ids are no users' here."""
    user = _by_id(admin, user_id)
    if user.state != "confirmed":
        raise UserNotFound
    return user


def found_any(admin: Admin, user_id: str) -> admit.User:
    """Return a confirmed user, or a pending one by its registration's id. Raises UserNotFound."""
    try:
        return found(admin, user_id)
    except UserNotFound:
        if not _ID.fullmatch(user_id) or not is_registration(user_id):
            raise
        return registered(admin, user_id)


def registered(admin: Admin, registration: str) -> admit.User:
    """Return whose registration has this odd id. Raises UserNotFound.

    An imported one may have that very id: under it she stands in the list of pending users, and so
    it is she who is meant, never the even neighbour.
    """
    with contextlib.suppress(UserNotFound):
        user = _by_id(admin, registration)
        if user.state == "pending":
            return user
    return _by_id(admin, user_of(registration))


def _by_id(admin: Admin, user_id: str) -> admit.User:
    if not _ID.fullmatch(user_id):
        raise UserNotFound
    user = admin.engine.users.get(user_id.lower())
    if user.id != user_id.lower():
        raise UserNotFound
    return user


def checked_id(text: str, field: str) -> str:
    """Return an id of a query. Raises InvalidInput."""
    if not _ID.fullmatch(text):
        raise InvalidInput(field, "must be 24 hex digits.")
    return text.lower()


def page_limit(ask: Ask) -> int:
    """Return how many are asked for: 50 at most. Raises InvalidInput."""
    text = ask.query("limit")
    if text is None:
        return MOST
    if not text.isascii() or not text.isdecimal() or not int(text[:9]) > 0:
        raise InvalidInput("limit", "must be a whole number from 1 on.")
    return min(MOST, int(text[:9]))


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())


_USER = f"{APP}/users/{{user_id}}"
ROUTES: list[Route] = [
    reads(
        f"{APP}/users",
        list_all,
        "List confirmed users, 50 at most.",
        list[UserShown],
        query={
            "after": "The id of the last one before.",
            "sort": "_id, the only order there is.",
            "desc": "true: the newest first.",
            "status": "enabled or disabled; without it, both.",
            "provider_types": "Providers of identities, by commas; any of them.",
            "limit": "How many; 50 at most.",
        },
    ),
    reads(f"{APP}/users_count", count, "Count confirmed users.", int),
    acts(
        "POST",
        f"{APP}/users",
        create,
        "Create a user that is confirmed at once.",
        body=NewUser,
        answers={201: UserShown},
    ),
    reads(_USER, show, "Show a user.", UserShown),
    acts("DELETE", _USER, delete, "Delete a user."),
    acts("PUT", f"{_USER}/enable", enable, "Let a user log in again."),
    acts("PUT", f"{_USER}/disable", disable, "Let a user not log in, and end its sessions."),
    acts("PUT", f"{_USER}/logout", log_out, "End the sessions of a user."),
    acts(
        "PATCH",
        f"{_USER}/reset_email",
        reset_email,
        "Give a user another address.",
        scope="owner",  # whoever has the mailbox of an account has the account, by a reset
        body=NewAddress,
    ),
    reads(f"{_USER}/devices", list_devices, "List where a user is logged in.", list[DeviceShown]),
]
