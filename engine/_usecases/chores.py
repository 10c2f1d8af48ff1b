"""What a user left to be done that is no run: a deleted one's traces, a confirmed one's rivals."""

from __future__ import annotations

import logging
from typing import Final

from .._codec import user_from
from .._commits import Decision, build, commit
from .._core import SYSTEM, Core
from .._evolve import evolve
from ..records import User
from ..stores import VersionMoved
from .confirming import rivals
from .delete import reject
from .erase_steps import erase_what_is_left
from .erasures import KIND as ERASURE

_log: Final = logging.getLogger("admit.worker")


def do_chore(core: Core, user: User) -> int:
    """Do what *user* left to be done. Returns 1, or 0 when there was nothing to do here."""
    if user.state == "deleted":
        return erase_what_is_left(core, user.id)
    _reject_rivals(core, user)
    if core.store.get(ERASURE, user.id) is not None:
        did = erase_what_is_left(core, user.id)
        _reject_rivals(core, user)  # who was marked for it meanwhile: the steps set their own time
        return did
    record = core.store.get("user", user.id)
    if record is None:
        return 1
    found = user_from(record)
    decision: Decision[None] = Decision(result=None, new=evolve(found, chore_at=None))
    _, change = build(core, SYSTEM, found, decision)
    try:
        commit(core, change)
    except VersionMoved:
        _log.info("user %s changed meanwhile; its chore is done again", user.id)
    return 1


def _reject_rivals(core: Core, user: User) -> None:
    while losers := rivals(core, user):
        for loser in losers:
            reject(core, loser.id)
