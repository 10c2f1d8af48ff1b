"""Slowing down who guesses passwords, while nobody can lock the owner out (security.md P5).

Every try is counted before anything is looked up, and taken back when the password was right. There
are two counts of an account: of one client's network, and of all. When the first is full, that
network waits. When the second is full, a stranger's network has one try in the window – so a crowd
of them is slow, and an owner who comes from a new place still gets in with the right password –,
and a network from which the owner has a session goes on as before.

Without the client's address only the second count is there, and all wait until the window ends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import attrs

from .._core import Core
from .._events import Acting
from ..errors import TryLater
from ..records import User
from . import throttle
from .session_opening import network_digest, sessions_of

WINDOW: Final = timedelta(minutes=15)

_ACCOUNT, _PAIR, _NEIGHBOURS = "guesses", "guesses-from", "guesses-near"


@attrs.frozen
class Account:
    """Whose password is guessed, known or not."""

    name: str
    """What tells it from others before it is looked up, such as its provider and login key."""
    find: Callable[[], User | None]
    """Looks for the user."""


def count(core: Core, by: Acting, account: Account) -> None:
    """Count one try, before it is known whose it is and whether it is right.

    Raises:
        TryLater: too many were wrong; it says how long to wait, a quarter of an hour at most.
    """
    settings, address = core.settings, _address(by)
    if address is not None:
        pair = f"{account.name}|{throttle.network_of(address)}"
        _count(core, _PAIR, pair, settings.wrong_passwords_a_client)
    limit = settings.wrong_passwords_an_account
    wait = throttle.counted(core, _ACCOUNT, account.name, limit=limit, window=WINDOW)
    if wait is None:
        return
    if address is None:
        raise TryLater("too many wrong passwords were tried", wait)
    if not _is_known(core, account.find(), address):
        _count(core, _NEIGHBOURS, f"{account.name}|{throttle.neighbourhood_of(address)}", 1)


def was_right(core: Core, by: Acting, account: Account) -> None:
    """Take a try back that was right: its network may begin anew."""
    address, cleared = _address(by), []
    if address is not None:
        cleared = [
            (_PAIR, f"{account.name}|{throttle.network_of(address)}"),
            (_NEIGHBOURS, f"{account.name}|{throttle.neighbourhood_of(address)}"),
        ]
    throttle.take_back(core, [(_ACCOUNT, account.name)], cleared=cleared)


def begin_anew(core: Core, by: Acting, user: User) -> None:
    """Forget what was guessed of all logins of *user*, from where she proved her mailbox."""
    for identity in user.identities:
        if identity.key is not None:
            was_right(core, by, Account(identity.key, lambda: user))


def _count(core: Core, purpose: str, subject: str, limit: int) -> None:
    wait = throttle.counted(core, purpose, subject, limit=limit, window=WINDOW)
    if wait is not None:
        raise TryLater("too many wrong passwords were tried", wait)


def _address(by: Acting) -> str | None:
    return None if by.client is None else by.client.address


def _is_known(core: Core, user: User | None, address: str) -> bool:
    """Return whether the user has a session that was opened from the same network."""
    if user is None:
        return False
    wanted, now = network_digest(core, user.id, address), core.now()
    return any(
        s.network == wanted and s.epoch == user.epoch and s.expires_at > now
        for s in sessions_of(core, user.id)
    )
