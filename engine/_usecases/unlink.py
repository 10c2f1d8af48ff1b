"""Unlink: a user loses an identity, never the last one that it could log in with."""

from __future__ import annotations

from typing import Final

from .._commits import Decision, change_user
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from .._text import check_text
from ..errors import IdentityNotFound, InvalidInput, LastIdentity, NotAllowed
from ..lifecycle import triggers_from
from ..records import Identity, Session, User
from .calling_session import carried_on, check_open
from .erasures import begun_of_unlinked
from .first_proof import named
from .notices import with_notice
from .prepared import Finish, Prepared, done
from .registering import was_registered
from .runs import cancelled
from .usable import usable

LONGEST_NAME: Final = 100
"""Of a provider, in characters: it is quoted when there is none."""


def unlink(
    core: Core,
    by: Acting,
    user_id: str,
    provider: str,
    identity_id: str | None = None,
    *,
    asks: Session | None = None,
) -> Prepared[User]:
    """Prepare the removal of an identity; see `Identities.unlink`."""
    check_text(provider, "provider", most=LONGEST_NAME)
    if identity_id is not None:
        check_text(identity_id, "identity")

    def decide(settle: bool) -> Finish[User]:
        return done(change_user(core, by, user_id, without_it, settle=settle, asked="unlink")[0])

    def without_it(user: User) -> Decision[None]:
        check_open(core, user, asks)
        if user.state != "confirmed":
            raise NotAllowed(user.state, "unlink", triggers_from(user.state))
        gone = _meant(user, provider, identity_id)
        rest = evolve(user, identities=tuple(i for i in user.identities if i is not gone))
        if not usable(core, rest):
            raise LastIdentity(provider)
        # A log-in with it that is under way commits a session of this epoch, and no new version of
        # the user: only a new epoch ends that as well.
        rest = evolve(rest, epoch=user.epoch + 1)
        if was_registered(core, gone):
            rest = cancelled(rest, ("reset", "change-address"), core.now())
        rest, erases = begun_of_unlinked(core, user, rest)
        new, told = with_notice(core, by, rest, "identity-unlinked")
        codes, detail = {"provider": provider}, {"unlinked": named((gone,))}
        return Decision(
            result=None,
            new=new,
            happenings=(Happening("unlink", codes=codes, detail=detail), *told),
            put=(*carried_on(core, asks, user, new), *erases),
        )

    return Prepared(decide)


def _meant(user: User, provider: str, identity_id: str | None) -> Identity:
    found = [
        identity
        for identity in user.identities
        if identity.provider == provider and identity_id in (None, identity.id)
    ]
    if not found:
        raise IdentityNotFound(provider)
    if len(found) > 1:
        raise InvalidInput("identity", "is needed: the user has several of this provider.")
    return found[0]
