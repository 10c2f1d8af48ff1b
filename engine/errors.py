"""Everything admit raises on purpose.

AdmitError
├── InvalidInput               a value breaks a rule: field, rule
│   ├── InvalidAddress
│   ├── PasswordRefused
│   ├── InvalidSetting
│   └── TokenMalformed
├── NotFound                   nobody and nothing by that name
│   ├── UserNotFound
│   ├── IdentityNotFound
│   ├── ApiKeyNotFound
│   └── UnknownName            no such flow, provider, function, setting: the known ones are listed
├── NotAllowedNow              right, but not in this state
│   ├── NotAllowed             the lifecycle has no such move, or a guard blocks it
│   ├── ResendNotPossible
│   ├── AddressTaken
│   ├── Outdated               what was to be replaced has changed since it was read
│   ├── IdentityTaken          it belongs to another user, who uses it
│   ├── AlreadyLinked          one login of this provider is all that a user can have
│   ├── LastIdentity           without it, nobody could log in any more
│   ├── PlanOutdated           the users are no longer as the plan of their merge says
│   ├── Vetoed                 a plugin's `before` hook said no
│   ├── ProviderDisabled
│   ├── NewUsersRefused        this provider lets in only who has an account
│   ├── DomainRefused          this provider does not let in addresses of this domain
│   ├── TooManyApiKeys
│   ├── ApiKeyNameTaken
│   ├── RegistrationRefused    the flow answered `fail`: no account is left
│   └── FlowRefused            the flow answered `fail` for a user who is kept
├── TokenRefused
│   ├── TokenUnknown
│   ├── TokenUsed
│   ├── TokenSuperseded
│   ├── TokenExpired
│   └── CodeWrong
├── LogInRefused
│   ├── WrongCredentials
│   │   └── CredentialsRefused   a provider says why, in words for the caller
│   ├── ConfirmationRequired
│   ├── UserDisabled
│   ├── PasswordMustChange
│   ├── Leaving                the account is being deleted; it carries an offer to restore it
│   ├── RedirectInvalid        not begun here, answered before, or too late
│   └── ProviderRefused        the provider sent the browser back without a log-in
├── SessionInvalid             an access or refresh token that opens nothing any more
├── FreshLogInNeeded           the session is good, its log-in too long ago for this
├── FlowFailed                 the flow raised, hung or could not deliver: the user is kept
├── DeliveryFailed             what a transport raises; `temporary` decides what follows
├── PluginError
│   ├── PluginFailed           raised, or answered nonsense
│   ├── PluginTimedOut
│   ├── PluginOverloaded       too many of its calls hang
│   ├── PluginClash            two plugins offer the same name
│   └── UnknownHook            a hook that nobody calls, most often misspelt
├── TryLater                   contention, a cool-down, a full queue: nothing was changed
│   └── CodeResting            too many wrong codes; the link still works
├── ProviderFailed             an identity provider's server gave no usable answer
├── NotConfigured              settings that this needs are missing
├── MissingExtra               an optional package is not installed
├── WrongKey
└── StoreError
    ├── FateUnknown            the commit may or may not have happened
    ├── StoreDamaged
    ├── StoreIncomplete        a copy that is not whole
    ├── StoreTooNew
    ├── StoreClosed
    ├── StoreReadOnly
    ├── StoreFull
    ├── StoreInUse             others have it open
    └── StoreUnreachable       no connection to its database can be had
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

if TYPE_CHECKING:
    from .masked import Secret
    from .records import RunId, User


_MANY: Final = 40
"""More names than anybody reads in a sentence."""


class AdmitError(Exception):
    """Root of every error admit raises on purpose. Catch it; it is never raised itself."""

    code: ClassVar[str]
    """Stable; a heading in docs/errors.md; HTTP and the CLI key on it."""
    exit_code: ClassVar[int] = 1
    """What the `admit` command exits with: 1 failed, 2 usage, 3 not found, 4 not now, 5 later."""
    sentence: str
    """For people; no secret, no address."""
    next_step: str

    def __str__(self) -> str:
        return f"{self.sentence} {self.next_step} [{self.code}]"


class InvalidInput(AdmitError):
    """A value breaks a rule. Nothing was changed."""

    code = "invalid-input"
    exit_code = 2

    def __init__(self, field: str, rule: str, next_step: str = "Correct it and try again.") -> None:
        super().__init__(field, rule, next_step)
        self.field, self.rule, self.next_step = field, rule, next_step
        self.sentence = f"{field}: {rule}"


class InvalidAddress(InvalidInput):
    """An e-mail address that cannot be registered. Nothing was changed."""

    code = "invalid-address"


class PasswordRefused(InvalidInput):
    """A password that the policy refuses. Nothing was changed."""

    code = "password-refused"


class InvalidSetting(InvalidInput):
    """A setting's value is out of bounds, of the wrong type, or hidden by a stronger source."""

    code = "invalid-setting"


