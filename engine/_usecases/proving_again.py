"""Proving again who one is, within a session: what makes it fresh (security.md O6)."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from .._codec import session_from, session_put
from .._commits import Decision, change_user
from .._core import Core
from .._events import Acting, Happening
from ..errors import SessionInvalid, UserNotFound, WrongCredentials
from ..masked import Secret
from ..records import Session, User
from .log_in import proved_user
from .sessions import caller


def prove_again(
    core: Core,
    by: Acting,
    token: str | Secret,
    provider: str,
    credentials: Mapping[str, object],
) -> Session:
    """Take credentials of the caller's own; see `OwnSessions.prove_again`."""
    user, session = caller(core, token)
    proved = proved_user(core, by, provider, credentials)
    if proved.id != user.id:
        raise WrongCredentials  # somebody's, but not hers
    return proved_now(core, by, user, session, provider)


def proved_now(core: Core, by: Acting, user: User, session: Session, provider: str) -> Session:
    """Note that the user of a session has proved who she is at this moment.

    Raises:
        SessionInvalid: it ended meanwhile.
    """

    def decide(found: User) -> Decision[Session]:
        record = core.store.get("session", session.id)
        if record is None or record.body["epoch"] != found.epoch:
            raise SessionInvalid("ended")
        kept = session_from(record)
        new = attrs.evolve(kept, authenticated_at=core.now(), version=kept.version + 1)
        codes = {"provider": provider, "session": session.id}
        return Decision(
            result=new,
            happenings=(Happening("proved-again", codes=codes),),
            put=(session_put(new, kept.version),),
        )

    try:
        return change_user(core, by, user.id, decide)[1]
    except UserNotFound:
        raise SessionInvalid("ended") from None
