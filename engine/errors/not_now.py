"""What was asked is right, but not in this state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .root import AdmitError

if TYPE_CHECKING:
    from ..records import RunId, User


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


class IdTaken(NotAllowedNow):
    """The id that a user was to be imported with belongs to another one. Nothing was changed."""

    code = "id-taken"

    def __init__(self, user_id: str, state: str) -> None:
        super().__init__(user_id, state)
        self.user_id, self.state = user_id, state
        if state == "deleted":
            self.sentence = f"The user {user_id} was here, and was deleted."
            self.next_step = "Leave her out; or import her without the id, as somebody new."
        else:
            self.sentence = f"A user {user_id} is here already, with other logins."
            self.next_step = "Compare the two; import this one without the id if it is another."


class Outdated(NotAllowedNow):
    """What was to be replaced has changed since it was read. Nothing was changed."""

    code = "outdated"

    def __init__(self, what: str, expected: int, found: int) -> None:
        super().__init__(what, expected, found)
        self.what, self.expected, self.found = what, expected, found
        self.sentence = f"{what}: version {expected} was expected, {found} is there."
        self.next_step = "Read it again, and decide again."


class IdentityTaken(NotAllowedNow):
    """This identity belongs to another user, who logged in with it or has custom data that a link
    would drop. Nothing was changed."""

    code = "identity-taken"

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self.provider = provider
        self.sentence = f"Another account has this {provider!r} identity."
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


class AdminKeyNameTaken(NotAllowedNow):
    """Another admin key has this name. Nothing was changed."""

    code = "admin-key-name-taken"

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "There is an admin key of this name already."
        self.next_step = "Choose another name, or delete that key."


class NoAdminKeys(NotAllowedNow):
    """The admin surface is off: there is no admin key (security.md N1). Nothing was changed."""

    code = "no-admin-keys"

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "No admin logs in here: there is no admin key."
        self.next_step = "Make one: admit admin-keys create NAME --scope viewer"


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