class TokenMalformed(InvalidInput):
    """This is no token at all: its shape is wrong. Nothing was changed."""

    code = "token-malformed"

    def __init__(self, field: str = "token") -> None:
        super().__init__(
            field,
            "this is not a token of ours.",
            "Copy the whole link from the message, or type the code instead.",
        )
        self.args = (field,)


class NotFound(AdmitError):
    """There is nothing by that name. Nothing was changed."""

    code = "not-found"
    exit_code = 3


class UserNotFound(NotFound):
    """No user has this id or address (any more). Nothing was changed."""

    code = "user-not-found"

    def __init__(self, by: str = "id") -> None:
        super().__init__(by)
        self.by = by
        self.sentence = f"No user has this {by}."
        self.next_step = "Check it, or list users with engine.users.page()."


class IdentityNotFound(NotFound):
    """The user has no such identity (any more). Nothing was changed."""

    code = "identity-not-found"

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self.provider = provider
        self.sentence = f"This user has no such identity of {provider!r}."
        self.next_step = "Look at the user's identities."


class UnknownName(NotFound):
    """No such flow, provider, transport, function or setting is loaded. Nothing was changed."""

    code = "unknown-name"

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        super().__init__(kind, name)
        self.kind, self.name, self.known = kind, name, tuple(known)
        shown = name if len(name) <= 100 else f"{name[:100]}…"
        self.sentence = f"There is no {kind} named {shown!r}."
        self.next_step = f"Known: {', '.join(self.known) or 'none'}."
        if len(self.known) > _MANY:
            import difflib  # needed for this sentence alone

            near = difflib.get_close_matches(shown, self.known, 5, 0.5)
            nearest = f"Nearest: {', '.join(near)}. " if near else ""
            self.next_step = f"{nearest}{len(self.known)} are known; `known` lists them."

    def __reduce__(self) -> tuple[object, ...]:
        return (UnknownName, (self.kind, self.name, self.known))


class ApiKeyNotFound(NotFound):
    """There is no API key with this id, or it is another user's. Nothing was changed."""

    code = "api-key-not-found"

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "There is no API key with this id."
        self.next_step = "Check it, or list the keys."


class NotAllowedNow(AdmitError):
    """The request is understood and refused as things stand. Nothing was changed."""

    code = "not-allowed-now"
    exit_code = 4


class NotAllowed(NotAllowedNow):
    """The lifecycle has no such move from this state, or a guard blocks it. Nothing was changed."""

    code = "not-allowed"

    def __init__(
        self, state: str, trigger: str, allowed: Sequence[str], guard: str | None = None
    ) -> None:
        super().__init__(state, trigger, tuple(allowed), guard)
        self.state, self.trigger, self.allowed, self.guard = state, trigger, tuple(allowed), guard
        because = "" if guard is None else f" ({guard.replace('_', ' ')} does not hold)"
        self.sentence = f"A user that is {state} cannot {trigger} now{because}."
        self.next_step = f"From here: {', '.join(self.allowed) or 'nothing'}."


class ResendNotPossible(NotAllowedNow):
    """The active confirmation flow sends no message that could be sent again."""

    code = "resend-not-possible"

    def __init__(self, flow: str) -> None:
        super().__init__(flow)
        self.flow = flow
        self.sentence = f"The active confirmation flow {flow!r} has no message to send again."
        self.next_step = "Use rerun: it re-enters whichever flow is active now."


class AddressTaken(NotAllowedNow):
    """Another user holds this login key. Nothing was changed."""

    code = "address-taken"

    def __init__(self, holder_state: str | None = None) -> None:
        super().__init__(holder_state)
        self.holder_state = holder_state
        self.sentence = "This address is already in use."
        self.next_step = (
            "Its registration was never confirmed: re-run it with rerun(address=…)."
            if holder_state == "pending"
            else "Log in with it, or reset its password."
        )


