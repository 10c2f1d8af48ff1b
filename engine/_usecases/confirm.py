"""Confirm: by the token of a link, by a typed code, or by an admin's hand."""

from __future__ import annotations

from collections.abc import Callable

from .. import _tokens
from .._commits import Decision, change_user, record_refusal
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from ..addresses import canonical
from ..errors import (
    CodeWrong,
    TokenExpired,
    TokenSuperseded,
    TokenUnknown,
    UserNotFound,
)
from ..records import Purpose, Run, User
from ..stores import KeyTaken
from .confirming import address_taken, become_confirmed, is_first_proof, prove_address
from .delete import reject_loser
from .prepared import Finish, Prepared
from .runs import address_is_gone, ended, with_run
from .typed_codes import run_of_code, user_of_code

Change = Callable[[User], User]


def by_token(
    core: Core, by: Acting, token_id: object, token: object, *, change: Change | None = None
) -> Prepared[User]:
    """Prepare a confirmation by link; see `Engine.confirm`.

    *change* is applied, in the same commit, to a user that became confirmed or whose address is
    proved for the first time: to what is left of her then.
    """
    run_id, user_id, text = _tokens.read_token(token_id, token)
    digest = _tokens.token_digest(text)

    def press(user: User) -> Decision[bool]:
        if user.id != user_id:
            raise TokenUnknown  # absorbed: credentials and tokens never follow
        run = good_run(core, user, run_id, digest, "confirm")
        return _press(core, user, run, "token", change)

    return _pressing(core, by, user_id, press)


def by_code(
    core: Core, by: Acting, address: str, code: object, *, change: Change | None = None
) -> Prepared[User]:
    """Prepare a confirmation by typed code; see `Engine.confirm`."""
    found = canonical(address)
    typed = _tokens.read_code(code)

    def decide(settle: bool) -> Finish[User]:
        user = user_of_code(core, by, found, typed, "confirm")
        return _pressing(core, by, user.id, press).decide(settle)

    def press(user: User) -> Decision[bool]:
        run = run_of_code(core, user, typed, "confirm")
        if run is None:
            raise CodeWrong
        return _press(core, user, run, "code", change)

    return Prepared(decide)


def by_hand(core: Core, by: Acting, user_id: str) -> Prepared[User]:
    """Prepare an admin's confirmation of a stuck user; see `Engine.confirm_manually`."""

    def press(user: User) -> Decision[bool]:
        new, happening = become_confirmed(core, user, run=None, proved=False, cause="admin")
        core.plugins.veto("before_confirm", user=user, run=None)
        return Decision(result=True, new=new, happenings=(happening,))

    return _pressing(core, by, user_id, press, missing=UserNotFound)


def good_run(core: Core, user: User, run_id: str, digest: str, purpose: Purpose) -> Run:
    """Return the run whose token has this digest: live, or used to the end it was made for.

    Raises:
        TokenUnknown: no such run, another purpose, a wrong token, or its flow said no.
        TokenSuperseded: a newer message was sent, or the address was replaced.
        TokenExpired: at exactly the instant of its expiry, or later.
    """
    run = user.run(run_id)
    if run is None or run.purpose != purpose:
        raise TokenUnknown
    attempt = next(
        (
            attempt
            for attempt in run.attempts
            if attempt.token_digest is not None and _tokens.same(attempt.token_digest, digest)
        ),
        None,
    )
    if attempt is None or run.result in ("refused", "vetoed"):
        raise TokenUnknown
    if run.result in ("superseded", "cancelled") or address_is_gone(user, run):
        raise TokenSuperseded
    if attempt.expires_at <= core.now():
        raise TokenExpired
    return run


def _press(core: Core, user: User, run: Run, cause: str, change: Change | None) -> Decision[bool]:
    """Decide a press of a good token: confirm, prove what is confirmed already, or nothing."""
    now = core.now()
    if user.state == "pending":
        core.plugins.veto("before_confirm", user=user, run=run)
        new, happening = become_confirmed(core, user, run=run, proved=run.proves, cause=cause)
        new = new if change is None else change(new)
        return Decision(result=True, new=new, happenings=(happening,))
    if run.result == "success" or not run.proves:
        return Decision(result=False)  # pressed twice: the first press did it
    first = is_first_proof(user, run)
    proof = prove_address(core, with_run(user, ended(run, "success", now)), run, now)
    new = proof.user
    if first:
        new = new if change is None else change(new)
        new = evolve(new, epoch=new.epoch + 1, keys_epoch=new.keys_epoch + 1)
    codes = {"cause": cause, **proof.codes}
    happening = Happening("proved", run=run.id, codes=codes, detail=proof.detail)
    return Decision(result=False, new=new, happenings=(happening,))


def _pressing(
    core: Core,
    by: Acting,
    user_id: str,
    press: Callable[[User], Decision[bool]],
    *,
    missing: type[TokenUnknown | UserNotFound] = TokenUnknown,
) -> Prepared[User]:
    def decide(settle: bool) -> Finish[User]:
        try:
            user, confirmed = change_user(core, by, user_id, press, settle=settle, asked="confirm")
        except UserNotFound:
            record_refusal(core, by, None, "confirm", missing.code)
            raise missing from None
        except KeyTaken as taken:
            reject_loser(core, user_id, taken)
            raise address_taken(core, taken) from None

        def finish() -> User:
            if confirmed:
                core.plugins.notify("after_confirm", user=user)
            return user

        return finish

    return Prepared(decide)
