"""What a client is told of an error: a status, a challenge, and a body with the stable code."""

from __future__ import annotations

from typing import Final

import attrs

from admit import errors
from admit.errors import AdmitError


class NoToken(AdmitError):
    """A token is needed, and none came."""

    code = "no-token"
    exit_code = 2

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "No token came with the request."
        self.next_step = "Send it as Authorization: Bearer TOKEN."


_STATUSES: Final[tuple[tuple[type[AdmitError], int], ...]] = (
    (errors.InvalidInput, 400),
    (errors.NotFound, 404),
    (errors.ScopeMissing, 403),
    (errors.FreshLogInNeeded, 403),
    (errors.LogInRefused, 401),
    (errors.SessionInvalid, 401),
    (NoToken, 401),
    (errors.NoAdminKeys, 401),
    (errors.TryLater, 429),
    (errors.NotAllowedNow, 409),
    (errors.TokenRefused, 409),
    (errors.FlowFailed, 502),
    (errors.ProviderFailed, 502),
    (errors.StoreFull, 507),
    (errors.StoreError, 503),
)
"""The first that fits. Of what is not here, the application itself is to blame."""
OWN_FAULT: Final = 500


def status_of(error: AdmitError) -> int:
    """Return the HTTP status of *error*."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), OWN_FAULT)


@attrs.frozen
class Refusal:
    """An answer, for any framework."""

    status: int
    headers: dict[str, str]
    body: dict[str, str]
    """`error` (a sentence), `error_code`, `next_step`; in JSON."""


def refusal(error: AdmitError) -> Refusal:
    """Return what a client is told of *error*. Raises *error* itself when the application is to
    blame: that is for its log, not for the client."""
    status = status_of(error)
    if status == OWN_FAULT:
        raise error
    headers = {"cache-control": "no-store"}
    challenge = _challenge(error, status)
    if challenge is not None:
        headers["www-authenticate"] = challenge
    if isinstance(error, errors.TryLater):
        seconds = 0.0 if error.after is None else error.after.total_seconds()
        headers["retry-after"] = str(max(1, round(seconds)))
    body = {"error": error.sentence, "error_code": error.code, "next_step": error.next_step}
    return Refusal(status, headers, body)


def _challenge(error: AdmitError, status: int) -> str | None:
    """Return the WWW-Authenticate that belongs to *error*: RFC 6750 §3, and §3.1 for who sent no
    token; RFC 9470 §3 for who has to log in again, although our status for that is 403: a client
    that refreshes on every 401 would do so for ever."""
    match error:
        case errors.FreshLogInNeeded():
            seconds = round(error.within.total_seconds())
            return f'Bearer error="insufficient_user_authentication", max_age="{seconds}"'
        case errors.SessionInvalid():
            return 'Bearer error="invalid_token"'
        case errors.ScopeMissing():
            return 'Bearer error="insufficient_scope"'
    return "Bearer" if status == 401 else None