class Outdated(NotAllowedNow):
    """What was to be replaced has changed since it was read. Nothing was changed."""

    code = "outdated"

    def __init__(self, what: str, expected: int, found: int) -> None:
        super().__init__(what, expected, found)
        self.what, self.expected, self.found = what, expected, found
        self.sentence = f"{what}: version {expected} was expected, {found} is there."
        self.next_step = "Read it again, and decide again."


class IdentityTaken(NotAllowedNow):
    """This identity belongs to another user, who logged in with it. Nothing was changed."""

    code = "identity-taken"

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self.provider = provider
        self.sentence = f"Another account logs in with this {provider!r} identity."
        self.next_step = "Log in with it; to have one account instead of two, merge them."


class AlreadyLinked(NotAllowedNow):
    """The user has a login of this provider, and can have one only. Nothing was changed."""

    code = "already-linked"

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self.provider = provider
        self.sentence = f"This account has a login of {provider!r} already."
        self.next_step = "Unlink that one first, or change its address."


class LastIdentity(NotAllowedNow):
    """Without this identity nobody could log in to the account any more. Nothing was changed."""

    code = "last-identity"

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self.provider = provider
        self.sentence = "This is the last way to log in to this account."
        self.next_step = "Link another one first, or delete the account."


class PlanOutdated(NotAllowedNow):
    """The users have no longer the identities that the plan is about. Nothing was changed."""

    code = "plan-outdated"

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "Something about these accounts has changed since the plan was made."
        self.next_step = "Make a new plan, and look at it again."


class Vetoed(NotAllowedNow):
    """A plugin's *before* hook said no. Nothing was changed."""

    code = "vetoed"

    def __init__(self, plugin: str, message: str) -> None:
        super().__init__(plugin, message)
        self.plugin, self.message = plugin, message
        self.sentence = message
        self.next_step = f"The plugin {plugin!r} decides this."


class ProviderDisabled(NotAllowedNow):
    """Nobody registers, logs in or links with this provider. Nothing was changed."""

    code = "provider-disabled"

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self.provider = provider
        self.sentence = f"The provider {provider!r} is not enabled."
        self.next_step = f"Use another one, or set {provider}.enabled."


class NewUsersRefused(NotAllowedNow):
    """This provider lets in only who has an account already. Nothing was changed."""

    code = "new-users-refused"

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self.provider = provider
        self.sentence = "There is no account for this, and none is made."
        self.next_step = f"Ask for an account, or set {provider}.allow_new_users."


class DomainRefused(NotAllowedNow):
    """This provider does not let in addresses of this domain. Nothing was changed."""

    code = "domain-refused"

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self.provider = provider
        self.sentence = "Addresses of this domain are not let in."
        self.next_step = "Use another address."


class TooManyApiKeys(NotAllowedNow):
    """There are as many API keys as there may be. Nothing was changed."""

    code = "too-many-api-keys"

    def __init__(self, most: int, setting: str) -> None:
        super().__init__(most, setting)
        self.most, self.setting = most, setting
        self.sentence = f"There are {most} API keys already, which is the most."
        self.next_step = f"Delete one that is not needed, or raise {setting}."


class ApiKeyNameTaken(NotAllowedNow):
    """Another API key of this user, or of the server, has this name. Nothing was changed."""

    code = "api-key-name-taken"

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "There is an API key of this name already."
        self.next_step = "Choose another name, or delete that key."


class RegistrationRefused(NotAllowedNow):
    """The confirmation flow answered `fail`: no account is left, the address is free."""

    code = "registration-refused"

    def __init__(self, flow: str, message: str = "") -> None:
        super().__init__(flow, message)
        self.flow, self.message = flow, message
        self.sentence = message or "The registration was refused."
        self.next_step = f"The confirmation flow {flow!r} decides this; no account was kept."


class FlowRefused(NotAllowedNow):
    """The flow of a re-run or a reset answered `fail`.

    The user is kept as it was, with the refusal on the run, whose tokens are dead; `user` carries
    it.
    """

    code = "flow-refused"

    def __init__(self, flow: str, message: str, user: User, run: RunId) -> None:
        super().__init__(flow, message, user, run)
        self.flow, self.message, self.user, self.run = flow, message, user, run
        self.sentence = message or f"The flow {flow!r} refused."
        self.next_step = f"The flow {flow!r} decides this; the user is kept as it was."


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


