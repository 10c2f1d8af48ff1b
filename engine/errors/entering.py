"""Tokens, log-ins and sessions that open nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .root import AdmitError

if TYPE_CHECKING:
    from ..masked import Secret


class TokenRefused(AdmitError):
    """A token or code that does not open this door. Nothing was changed."""

    code = "token-refused"
    exit_code = 4


class TokenUnknown(TokenRefused):
    """Well-formed, but no live user, run, purpose and address has this token."""

    code = "token-unknown"

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "This token is expired or invalid."
        self.next_step = "Ask for a new message."


class TokenUsed(TokenRefused):
    """This token did its work already."""

    code = "token-used"

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "This link was used already."
        self.next_step = "Log in, or ask for a new message."


class TokenSuperseded(TokenRefused):
    """A newer message was sent after this one, or its address was replaced."""

    code = "token-superseded"

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "A newer message was sent after this one."
        self.next_step = "Use the newest message."


class TokenExpired(TokenRefused):
    """This token's lifetime is over."""

    code = "token-expired"

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "This link has expired."
        self.next_step = "Ask for a new message."


class CodeWrong(TokenRefused):
    """The typed code fits no live run of this address. The try was counted."""

    code = "code-wrong"

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "This code is not right."
        self.next_step = "Compare it with the newest message, or use its link."


class LogInRefused(AdmitError):
    """The credentials open nothing. `because` is set only when they were right."""

    code = "log-in-refused"
    exit_code = 4
    because: str | None = None

    def __init__(self, because: str | None = None) -> None:
        super().__init__(because)
        self.because = because
        self.sentence = {
            "pending": "This account waits to be confirmed.",
            "disabled": "This account is disabled.",
            "must-change": "This password must be changed before it can be used.",
            "leaving": "This account is being deleted.",
        }.get(because or "", "The credentials are not right.")
        self.next_step = {
            "pending": "Use the message that was sent, or ask for a new one.",
            "disabled": "Ask the people who run this application.",
            "must-change": "Ask for a reset, or change it with the current one.",
            "leaving": "To keep it, take that back: restore(token=…), then log in.",
        }.get(because or "", "Check them and try again.")


class WrongCredentials(LogInRefused):
    """Unknown user or wrong password, never told apart."""

    code = "wrong-credentials"

    def __init__(self) -> None:
        super().__init__()
        self.args = ()


class CredentialsRefused(WrongCredentials):
    """A provider refused, and says why in a sentence that the caller reads: no secret in it.

    What a function of the provider `custom-function` raises to say no.
    """

    code = "credentials-refused"

    def __init__(self, message: str) -> None:
        super().__init__()
        self.args = (message,)
        self.message = self.sentence = message
        self.next_step = "The provider decides this."


class ConfirmationRequired(LogInRefused):
    """The password is right, the user still pending."""

    code = "confirmation-required"

    def __init__(self) -> None:
        super().__init__("pending")
        self.args = ()


class UserDisabled(LogInRefused):
    """The credentials are right, the user is disabled."""

    code = "user-disabled"

    def __init__(self) -> None:
        super().__init__("disabled")
        self.args = ()


class PasswordMustChange(LogInRefused):
    """The password is right, but an admin chose it (security.md P6)."""

    code = "password-must-change"

    def __init__(self) -> None:
        super().__init__("must-change")
        self.args = ()


class Leaving(LogInRefused):
    """The credentials were right, and the account is being deleted: `restore_token` takes that back
    for a quarter of an hour."""

    code = "leaving"

    def __init__(self, delete_at: datetime, restore_token: Secret) -> None:
        super().__init__("leaving")
        self.args = (delete_at, restore_token)
        self.delete_at, self.restore_token = delete_at, restore_token


class RedirectInvalid(LogInRefused):
    """The browser came back with an answer that no log-in of this browser waits for.

    `because` says why: `unknown` (never begun, answered already, or expired), `other-browser`,
    `other-provider`, `other-session`. Nothing was changed, but a log-in that was begun and
    answered wrongly is used up.
    """

    code = "redirect-invalid"

    def __init__(self, because: str = "unknown") -> None:
        super().__init__(because)
        self.sentence = "This log-in was not begun here, was answered before, or took too long."
        self.next_step = "Begin it again."


class ProviderRefused(LogInRefused):
    """The provider sent the browser back without a log-in: most often the user said no.

    `because` is the provider's own error code, such as `access_denied`.
    """

    code = "provider-refused"

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.sentence = f"The provider did not log this user in: {because}."
        self.next_step = "Begin again, or use another way to log in."


class SessionInvalid(AdmitError):
    """An access or refresh token that opens nothing: malformed, expired, ended, or its user is."""

    code = "session-invalid"
    exit_code = 4

    def __init__(self, because: str = "invalid") -> None:
        super().__init__(because)
        self.because = because
        self.sentence = f"The session is not valid: {because}."
        self.next_step = "Refresh it, or log in again."


class FreshLogInNeeded(AdmitError):
    """The session is good, but its user last proved who they are longer ago than `within`.

    Nothing was changed.
    """

    code = "fresh-log-in-needed"
    exit_code = 4

    def __init__(self, within: timedelta) -> None:
        super().__init__(within)
        self.within = within
        self.sentence = "This needs a fresh log-in."
        self.next_step = "Log in again, then repeat it at once."


class ScopeMissing(AdmitError):
    """The admin key is good, but not for this, which needs more than its scope. Nothing was
    changed."""

    code = "scope-missing"
    exit_code = 4

    def __init__(self, needed: str, scope: str) -> None:
        super().__init__(needed, scope)
        self.needed, self.scope = needed, scope
        self.sentence = f"This needs an admin key of the scope {needed}; this one is of {scope}."
        self.next_step = "Use such a key, or ask who has one."
