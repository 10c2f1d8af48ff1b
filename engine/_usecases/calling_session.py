"""The session that asks for something: it goes on when what it asked for ends all others (H2)."""

from __future__ import annotations

import attrs

from .._codec import session_from, session_put
from .._core import Core
from ..errors import SessionInvalid
from ..records import Identity, Session, User
from ..stores import Put
from .repeating import can_prove_again


def check_open(core: Core, user: User, asks: Session | None) -> None:
    """Return if the session that *asks* is still one of *user*'s, as both are now; None: nobody
    asks but the application. Raises SessionInvalid."""
    if asks is None:
        return
    found = _found(core, asks)
    if found.user != user.id or found.epoch != user.epoch or user.disabled:
        raise SessionInvalid("ended")


def _found(core: Core, asks: Session) -> Session:
    record = core.store.get("session", asks.id)
    if record is None:
        raise SessionInvalid("ended")
    return session_from(record)


def carried_on(
    core: Core, asks: Session | None, before: User, user: User, *, links: bool = False
) -> tuple[Put, ...]:
    """Return the write that lets the session that *asks* live on under the epoch of *user*, who
    was as *before*. When her keys die, one that none of her identities opened ends with them (H2).

    It is as fresh as its log-in, also where it *links*: the proof of an identity says nothing of
    whose the session is. For who had no credentials to give again, and was exempt so far, it is her
    log-in (security.md O6); nothing makes a key's session fresh.

    Raises:
        SessionInvalid: it was ended meanwhile.
    """
    if asks is None:
        return ()
    if user.keys_epoch != before.keys_epoch and not opened_with(before, asks):
        return ()
    found = _found(core, asks)
    new = attrs.evolve(found, epoch=user.epoch)
    if links and opened_with(before, asks) and not can_prove_again(core, before):
        new = attrs.evolve(new, authenticated_at=core.now())
    return () if new == found else (session_put(new, found.version),)


def opened_with(user: User, asks: Session | None) -> tuple[Identity, ...]:
    """Return the identity of *user* that the session was opened with: its proof was the caller's
    own. Empty when nobody but the application asks."""
    if asks is None:
        return ()
    opened = (asks.provider, asks.identity)
    return tuple(i for i in user.identities if (i.provider, i.id) == opened)
