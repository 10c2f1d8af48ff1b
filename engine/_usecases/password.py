"""A password replaced: by a reset token or code, by a reset function, or with the current one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from .. import _tokens
from .._codec import user_from
from .._commits import Decision, change_user, load, record_refusal
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from ..addresses import canonical
from ..errors import (
    CodeWrong,
    NotAllowed,
    TokenSuperseded,
    TokenUnknown,
    TokenUsed,
    UserNotFound,
    WrongCredentials,
)
from ..lifecycle import triggers_from
from ..masked import Secret
from ..records import Run, User
from ..stores import KeyTaken
from .confirm import good_run
from .confirming import address_taken, become_confirmed, is_first_proof, prove_address
from .delete import reject_loser
from .enter import Entered, ResetRequest, enter
from .prepared import Finish, Prepared
from .proof import check_password, hashed, is_password_of, password_identity, with_private
from .register import tell
from .replacing import without_words
from .runs import Minted, active_flow, cancelled, ended, finishing, new_run, with_run
from .typed_codes import run_of_code, user_of_code

Begun = tuple[Run, Minted | None]


def reset(
    core: Core,
    by: Acting,
    user_id: str,
    *,
    password: Secret | None = None,
    current_password: Secret | None = None,
    arguments: Sequence[object] = (),
) -> Prepared[User]:
    """Prepare a reset; see `Engine.reset`."""
    active_flow(core, "reset")
    before = load(core, user_id)
    request = ResetRequest(password=password, arguments=tuple(arguments))
    if password is not None:
        core.services.check_password(password, address=_typed(before))
    if current_password is not None:
        request = attrs.evolve(
            request, current_password_valid=is_password_of(core, before, current_password)
        )

    def decide(settle: bool) -> Finish[User]:
        user, (run, minted) = change_user(
            core,
            by,
            user_id,
            lambda found: decide_reset(core, by, found),
            settle=settle,
            asked="reset",
        )
        assert minted is not None, "a run that is not queued has an attempt"
        return finishing(core, run, lambda: _finish_reset(core, by, user, run, minted, request))

    return Prepared(decide)


def decide_reset(
    core: Core, by: Acting, user: User, *, reason: str = "reset", queued: bool = False
) -> Decision[Begun]:
    """Decide that a reset run begins. Also for a pending user: using it confirms (H7)."""
    if user.state not in ("pending", "confirmed"):
        raise NotAllowed(user.state, "reset", triggers_from(user.state))
    identity = password_identity(core, user)
    if identity is None:
        raise NotAllowed(user.state, "reset a password it does not have", ())
    # Of several logins it is the one whose password is set: its own address, where it has one.
    about = next((a for a in user.addresses if a.canonical == identity.login_key), None)
    flow = active_flow(core, "reset")
    new, run, minted = new_run(
        core, by, user, purpose="reset", flow=flow, reason=reason, queued=queued, about=about
    )
    codes = {"flow": flow.name, "reason": reason}
    happening = Happening("reset", run=run.id, codes=codes)
    return Decision(result=(run, minted), new=new, happenings=(happening,))


def _finish_reset(
    core: Core, by: Acting, user: User, run: Run, minted: Minted, request: ResetRequest
) -> User:
    entered = enter(core, by, user, run, minted, request)
    return conclude_reset(core, by, entered, run, request)


def conclude_reset(
    core: Core, by: Acting, entered: Entered, run: Run, request: ResetRequest
) -> User:
    """Finish a reset run that was entered: a function that proved this user sets the password.

    Raises:
        FlowRefused: the flow answered `fail`; nothing was changed.
        FlowFailed: the flow did not get through; nothing was changed.
    """
    if entered.user is None:
        raise UserNotFound  # deleted while the flow ran
    tell(core, entered, run)
    # `success` without proof of this very user only dispatched: it waits for the token (N5).
    counts = entered.written.effect == "dispatched" and entered.answer.status == "success"
    if not (counts and entered.answer.proved and request.password is not None):
        return entered.user
    private = hashed(core, entered.user, request.password)

    def decide(user: User) -> Decision[bool]:
        current = user.run(run.id)
        if current is None or current.result is not None:
            raise TokenSuperseded  # a newer reset was dispatched, or this one's token was used
        return _decide_password(core, user, current, private, proves=False)

    return _setting(core, by, entered.user.id, decide).run()


def by_token(
    core: Core, by: Acting, token_id: object, token: object, password: Secret
) -> Prepared[User]:
    """Prepare setting a password with a reset token; see `Engine.set_password`."""
    run_id, user_id, text = _tokens.read_token(token_id, token)
    digest = _tokens.token_digest(text)

    def good(user: User) -> Run:
        run = good_run(core, user, run_id, digest, "reset")
        if run.result == "success":
            raise TokenUsed
        return run

    record = core.store.get("user", user_id)
    if record is None or record.body["state"] == "deleted":
        raise TokenUnknown
    user = user_from(record)
    good(user)  # before hashing: a dead token costs us nothing
    core.services.check_password(password, address=_typed(user))
    private = hashed(core, user, password)

    def decide(found: User) -> Decision[bool]:
        if found.id != user_id:
            raise TokenUnknown  # absorbed: tokens never follow
        run = good(found)
        return _decide_password(core, found, run, private, proves=run.proves)

    return _setting(core, by, user_id, decide)


def by_code(core: Core, by: Acting, address: str, code: object, password: Secret) -> Prepared[User]:
    """Prepare setting a password with a typed reset code; see `Engine.set_password`."""
    found_by, typed = canonical(address), _tokens.read_code(code)
    core.services.check_password(password, address=address)
    user = user_of_code(core, by, found_by, typed, "reset")
    private = hashed(core, user, password)

    def decide(found: User) -> Decision[bool]:
        run = run_of_code(core, found, typed, "reset")
        if run is None:
            raise CodeWrong
        if run.result == "success":
            raise TokenUsed
        return _decide_password(core, found, run, private, proves=run.proves)

    return _setting(core, by, user.id, decide)


def change(core: Core, by: Acting, user_id: str, current: Secret, new: Secret) -> Prepared[User]:
    """Prepare a change with the current password; see `Engine.change_password`."""
    before = load(core, user_id)
    try:
        check_password(core, before, current)
    except WrongCredentials as problem:
        record_refusal(core, by, before, "change-password", problem.code)
        raise
    core.services.check_password(new, address=_typed(before))
    private = hashed(core, before, new)
    known = password_identity(core, before)

    def decide(user: User) -> Decision[bool]:
        identity = password_identity(core, user)
        if known is None or identity is None or identity.private != known.private:
            raise WrongCredentials  # changed by somebody else meanwhile
        changed = cancelled(
            with_private(core, user, private), ("reset", "change-address"), core.now()
        )
        changed = evolve(changed, epoch=user.epoch + 1)
        happening = Happening("password-set", codes={"cause": "change"})
        return Decision(result=False, new=changed, happenings=(happening,))

    return _setting(core, by, user_id, decide)


def _decide_password(
    core: Core, user: User, run: Run, private: Mapping[str, str], *, proves: bool
) -> Decision[bool]:
    """Decide that the owner of a reset run sets her password; a pending user is confirmed by it."""
    now = core.now()
    changed = with_private(core, user, private)
    if proves and is_first_proof(user, run):
        changed = without_words(core, changed, run)
    codes = {"cause": "reset", "flow": run.flow}
    set_now = Happening("password-set", run=run.id, codes=codes)
    if user.state == "pending":
        core.plugins.veto("before_confirm", user=user, run=run)
        new, confirmed = become_confirmed(core, changed, run=run, proved=proves, cause="reset")
        # Confirmation links of before were made for the password that is gone now (H7).
        new = cancelled(new, ("confirm", "reset", "change-address"), now)
        return Decision(result=True, new=new, happenings=(set_now, confirmed))
    new = with_run(changed, ended(run, "success", now))
    if proves and is_first_proof(user, run):
        proof = prove_address(core, new, run, now)
        new = proof.user
        set_now = set_now._replace(codes={**codes, **proof.codes}, detail=proof.detail)
    new = cancelled(new, ("reset", "change-address"), now)
    # Keys die too: whoever forgot her password may have lost it to somebody who made some (H2).
    new = evolve(new, epoch=new.epoch + 1, keys_epoch=new.keys_epoch + 1)
    return Decision(result=False, new=new, happenings=(set_now,))


def _setting(
    core: Core, by: Acting, user_id: str, decide_user: Callable[[User], Decision[bool]]
) -> Prepared[User]:
    def decide(settle: bool) -> Finish[User]:
        try:
            user, confirmed = change_user(
                core, by, user_id, decide_user, settle=settle, asked="set-password"
            )
        except KeyTaken as taken:
            reject_loser(core, user_id, taken)
            raise address_taken(core, taken) from None

        def finish() -> User:
            if confirmed:
                core.plugins.notify("after_confirm", user=user)
            return user

        return finish

    return Prepared(decide)


def _typed(user: User) -> str | None:
    return None if user.address is None else user.address.typed
