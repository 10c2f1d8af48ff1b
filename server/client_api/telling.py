"""What App Services clients are told of an error: code, status, message (wire-contract.md §1)."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from admit import errors
from admit.errors import AdmitError

from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..refusals import NoSuchApplication, NoToken, RequestRefused


class Refusal(Body):
    """What went wrong: a message, a code – not always –, and where the log of it would be."""

    error: str
    link: str
    error_code: str | None = None


UNKNOWN_LOGIN: Final = "invalid username/password"


def tell(error: AdmitError, ask: Ask) -> Response:
    """Return the answer for *error*: the first row that fits decides."""
    status, code, message = _row(error)
    body = {"error": message, "link": link(ask)}
    if code:
        body["error_code"] = code
    headers = {}
    after = getattr(error, "after", None)
    if after is not None:
        headers["retry-after"] = str(max(1, round(after.total_seconds())))
    return told(body, status, headers)


def link(ask: Ask) -> str:
    """Return where the log of a request would be: it names the request, and need not resolve."""
    hosted = ask.applications.all[0]
    base = hosted.settings.public_url or ""
    return f"{base}/groups/{hosted.group_id}/apps/{hosted.internal_id}/logs?co_id={ask.id}"


def _row(error: AdmitError) -> tuple[int, str, str]:
    match error:
        case NoToken():
            return 401, "InvalidSession", "must authenticate first"
        case NoSuchApplication():
            return 404, "", f"cannot find app using Client App ID '{error.app_id}'"
        case RequestRefused():
            return error.status, "BadRequest", error.sentence
        case errors.SessionInvalid(because="expired"):
            return 401, "InvalidSession", "invalid session: access token expired"
        case errors.SessionInvalid():
            return 401, "InvalidSession", "invalid session"
        case errors.AddressTaken():
            return 409, "AccountNameInUse", "name already in use"
        case errors.LogInRefused():
            return 401, "InvalidPassword", UNKNOWN_LOGIN
        case errors.UserNotFound():
            return 404, "UserNotFound", "user not found"
        case errors.InvalidInput():
            return 400, "BadRequest", error.sentence
        case errors.TryLater():
            return 429, "TooManyRequests", error.sentence
        case errors.StoreError():
            return 503, "InternalServerError", error.sentence
    return 500, "InternalServerError", error.sentence
