"""Create: an admin makes a user that is confirmed at once, past the flow."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from .._commits import Decision, commit_decision, record_refusal
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from .._text import check_text
from ..errors import AddressTaken, InvalidInput
from ..lifecycle import NEW, move
from ..masked import Secret
from ..records import User
from ..stores import KeyTaken
from .confirming import address_taken, rivals
from .given_passwords import MAY_STAY, MUST_CHANGE, SET_BY
from .prepared import Finish, Prepared, done
from .register import new_user, registering_provider, validate


def create(
    core: Core,
    by: Acting,
    login: str,
    password: Secret | None = None,
    *,
    provider: str | None = None,
    data: Mapping[str, object] | None = None,
    password_hash: str | None = None,
    must_change: bool = True,
) -> Prepared[User]:
    """Prepare a manual creation; see `Engine.create`."""
    if password is not None and password_hash is not None:
        raise InvalidInput("password_hash", "is given beside a password: one of the two.")
    valid = validate(core, by, login, password, provider=provider, data=data, asks_plugins=False)
    if password is not None:
        # Whoever chose it knows it: marked, and to be changed before it opens anything (P6).
        private = {**valid.private, SET_BY: MUST_CHANGE if must_change else MAY_STAY}
        valid = attrs.evolve(valid, private=private)

    if password_hash is not None:  # hers from before: nobody here chose it
        valid = attrs.evolve(valid, private=imported_private(core, valid.provider, password_hash))

    def decide(settle: bool) -> Finish[User]:
        step = move(NEW, "create")
        now = core.now()
        user = evolve(new_user(core, valid), state=step.state, confirmed_at=now)
        if rivals(core, user):  # they waited under `first-proof`; the worker rejects them
            user = evolve(user, chore_at=now)
            core.work_waits.set()
        happening = Happening(
            "create",
            NEW,
            step.state,
            codes={"provider": valid.provider},
            detail={} if valid.asked.address is None else {"address": valid.asked.address},
        )
        decision = Decision(result=None, new=user, happenings=(happening,))
        try:
            return done(commit_decision(core, by, None, decision, settle=settle))
        except KeyTaken as taken:
            record_refusal(core, by, None, "create", AddressTaken.code)
            raise address_taken(core, taken) from None

    return Prepared(decide)


def imported_private(core: Core, provider: str, password_hash: str) -> Mapping[str, str]:
    """Return what *provider* keeps of a hash that a user brings along.

    Raises:
        InvalidInput, UnknownName: it takes none, or not this one.
        NotConfigured, MissingExtra: the format of the hash needs something.
    """
    offer = registering_provider(core, provider)
    if not hasattr(offer.value, "imported_private"):
        raise InvalidInput("password_hash", f"cannot be brought along with {provider!r}.")
    private: Mapping[str, str] = core.plugins.call(
        offer,
        "imported_private",
        lambda: offer.value.imported_private(
            check_text(password_hash, "password_hash"), core.services
        ),
    )
    return private
