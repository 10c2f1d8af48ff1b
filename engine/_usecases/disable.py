"""Disable and enable: a separate axis from the lifecycle."""

from __future__ import annotations

from .._commits import Decision, change_user
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from ..records import User
from .prepared import Finish, Prepared, done
from .runs import cancelled


def set_disabled(core: Core, by: Acting, user_id: str, disabled: bool) -> Prepared[User]:
    """Prepare switching the flag; see `Engine.disable` and `Engine.enable`. Done already: nothing
    is written."""

    def decide(settle: bool) -> Finish[User]:
        user, _ = change_user(core, by, user_id, switch, settle=settle)
        return done(user)

    def switch(user: User) -> Decision[None]:
        if user.disabled == disabled:
            return Decision(result=None)
        new = evolve(user, disabled=disabled)
        if disabled:
            # All sessions end at once, and enabling does not bring them back (S3): nor what was
            # asked for in one of them, a change of address.
            new = cancelled(evolve(new, epoch=user.epoch + 1), ("change-address",), core.now())
        happening = Happening("disable" if disabled else "enable")
        return Decision(result=None, new=new, happenings=(happening,))

    return Prepared(decide)
