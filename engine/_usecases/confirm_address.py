"""Confirm a new address: by the token or code that went there the change, or login, is made."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .. import _tokens
from .._commits import TRIES, Decision, change_user, find_by_key, load, record_refusal
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from ..errors import (
    AddressTaken,
    AlreadyLinked,
    CodeResting,
    CodeWrong,
    TokenUnknown,
    TryLater,
    UserNotFound,
)
from ..records import Address, Identity, Run, Session, User
from ..stores import KeyTaken
from .calling_session import carried_on, check_open
from .change_address import check_has_address, decide_changed, logins_of
from .confirm import good_run
from .delete import reject
from .first_proof import named
from .gaining import gain
from .notices import with_notice
from .prepared import Finish, Prepared, done
from .rerun import readdressed
from .runs import ended, login_address, with_run
from .typed_codes import count_try, rests, run_of_code

T = TypeVar("T")


def by_token(
    core: Core, by: Acting, token_id: object, token: object, *, asks: Session | None = None
) -> Prepared[User]:
    """Prepare a confirmation by link; see `Identities.confirm_address`. With *asks*, the token has
    to be of the user whose session that is."""
    run_id, user_id, text = _tokens.read_token(token_id, token)
    digest = _tokens.token_digest(text)

    def press(user: User) -> Decision[None]:
        if user.id != user_id:
            raise TokenUnknown  # absorbed: tokens never follow
        run = good_run(core, user, run_id, digest, "change-address")
        return _press(core, by, user, run, "token", asks)

    if asks is not None and asks.user != user_id:
        raise TokenUnknown
    return _pressing(core, by, user_id, press)


def by_code(
    core: Core, by: Acting, user_id: str, code: object, *, asks: Session | None = None
) -> Prepared[User]:
    """Prepare a confirmation by typed code; see `Identities.confirm_address`."""
    typed = _tokens.read_code(code)

    def decide(settle: bool) -> Finish[User]:
        user = load(core, user_id)
        resting = rests(core, user, "change-address")
        if resting or run_of_code(core, user, typed, "change-address") is None:
            change_user(core, by, user_id, lambda u: count_try(core, u, "change-address"))
            raise CodeResting if resting else CodeWrong
        return _pressing(core, by, user_id, press).decide(settle)

    def press(user: User) -> Decision[None]:
        run = run_of_code(core, user, typed, "change-address")
        if run is None:
            raise CodeWrong
        return _press(core, by, user, run, "code", asks)

    return Prepared(decide)


def _pressing(
    core: Core, by: Acting, user_id: str, press: Callable[[User], Decision[None]]
) -> Prepared[User]:
    def decide(settle: bool) -> Finish[User]:
        try:
            user, _ = taking_from_pending(
                core,
                lambda: change_user(
                    core, by, user_id, press, settle=settle, asked="confirm-address"
                ),
            )
        except UserNotFound:
            record_refusal(core, by, None, "confirm-address", TokenUnknown.code)
            raise TokenUnknown from None
        return done(user)

    return Prepared(decide)


class HeldByPendingError(Exception):
    """A login that was proved is held by a user who only waits with it."""

    def __init__(self, user_id: str) -> None:
        super().__init__(user_id)
        self.user_id = user_id


def check_free(core: Core, user: User, identities: tuple[Identity, ...], *, proved: bool) -> None:
    """Return if *user* can have these logins.

    Raises:
        AddressTaken: another user has one: a confirmed one, or any if this is not *proved*.
        HeldByPendingError: it is proved, and the other proved nothing; see `taking_from_pending`.
    """
    for identity in identities:
        holder = None if identity.key is None else find_by_key(core, identity.key)
        if holder is None or holder.id == user.id:
            continue
        if holder.state != "pending" or not proved:
            raise AddressTaken(holder.state)
        raise HeldByPendingError(holder.id)


def taking_from_pending(core: Core, change: Callable[[], tuple[User, T]]) -> tuple[User, T]:
    """Return what *change* comes to, which gives a login to a user after `check_free`: who only
    waits with it, where it is proved now, is rejected first.

    Raises:
        TryLater: others keep taking it.
    """
    for _ in range(TRIES):
        try:
            return change()
        except HeldByPendingError as held:
            reject(core, held.user_id)
        except KeyTaken:
            continue  # taken in this very moment: look again whose it is
    raise TryLater("others are taking this address")


def _press(
    core: Core, by: Acting, user: User, run: Run, cause: str, asks: Session | None
) -> Decision[None]:
    check_open(core, user, asks)
    if run.result == "success":
        return Decision(result=None)  # pressed twice: the first press did it
    check_has_address(user, "confirm-address")
    assert run.address is not None, "such a run is about an address"
    now = core.now()
    known = next((a.typed for a in user.addresses if a.canonical == run.address), run.address)
    address = Address(
        typed=run.typed or known,
        canonical=run.address,
        proved_at=now if run.proves else None,
        proved_by=run.id if run.proves else None,
    )
    codes = {"cause": cause, "flow": run.flow}
    if run.adds is None:
        logins = tuple(readdressed(core, i, address.typed) for i in logins_of(core, user))
        check_free(core, user, logins, proved=run.proves)
        return decide_changed(core, by, user, address, codes=codes, run=run, asks=asks)
    identity = evolve(run.adds, added_at=now)
    return _decide_added(core, by, user, identity, address, codes, run, asks)


def _decide_added(
    core: Core,
    by: Acting,
    user: User,
    identity: Identity,
    address: Address,
    codes: dict[str, str],
    run: Run,
    asks: Session | None,
) -> Decision[None]:
    if user.identity(identity.provider) is not None:
        raise AlreadyLinked(identity.provider)
    check_free(core, user, (identity,), proved=run.proves)
    before = with_run(user, ended(run, "success", core.now()))
    gained = gain(core, before, (identity,), (address,), asks)
    new = gained.user
    told: tuple[Happening, ...] = ()
    before_it = login_address(core, user)
    if before_it is not None:  # else the message of a moment ago has told her
        new, told = with_notice(core, by, new, "identity-linked", before_it)
    codes = {"provider": identity.provider, **codes, **gained.codes}
    detail = {"linked": named((identity,)), **gained.detail}
    return Decision(
        result=None,
        new=new,
        happenings=(Happening("link", run=run.id, codes=codes, detail=detail), *told),
        put=carried_on(core, asks, user, new),
    )
