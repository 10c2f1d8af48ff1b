"""What App Services clients are told of an error: code, status, message (wire-contract.md §1)."""

from __future__ import annotations

from typing import Final

import attrs
from starlette.responses import Response

from admit import errors
from admit.errors import AdmitError

from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..hosting import Hosted
from ..refusals import NoSuchApplication, NoToken, RequestRefused
from .location import url_of

SESSION: Final = "InvalidSession"
"""The code on which clients refresh and repeat, without end: for dead tokens alone."""
UNAUTHORIZED: Final = "unauthorized"
"""The message on which realm-web does the same."""


class Refusal(Body):
    """What went wrong: a message, a code – not always –, and where the log of it would be."""

    error: str
    link: str
    error_code: str | None = None


class Refused(AdmitError):
    """What a route of the contract refuses in words of its own."""

    code = "refused-by-contract"

    def __init__(self, status: int, error_code: str, message: str) -> None:
        super().__init__(status, error_code, message)
        self.status, self.error_code = status, error_code
        self.sentence, self.next_step = message, "See wire-contract.md."


@attrs.frozen
class Row:
    """One kind of error, and what is told of it."""

    error: type[AdmitError]
    status: int
    code: str
    message: str | None = None
    """None: the error's own sentence."""
    because: str | None = None
    """Of errors that have one: only with this."""

    def fits(self, error: AdmitError) -> bool:
        """Whether this row is about *error*."""
        return isinstance(error, self.error) and (
            self.because is None or self.because == getattr(error, "because", None)
        )


ROWS: Final = (
    Row(NoToken, 401, SESSION, "must authenticate first"),
    Row(errors.SessionInvalid, 401, SESSION, "invalid session: access token expired", "expired"),
    Row(errors.SessionInvalid, 401, SESSION, "invalid session"),
    Row(errors.FreshLogInNeeded, 403, "AuthError"),
    Row(errors.ScopeMissing, 403, "AuthError"),
    # --- log-in --------------------------------------------------------------------------------
    Row(errors.LogInRefused, 401, "AuthError", "confirmation required", "pending"),
    Row(errors.LogInRefused, 401, "UserDisabled", "user disabled", "disabled"),
    Row(errors.LogInRefused, 401, "AuthError", None, "must-change"),
    Row(errors.LogInRefused, 401, "AuthError", None, "leaving"),
    Row(errors.CredentialsRefused, 401, "AuthError"),
    Row(errors.RedirectInvalid, 401, "AuthError"),
    Row(errors.ProviderRefused, 401, "AuthError"),
    Row(errors.LogInRefused, 401, "InvalidPassword", "invalid username/password"),
    Row(errors.NewUsersRefused, 403, "AuthError"),
    Row(errors.DomainRefused, 403, "DomainNotAllowed"),
    Row(errors.ProviderFailed, 503, "InternalServerError"),
    # --- registering, confirming, resetting ----------------------------------------------------
    Row(errors.AddressTaken, 409, "AccountNameInUse", "name already in use"),
    Row(errors.TokenMalformed, 400, "BadRequest", "invalid token data"),
    Row(errors.TokenRefused, 400, "UserpassTokenInvalid", "userpass token is expired or invalid"),
    Row(errors.InvalidAddress, 400, "BadRequest", "email invalid"),
    Row(errors.FlowFailed, 400, "BadRequest"),
    # --- linking, API keys ---------------------------------------------------------------------
    Row(
        errors.IdentityTaken, 401, "AuthError", "a user already exists with the specified provider"
    ),
    Row(errors.ApiKeyNotFound, 404, "APIKeyNotFound", "API key not found"),
    Row(errors.ApiKeyNameTaken, 409, "APIKeyAlreadyExists", "API key already exists"),
    # --- the rest, from the narrow to the wide -------------------------------------------------
    Row(errors.UserNotFound, 404, "UserNotFound", "user not found"),
    Row(errors.NotFound, 404, "NotFound"),
    Row(errors.InvalidInput, 400, "BadRequest"),
    Row(errors.NotAllowedNow, 400, "BadRequest"),
    Row(errors.TryLater, 429, "TooManyRequests"),
    Row(errors.PluginError, 500, "InternalServerError", "an extension of the server failed"),
    Row(errors.DeliveryFailed, 503, "InternalServerError", "the message could not be sent"),
    Row(errors.NotConfigured, 500, "InternalServerError", "the application is not set up for this"),
    Row(errors.MissingExtra, 500, "InternalServerError", "the application is not set up for this"),
    Row(errors.WrongKey, 500, "InternalServerError", "the application is not set up for this"),
    Row(errors.StoreReadOnly, 503, "MaintenanceInProgress", "the application is read-only now"),
    Row(errors.StoreInUse, 503, "MaintenanceInProgress", "the application is being maintained"),
    Row(errors.StoreError, 503, "InternalServerError", "the store cannot be used"),
)
"""The first row that fits decides. What an operator should read stands in the log, not here."""


