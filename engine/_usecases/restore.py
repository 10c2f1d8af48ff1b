"""Grace: a deletion that waits for its day, and is taken back by `restore`.

Not a state: the user is blocked and keeps her login keys (design.md §4). She comes back by an
admin, or by the offer that a log-in with the right credentials is answered with.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime, timedelta
from typing import Final

from .. import _jwt
from .._commits import Decision, change_user
from .._core import Core
from .._events import Acting, Happening
from .._evolve import evolve
from ..clock import to_text
from ..errors import (
    Leaving,
    TokenExpired,
    TokenMalformed,
    TokenUnknown,
    TokenUsed,
    UserNotFound,
    WrongCredentials,
)
from ..masked import Secret
from ..records import User
from .notices import with_notice
from .prepared import Finish, Prepared, done
from .runs import cancelled
from .traces import keys_of

OFFER_LIFETIME: Final = timedelta(minutes=15)
"""How long the offer of a log-in may be taken: as long as a person thinks it over."""
_KEY: Final = "restore 1"
"""Names the sub-key of the offers."""
_TOKEN: Final = re.compile(r"([0-9a-f]{24})\.(\d{1,10})\.(\d{1,12})\.([0-9a-f]{64})")


def blocked(core: Core, by: Acting, user: User, until: datetime) -> Decision[User]:
    """Decide that *user* leaves at the instant *until*: her sessions, keys and open runs die now,
    and her address is told. The caller has asked the lifecycle whether she may be deleted."""
    now = core.now()
    new = cancelled(user, ("confirm", "reset", "change-address"), now)
    # A key that is not among those removed here, made in this very moment, is dead as well.
    new = evolve(new, delete_at=until, epoch=user.epoch + 1, keys_epoch=user.keys_epoch + 1)
    new, told = with_notice(core, by, new, "leaving")
    return Decision(
        result=user,
        new=new,
        happenings=(Happening("grace", codes={"until": to_text(until)}), *told),
        remove=keys_of(core, user.id),
    )


def restore(core: Core, by: Acting, user_id: str) -> Prepared[User]:
    """Prepare taking a deletion back; see `Engine.restore`. Not leaving: nothing is written."""

    def decide(settle: bool) -> Finish[User]:
        user, _ = change_user(core, by, user_id, lambda u: _restored(core, u), settle=settle)
        return done(user)

    return Prepared(decide)


def _restored(core: Core, user: User) -> Decision[None]:
    if user.delete_at is None:
        return Decision(result=None)
    # The notice that she leaves is not sent any more, if it still waits.
    stays = evolve(cancelled(user, ("notice",), core.now()), delete_at=None)
    return Decision(
        result=None,
        new=stays,
        happenings=(Happening("restore"),),
        # Of a key that was made while she was being blocked: it is dead, and goes.
        remove=keys_of(core, user.id),
    )


def offered(core: Core, user: User) -> Leaving | WrongCredentials:
    """Return how a log-in of *user*, who is leaving, is answered after the right credentials: with
    an offer to stay – or, once her time is up, as if she were gone already."""
    until = user.delete_at
    now = core.now()
    if until is None or until <= now:
        return WrongCredentials()
    expires_at = _jwt.seconds(min(until, now + OFFER_LIFETIME))
    claim = f"{user.id}.{user.epoch}.{expires_at}"
    mac = hmac.digest(core.keys.sub_key(_KEY), claim.encode(), "sha256").hex()
    return Leaving(until, Secret(f"{claim}.{mac}"))


def by_offer(core: Core, by: Acting, token: str | Secret) -> Prepared[User]:
    """Prepare taking a deletion back by the offer of a log-in; see `PublicFace.restore`."""
    text = token.reveal() if isinstance(token, Secret) else token
    parts = _TOKEN.fullmatch(text) if isinstance(text, str) else None
    if parts is None:
        raise TokenMalformed
    user_id, epoch, expires_at, mac = parts.groups()
    claim = f"{user_id}.{epoch}.{expires_at}".encode()
    macs = [hmac.digest(key, claim, "sha256").hex() for key in core.keys.sub_keys(_KEY)]
    if not any(hmac.compare_digest(mac, other) for other in macs):
        raise TokenUnknown
    if int(expires_at) <= core.now().timestamp():
        raise TokenExpired

    def decide(settle: bool) -> Finish[User]:
        def take(user: User) -> Decision[None]:
            if user.id != user_id:
                raise TokenUnknown  # absorbed: tokens never follow
            # Leaving once more raises the epoch: an offer is for the leaving that it was made in.
            if user.delete_at is None or user.epoch != int(epoch):
                raise TokenUsed
            return _restored(core, user)

        try:
            user, _ = change_user(core, by, user_id, take, settle=settle, asked="restore")
        except UserNotFound:
            raise TokenUnknown from None  # her time was up
        return done(user)

    return Prepared(decide)
