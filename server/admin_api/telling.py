"""What clients of the Admin API are told of an error, where users' clients are told otherwise."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from admit import errors
from admit.errors import AdmitError

from ..answers import told
from ..asking import Ask
from ..client_api.telling import link
from ..client_api.telling import tell as tell_client
from ..refusals import NoToken

REFRESH: Final = "admin-refresh"
Row = tuple[int, str, str]


class Refused(AdmitError):
    """What only this API refuses: a status, a code that clients know, and the sentence."""

    code = "admin-api-refused"

    def __init__(self, status: int, error_code: str, sentence: str) -> None:
        super().__init__(status, error_code, sentence)
        self.status, self.error_code, self.sentence = status, error_code, sentence
        self.next_step = "Correct the request."


def tell(error: AdmitError, ask: Ask) -> Response:
    """Return the answer for *error* (wire-contract.md §1, §6)."""
    row = _row(error, ask)
    if row is None:
        return tell_client(error, ask)
    status, code, message = row
    body = {"error": message, "link": link(ask)}
    if code:
        body["error_code"] = code
    return told(body, status)


def _row(error: AdmitError, ask: Ask) -> Row | None:
    match error:
        case Refused():
            return error.status, error.error_code, error.sentence
        case NoToken():
            return 401, "InvalidSession", "must authenticate first"
        case errors.SessionInvalid():
            return 401, "InvalidSession", _session(error.because, ask)
        case errors.ScopeMissing():
            return 403, "Forbidden", error.sentence
        case errors.NoAdminKeys():
            return 404, "", "the Admin API is off"
        case errors.LogInRefused():
            return 401, "AuthError", "invalid API key"
    return _about_users(error) or _about_settings(error)


def _session(because: str, ask: Ask) -> str:
    if because == "incorrect token type" and ask.route.token == REFRESH:
        return "invalid refresh token: incorrect token type"
    if because == "expired":
        return "invalid session: access token expired"
    if ask.route.token == REFRESH:
        return "invalid session: failed to find refresh token"
    return "invalid session"


def _about_users(error: AdmitError) -> Row | None:
    match error:
        case errors.UserNotFound():
            return 404, "UserNotFound", "user not found"
        case errors.AddressTaken():
            return 409, "AccountNameInUse", "name already in use"
        case errors.NotAllowed(state="confirmed"):
            return 400, "UserAlreadyConfirmed", "already confirmed"
        case errors.InvalidAddress():
            return 400, "BadRequest", "email invalid"
        case errors.FlowFailed():
            return 400, "FunctionExecutionError", error.sentence
    return None


def _about_settings(error: AdmitError) -> Row | None:
    match error:
        case errors.ApiKeyNotFound():
            return 404, "APIKeyNotFound", "API key not found"
        case errors.ApiKeyNameTaken():
            return 409, "APIKeyAlreadyExists", "API key already exists"
        case errors.InvalidInput(field="name"):
            return 400, "InvalidParameter", error.sentence
        case errors.NotAllowedNow():
            return 400, "BadRequest", error.sentence
        case errors.NotConfigured() | errors.UnknownName():
            return 400, "BadRequest", error.sentence
    return None