class FlowFailed(AdmitError):
    """The flow raised, hung, answered nonsense or could not deliver.

    The user is kept as it was – registered and pending – with the error on the run's attempt;
    `user` carries it.
    """

    code = "flow-failed"

    def __init__(self, flow: str, error_code: str, error: str, user: User, run: RunId) -> None:
        super().__init__(flow, error_code, error, user, run)
        self.flow, self.error_code, self.error, self.user, self.run = (
            flow,
            error_code,
            error,
            user,
            run,
        )
        self.sentence = f"The flow {flow!r} did not get through: {error}"
        self.next_step = "The user is kept. Mend the cause, then use rerun."


class DeliveryFailed(AdmitError):
    """What a transport (or a flow that delivers) raises when a message was not taken.

    `temporary` (a connection, a time-out, a 4xx answer): the run is queued and tried again.
    Otherwise (a refused recipient, a 5xx answer): the run has failed and the caller is told.
    """

    code = "delivery-failed"

    def __init__(self, sentence: str, *, temporary: bool) -> None:
        super().__init__(sentence)
        self.sentence, self.temporary = sentence, temporary
        self.next_step = "It is tried again." if temporary else "Correct the address or the server."

    def __reduce__(self) -> tuple[object, ...]:
        return (_delivery_failed, (self.sentence, self.temporary))


def _delivery_failed(sentence: str, temporary: bool) -> DeliveryFailed:
    return DeliveryFailed(sentence, temporary=temporary)


class PluginError(AdmitError):
    """A plugin is at fault; it is named."""

    code = "plugin-error"


class PluginFailed(PluginError):
    """A plugin raised, or answered something that its hook does not allow."""

    code = "plugin-failed"

    def __init__(self, plugin: str, hook: str, what: str) -> None:
        super().__init__(plugin, hook, what)
        self.plugin, self.hook, self.what = plugin, hook, what
        self.sentence = f"The plugin {plugin!r} failed in {hook}: {what}"
        self.next_step = "See the log for the traceback; mend or unload the plugin."


class PluginTimedOut(PluginError):
    """A plugin's call did not come back within its limit; it was abandoned."""

    code = "plugin-timed-out"

    def __init__(self, plugin: str, hook: str, limit_seconds: float) -> None:
        super().__init__(plugin, hook, limit_seconds)
        self.plugin, self.hook, self.limit_seconds = plugin, hook, limit_seconds
        self.sentence = (
            f"The plugin {plugin!r} did not answer {hook} within {limit_seconds:g} seconds."
        )
        self.next_step = "Raise its time limit, or find what it waits for."


class PluginOverloaded(PluginError):
    """So many calls of this plugin hang that no further one is started."""

    code = "plugin-overloaded"

    def __init__(self, plugin: str, hanging: int) -> None:
        super().__init__(plugin, hanging)
        self.plugin, self.hanging = plugin, hanging
        self.sentence = f"{hanging} calls of the plugin {plugin!r} hang; it is not called again."
        self.next_step = "Find what it waits for, then restart the application."


class PluginClash(PluginError):
    """Two plugins offer the same name, so neither is taken. The engine did not open."""

    code = "plugin-clash"

    def __init__(self, kind: str, name: str, first: str, second: str) -> None:
        super().__init__(kind, name, first, second)
        self.kind, self.name, self.first, self.second = kind, name, first, second
        self.sentence = f"Two plugins, {first!r} and {second!r}, offer the {kind} {name!r}."
        self.next_step = "Unload one of them, or rename what it offers."


class UnknownHook(PluginError):
    """A plugin fills a hook that does not exist. The engine did not open."""

    code = "unknown-hook"

    def __init__(self, plugin: str, hook: str, known: Sequence[str], meant: str | None) -> None:
        super().__init__(plugin, hook, tuple(known), meant)
        self.plugin, self.hook, self.known, self.meant = plugin, hook, tuple(known), meant
        self.sentence = f"The plugin {plugin!r} fills the hook {hook!r}, which does not exist."
        self.next_step = (
            f"Did you mean {meant!r}?" if meant else f"Hooks are: {', '.join(self.known)}."
        )