def tell(error: AdmitError, ask: Ask) -> Response:
    """Return the answer for *error*."""
    status, code, message = _row(error, ask)
    if message == UNAUTHORIZED:  # a plugin's own word, on which realm-web would never stop
        message = "not authorized"
    body = {"error": message, "link": link(ask)}
    if code:
        body["error_code"] = code
    headers = {}
    after = getattr(error, "after", None)
    if after is not None:
        headers["retry-after"] = str(max(1, round(after.total_seconds())))
    return told(body, status, headers)


def sentence_of(error: AdmitError, ask: Ask) -> str:
    """Return the message for *error*, for an answer that has no place for a code."""
    return _row(error, ask)[2]


def link(ask: Ask) -> str:
    """Return where the log of a request would be: it names the request, and need not resolve."""
    hosted = _meant(ask)
    base = url_of(ask, hosted)
    return f"{base}/groups/{hosted.group_id}/apps/{hosted.internal_id}/logs?co_id={ask.id}"


def _meant(ask: Ask) -> Hosted:
    """Return the application of the path, else of the token, else the first."""
    parts = ask.request.path_params
    found = ask.applications.by_app_id(parts.get("app", ""))
    found = found or ask.applications.by_internal_id(parts.get("app_id", ""))
    if found is not None or len(ask.applications.all) == 1:
        return found or ask.applications.all[0]
    try:
        return ask.hosted
    except AdmitError:  # there is no such application, or no token that names one
        return ask.applications.all[0]


def _row(error: AdmitError, ask: Ask) -> tuple[int, str, str]:
    if isinstance(error, Refused):
        return error.status, error.error_code, error.sentence
    if isinstance(error, NoSuchApplication):
        return error.status, "", f"cannot find app using Client App ID '{error.app_id}'"
    if isinstance(error, errors.FlowFailed) and error.flow == "function":
        too_long = error.error_code == "flow-timed-out"
        code = "ExecutionTimeLimitExceeded" if too_long else "FunctionExecutionError"
        return 400, code, error.sentence
    if isinstance(error, errors.PasswordRefused):
        return 400, "BadRequest", _password_rule(error, ask)
    if isinstance(error, errors.ProviderDisabled) or (
        isinstance(error, errors.UnknownName) and "provider" in error.kind
    ):
        provider = ask.request.path_params.get("provider", "this provider")
        return 404, "AuthProviderNotFound", f"authentication via '{provider[:80]}' is unsupported"
    if isinstance(error, errors.SessionInvalid) and ask.route.token == "refresh":  # noqa: S105
        return 401, SESSION, "invalid session: failed to find refresh token"
    row = next((row for row in ROWS if row.fits(error)), None)
    if row is not None:
        return row.status, row.code, row.message or error.sentence
    if isinstance(error, RequestRefused):
        return error.status, "BadRequest", error.sentence
    return 500, "InternalServerError", "the request could not be served"


def _password_rule(error: errors.PasswordRefused, ask: Ask) -> str:
    """Return the sentence that clients compare, where it is the length that is wrong."""
    if not error.rule.startswith(("has fewer than", "has more than")):
        return error.sentence
    settings = ask.hosted.engine.settings
    fewest, most = settings.get("password_min_length"), settings.get("password_max_length")
    return f"password must be between {fewest} and {most} characters"
