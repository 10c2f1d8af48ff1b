"""What was asked is wrong in itself: a value breaks a rule, or names nobody and nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .root import AdmitError

_MANY: Final = 40
"""More names than anybody reads in a sentence."""


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


class AdminKeyNotFound(NotFound):
    """There is no admin key with this id. Nothing was changed."""

    code = "admin-key-not-found"

    def __init__(self) -> None:
        super().__init__()
        self.sentence = "There is no admin key with this id."
        self.next_step = "Check it, or list the keys: admit admin-keys list"
