"""What users do to their own accounts: by access token, or by the password that was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .._core import Core
from .._events import Acting
from ..errors import LogInRefused, SessionInvalid, UserNotFound, WrongCredentials
from ..masked import Secret
from ..records import Session, User
from . import fresh
from .calling_session import check_open
from .delete import delete
from .proof import check_unchanged

T = TypeVar("T")


def as_caller(
    core: Core,
    access_token: str | Secret,
    call: Callable[[User, Session], T],
    *,
    needs_fresh: bool = True,
) -> T:
    """Return what *call* comes to for the caller and her session.

    Raises:
        SessionInvalid: the token opens nothing, or she was deleted or merged since it was looked
            up. FreshLogInNeeded.
    """
    owner, asks = fresh.caller(core, access_token, fresh=needs_fresh)
    try:
        return call(owner, asks)
    except UserNotFound:
        raise SessionInvalid("ended") from None


def delete_by_session(core: Core, by: Acting, access_token: str | Secret) -> User:
    """Delete the caller, while her session is open. Returns what is left of her. Raises as
    `as_caller`; Vetoed, PluginFailed."""

    def delete_her(owner: User, asks: Session) -> User:
        def check(user: User) -> None:
            check_open(core, user, asks)

        return delete(core, by, owner.id, check=check).run()

    return as_caller(core, access_token, delete_her)


def delete_by_password(core: Core, by: Acting, owner: User) -> User:
    """Delete *owner*, whose password was right a moment ago, if it still is. Returns what is left
    of her. Raises LogInRefused; Vetoed, PluginFailed."""

    def check(user: User) -> None:
        check_unchanged(core, user, owner)

    try:
        return delete(core, by, owner.id, check=check).run()
    except (UserNotFound, WrongCredentials):
        raise LogInRefused from None