class TryLater(AdmitError):
    """Contention, a cool-down or a full queue. Nothing was changed; the same call may succeed."""

    code = "try-later"
    exit_code = 5

    def __init__(self, because: str, after: timedelta | None = None) -> None:
        super().__init__(because, after)
        self.because, self.after = because, after
        self.sentence = f"Not now: {because}."
        self.next_step = (
            "Try again in a moment."
            if after is None
            else f"Try again in {max(1, round(after.total_seconds()))} seconds."
        )


class CodeResting(TryLater):
    """Too many wrong codes (security.md T2): the code way rests, the link still works."""

    code = "code-resting"

    def __init__(self) -> None:
        super().__init__("too many wrong codes were typed")
        self.args = ()
        self.next_step = "Use the link in the message, or try the code tomorrow."


class ProviderFailed(AdmitError):
    """An identity provider's server could not be reached, or its answer cannot be used. Nothing was
    changed; `because` says what was wrong with it."""

    code = "provider-failed"
    exit_code = 5

    def __init__(self, provider: str, because: str) -> None:
        super().__init__(provider, because)
        self.provider, self.because = provider, because
        self.sentence = f"The server behind {provider!r} gave no usable answer: {because}."
        self.next_step = "Try again later; if it stays so, check the settings of this provider."


class NotConfigured(AdmitError):
    """Settings that this needs are missing. Nothing was written."""

    code = "not-configured"

    def __init__(self, what: str, settings: Sequence[str]) -> None:
        super().__init__(what, tuple(settings))
        self.what, self.settings = what, tuple(settings)
        self.sentence = f"{what} is not configured."
        self.next_step = f"Set {' and '.join(self.settings)}, or open with dev=True."


class MissingExtra(AdmitError):
    """This needs a package that comes with an extra of admit. Nothing was changed."""

    code = "missing-extra"

    def __init__(self, what: str, package: str, extra: str) -> None:
        super().__init__(what, package, extra)
        self.what, self.package, self.extra = what, package, extra
        self.sentence = f"{what} needs the package {package}, which is not installed."
        self.next_step = f"Install it: pip install 'admit[{extra}]'"


class WrongKey(AdmitError):
    """The store was made with another engine key, or no key was given. Nothing was read."""

    code = "wrong-key"

    def __init__(self, source: str, expected: str | None, found: str | None) -> None:
        super().__init__(source, expected, found)
        self.source, self.expected, self.found = source, expected, found
        if found is None:
            self.sentence = f"No engine key was found in {source}."
        else:
            self.sentence = (
                f"The key from {source} has the id {found}; this store was made with {expected}."
            )
        self.next_step = "Pass key=…, set ADMIT_KEY, or put the key file back beside the store."


class StoreError(AdmitError):
    """The store could not do what was asked."""

    code = "store-error"

    def __init__(self, sentence: str, next_step: str = "See the store's documentation.") -> None:
        super().__init__(sentence, next_step)
        self.sentence, self.next_step = sentence, next_step


class FateUnknown(StoreError):
    """The connection or the sync failed: the commit may or may not have happened."""

    code = "fate-unknown"

    def __init__(
        self,
        sentence: str = "It is not known whether the change was kept.",
        next_step: str = "Look before repeating it.",
    ) -> None:
        super().__init__(sentence, next_step)


class StoreDamaged(StoreError):
    """The store's files hold something that is no record of ours."""

    code = "store-damaged"


class StoreIncomplete(StoreError):
    """The store is a copy that is not whole, or does not equal what it was copied from."""

    code = "store-incomplete"


class StoreTooNew(StoreError):
    """The store was written by a newer version of admit. Nothing was changed."""

    code = "store-too-new"


class StoreClosed(StoreError):
    """The store, or the engine, was closed – or it was opened before a fork."""

    code = "store-closed"


class StoreReadOnly(StoreError):
    """The store was opened for reading only, or its files may not be written."""

    code = "store-read-only"


class StoreFull(StoreError):
    """There is no room left. The change was not kept; memory and file agree."""

    code = "store-full"


class StoreInUse(StoreError):
    """Others have the store open, and this needs it alone. Nothing was changed."""

    code = "store-in-use"
    exit_code = 5

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is open in another process, or elsewhere in this one.",
            "Stop whatever uses it, then try again.",
        )
        self.args = (name,)


class StoreUnreachable(StoreError):
    """No connection to the store's database can be had. Nothing was changed.

    The same call may succeed when the database is back.
    """

    code = "store-unreachable"
    exit_code = 5
