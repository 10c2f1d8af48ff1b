"""What a confirmation or reset flow is, what it is called with, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import datetime
from typing import Final, Literal, Protocol, final

import attrs

from .masked import Secret
from .records import Purpose, RunId, UserId
from .services import Services

OutcomeStatus = Literal["success", "pending", "fail"]
OUTCOME_STATUSES: Final[tuple[OutcomeStatus, ...]] = ("success", "pending", "fail")


@final
@attrs.frozen
class Outcome:
    """What a flow answers. Build it with `success()`, `pending()` or `fail()`."""

    status: OutcomeStatus = attrs.field(validator=attrs.validators.in_(OUTCOME_STATUSES))
    proved: bool = False
    message: str = ""

    @classmethod
    def success(cls, *, proved: bool = False) -> Outcome:
        """Confirm now. `proved=True` says that control of the address was shown as well.

        From a reset flow, only `proved=True` sets the new password at once: it says that whoever
        asked is this user. Without it, `success` counts as `pending` (security.md N5).
        """
        return cls("success", proved)

    @classmethod
    def pending(cls) -> Outcome:
        """Wait for the proof: the token or the code that this entry carries."""
        return cls("pending")

    @classmethod
    def fail(cls, message: str = "") -> Outcome:
        """Refuse. At registration no account is left; on a re-run the user stays pending.

        *message* is read by the caller: no secret in it.
        """
        return cls("fail", False, message)


@attrs.frozen(kw_only=True)
class Entry:
    """What a flow is called with: one attempt of one run, for one user."""

    user_id: UserId
    username: str
    """The address as it was typed, or another login: where messages go."""
    purpose: Purpose
    reason: str
    """Why this run began: `register`, `rerun`, `resend`, `reset`, `already-registered`, …"""
    token_id: RunId
    token: Secret
    """128 hex digits, good together with `token_id` until `expires_at`."""
    code: Secret
    """The typed way: a few letters and digits, as they should be shown."""
    expires_at: datetime
    attempt: int
    """1 for the first try. Delivery is at least once: a later try may follow a success that was
    never heard of."""
    locale: str | None = None
    password: Secret | None = None
    """Reset by function only: the new password that was asked for."""
    current_password_valid: bool | None = None
    """Reset by function only: whether the caller also gave the current password, rightly."""
    arguments: tuple[object, ...] = attrs.field(default=(), repr=False)
    """Reset by function only: what the caller added."""

    @property
    def idempotency_key(self) -> str:
        """The same for a repetition of this very attempt, different for every other."""
        return f"{self.token_id}-{self.attempt}"


Answer = Outcome | Mapping[str, object]
"""An `Outcome`, or a mapping `{"status": "success" | "pending" | "fail"}`."""


class ConfirmationFlow(Protocol):
    """How control of an address (or anything else) is proved.

    These may also stand on the object, each with a default:

    - `inline = True`: it does no I/O, so it runs on the caller's thread without a time limit
      (default False: in a thread of ours, under `limit_seconds`);
    - `limit_seconds`: a number, or a method `limit_seconds(services)` (default 30);
    - `resends = True`: it sends a message, so `resend` makes sense (default False);
    - `proves_address = True`: its token, pressed, proves the address (default False);
    - `rehearsable = True`: all it does is to send by `services.send`, so a rehearsal – `admit flow
      try` – may enter it: what it sends is shown then (default False);
    - `check(services)`: raises `NotConfigured` when settings are missing; called before anything
      is written, on the caller's thread and without a limit, so it looks and asks nobody.

    Users enter it from several threads at once: keep what belongs to one entry off the object.
    `admit.testing.contracts.FlowContract` checks all this.
    """

    name: str

    def begin(self, entry: Entry, services: Services) -> Answer | Awaitable[Answer]:
        """Enter the flow for one user.

        Answer `Outcome.success()`, `Outcome.pending()` or `Outcome.fail()`. Raise `DeliveryFailed`
        when a message was not taken; any other exception keeps the user as it is, with the error
        on the run. May be `async def`.
        """
        ...


class ResetFlow(ConfirmationFlow, Protocol):
    """How a forgotten password is replaced: the same shape, entered with `purpose="reset"`.

    One that sends messages (`resends = True`) is also entered with `purpose="notice"`: tell the
    owner of the address something, without a token.
    """
