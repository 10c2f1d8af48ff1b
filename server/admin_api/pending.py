"""Pending users: listed, deleted, confirmed, mailed or run again, by address or registration."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from starlette.responses import Response

import admit
from admit.addresses import canonical
from admit.errors import (
    FlowRefused,
    InvalidAddress,
    ProviderDisabled,
    ResendNotPossible,
    UserNotFound,
)

from ..admins import Admin
from ..answers import nothing, told
from ..asking import Ask
from ..bodies import Body
from ..hosting import Hosted
from ..routes import Route
from .entering import in_path
from .registration_ids import is_registration, registration_id, user_of
from .rows import APP, acts, reads
from .telling import Refused
from .user_lists import cursor_of
from .users import PASSWORDS, checked_id, page_limit, registered

Find = Callable[[Admin, str], admit.User]
_CONFIRMED: Final = (400, "UserAlreadyConfirmed", "already confirmed")


class LoginId(Body):
    """What somebody registered with."""

    id_type: str
    id: str


class PendingShown(Body):
    """Somebody who waits to be confirmed. `_id` is the registration's, no user's."""

    id: str = msgspec.field(name="_id")
    domain_id: str
    login_ids: list[LoginId]
    user_id: str = ""


class Taken(Body):
    """It was done, or has begun."""


def shown(user: admit.User, hosted: Hosted) -> PendingShown:
    """Return what admins see of a pending user."""
    return PendingShown(
        id=registration_id(user.id),
        domain_id=hosted.domain_id,
        login_ids=[LoginId(id_type="email", id=address.typed) for address in user.addresses[:1]],
    )


async def list_all(ask: Ask) -> Response:
    """Answer with pending users, oldest first."""
    admin = await in_path(ask)
    limit, after = page_limit(ask), ask.query("after")

    def page() -> list[admit.User]:
        cursor = None
        if after is not None:
            cursor = cursor_of(admin.engine, user_of(checked_id(after, "after")))
        return list(admin.engine.users.pending(after=cursor, limit=limit).items)

    return told([shown(user, admin.hosted) for user in await ask.call(page)])


def by_address(admin: Admin, address: str) -> admit.User:
    """Return who registered with *address*. Raises UserNotFound."""
    try:
        user = admin.engine.users.find(address)
    except InvalidAddress:
        raise UserNotFound from None
    wanted = canonical(address)
    if not any((i.provider, i.login_key) == (PASSWORDS, wanted) for i in user.identities):
        raise UserNotFound
    return user


def by_id(admin: Admin, registration: str) -> admit.User:
    """Return whose registration has this id. Raises UserNotFound."""
    if not is_registration(checked_id(registration, "id")):
        raise UserNotFound
    return registered(admin, registration)


def _is_new(user: admit.User) -> bool:
    """Whether the service would have listed it among the pending still: nobody logged in yet."""
    return user.state == "pending" or user.first_log_in_at is None


async def delete(ask: Ask, find: Find, named: str) -> Response:
    """Delete a registration; who has logged in is a user, and stays."""
    admin = await in_path(ask)

    def deleted() -> None:
        user = find(admin, named)
        if not _is_new(user):
            raise UserNotFound
        admin.engine.delete(user)

    await ask.call(deleted)
    return nothing()


async def confirm(ask: Ask, find: Find, named: str) -> Response:
    """Confirm by hand, past every flow."""
    admin = await in_path(ask)

    def confirmed() -> None:
        user = find(admin, named)
        if user.state == "pending":
            admin.engine.confirm_manually(user)
        elif not _is_new(user):
            raise Refused(*_CONFIRMED)

    await ask.call(confirmed)
    return nothing()


async def send_confirm(ask: Ask, find: Find, named: str) -> Response:
    """Send the confirmation message again, where the active flow sends one."""
    admin = await in_path(ask)

    def sent() -> None:
        user = _waiting(admin, find, named)
        try:
            admin.engine.resend(user)
        except ResendNotPossible as problem:
            raise Refused(400, "BadRequest", _instead(problem.flow, user)) from None

    await ask.call(sent)
    return told(Taken())


async def run_confirm(ask: Ask, find: Find, named: str) -> Response:
    """Run the flow that is active now, as often as wanted."""
    admin = await in_path(ask)

    def run() -> None:
        user = _waiting(admin, find, named)
        try:
            admin.engine.rerun(user)
        except FlowRefused:
            address = "" if user.address is None else user.address.typed
            raise Refused(400, "BadRequest", f'failed to confirm user "{address}"') from None

    await ask.call(run)
    return told(Taken(), 202)


def _waiting(admin: Admin, find: Find, named: str) -> admit.User:
    """Return the pending user. Raises Refused, UserNotFound, ProviderDisabled."""
    if not admin.engine.settings.get(f"{PASSWORDS}.enabled"):
        raise ProviderDisabled(PASSWORDS)
    user = find(admin, named)
    if user.state != "pending":
        raise Refused(*_CONFIRMED)
    return user


def _instead(flow: str, user: admit.User) -> str:
    if flow == "auto":
        address = "" if user.address is None else user.address.typed
        return f"cannot run confirmation for {address}: automatic confirmation is enabled"
    return "please use confirm via function"


Act = Callable[[Ask, Find, str], Awaitable[Response]]


def _addressed(act: Act) -> Callable[[Ask], Awaitable[Response]]:
    async def handler(ask: Ask) -> Response:
        return await act(ask, by_address, ask.part("email"))

    handler.__name__ = f"{act.__name__}_by_email"
    return handler


def _named(act: Act) -> Callable[[Ask], Awaitable[Response]]:
    async def handler(ask: Ask) -> Response:
        return await act(ask, by_id, ask.part("registration_id"))

    handler.__name__ = f"{act.__name__}_by_id"
    return handler


def _rows() -> list[Route]:
    """Return the rows by address and by id. What stands behind the name comes first: an address may
    come with a slash that was encoded."""
    rows = []
    for name, wrap in (
        ("by_email/{email:path}", _addressed),
        ("by_id/{registration_id}", _named),
    ):
        path = f"{APP}/user_registrations/{name}"
        rows += [
            acts(
                "POST",
                f"{path}/send_confirm",
                wrap(send_confirm),
                "Send the confirmation message again.",
                answers={200: Taken},
            ),
            acts("POST", f"{path}/confirm", wrap(confirm), "Confirm by hand."),
            acts(
                "POST",
                f"{path}/run_confirm",
                wrap(run_confirm),
                "Run the active flow again.",
                answers={202: Taken},
            ),
            acts("DELETE", path, wrap(delete), "Delete a registration."),
        ]
    return rows


ROUTES: list[Route] = [
    reads(
        f"{APP}/user_registrations/pending_users",
        list_all,
        "List pending users, oldest first, 50 at most.",
        list[PendingShown],
        query={"after": "The id of the last one before.", "limit": "How many; 50 at most."},
    ),
    *_rows(),
]
