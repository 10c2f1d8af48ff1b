"""The flows `function`: a callable of the application decides about confirmations and resets.

The callable is registered by name (`admit.open(functions={"greet": greet})`, `admit.toml`, or the
hook `register_functions`) and named by the settings `function.confirmation` or `function.reset`;
no setting can name code that was not registered (security.md N6).

It is called with **one argument, a dict** (wire-contract.md §5, in snake case), which holds text,
numbers, truths and None only, so that it can be sent on as JSON:

- `FunctionCall` for a confirmation: `confirm(call)`;
- `ResetCall` for a reset, and after it whatever the caller of the reset added, one by one:
  `reset(call, *arguments)`.

It answers an `admit.Outcome` or a mapping `{"status": "success" | "pending" | "fail"}`. With
`pending` it has brought the token to the user by its own means. It may be `async def`. If it
raises, or does not answer within `function.time_limit`, the user stays as it is and the caller is
told; only `fail` refuses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from datetime import timedelta
from typing import TypedDict

import attrs

from admit.clock import to_text
from admit.errors import NotConfigured
from admit.flows import Answer, ConfirmationFlow, Entry, ResetFlow
from admit.hookspecs import hookimpl
from admit.services import Services
from admit.settings import setting


class FunctionCall(TypedDict):
    """What a confirmation function is called with."""

    username: str
    """The address, or other login, as it was typed."""
    token: str
    """128 hex digits. Secret: whoever holds it is taken for the user."""
    token_id: str
    code: str
    """The typed way, as it should be shown. Secret, too."""
    expires_at: str
    """RFC 3339, UTC: until when token and code are good."""
    user_id: str
    purpose: str
    reason: str
    """Why it is called: `register`, `rerun`, `reset`, …"""
    attempt: int
    """1 for the first try. A later one may follow a success that was never heard of."""
    idempotency_key: str
    """The same for a repetition of this very attempt, different for every other."""
    locale: str | None


class ResetCall(FunctionCall):
    """What a reset function is called with, before the caller's own arguments."""

    password: str | None
    """The new password that was asked for. Secret. None when none was given."""
    current_password_valid: bool | None
    """Whether the caller also gave the current password, rightly; None when it gave none."""


@attrs.frozen
class FunctionSettings:
    """The section `function`."""

    confirmation: str | None = setting(
        None, "The registered function that the confirmation flow calls."
    )
    reset: str | None = setting(None, "The registered function that the reset flow calls.")
    time_limit: timedelta = setting(
        timedelta(seconds=30),
        "How long a function may take to answer.",
        minimum=timedelta(seconds=1),
        maximum=timedelta(minutes=5),
    )


class FunctionConfirmation:
    """Asks the function named by `function.confirmation`."""

    name = "function"

    def limit_seconds(self, services: Services) -> float:
        """Return `function.time_limit`."""
        return services.settings(FunctionSettings).time_limit.total_seconds()

    def check(self, services: Services) -> None:
        """Return if the function exists.

        Raises:
            NotConfigured: no function is named.
            UnknownName: the one that is named is not registered.
        """
        services.function(_named(services, "confirmation"))

    def begin(self, entry: Entry, services: Services) -> Answer | Awaitable[Answer]:
        """Return the function's answer as it is; the engine validates it."""
        function = services.function(_named(services, "confirmation"))
        answer: Answer | Awaitable[Answer] = function(_call(entry))
        return answer


class FunctionReset:
    """Asks the function named by `function.reset`."""

    name = "function"

    def limit_seconds(self, services: Services) -> float:
        """Return `function.time_limit`."""
        return services.settings(FunctionSettings).time_limit.total_seconds()

    def check(self, services: Services) -> None:
        """Return if the function exists.

        Raises:
            NotConfigured: no function is named.
            UnknownName: the one that is named is not registered.
        """
        services.function(_named(services, "reset"))

    def begin(self, entry: Entry, services: Services) -> Answer | Awaitable[Answer]:
        """Return the function's answer as it is; the engine validates it."""
        function = services.function(_named(services, "reset"))
        call: ResetCall = {
            **_call(entry),
            "password": None if entry.password is None else entry.password.reveal(),
            "current_password_valid": entry.current_password_valid,
        }
        answer: Answer | Awaitable[Answer] = function(call, *entry.arguments)
        return answer


def _named(services: Services, setting_name: str) -> str:
    name: str | None = getattr(services.settings(FunctionSettings), setting_name)
    if not name:
        raise NotConfigured("The flow 'function'", [f"function.{setting_name}"])
    return name


def _call(entry: Entry) -> FunctionCall:
    return {
        "username": entry.username,
        "token": entry.token.reveal(),
        "token_id": entry.token_id,
        "code": entry.code.reveal(),
        "expires_at": to_text(entry.expires_at),
        "user_id": entry.user_id,
        "purpose": entry.purpose,
        "reason": entry.reason,
        "attempt": entry.attempt,
        "idempotency_key": entry.idempotency_key,
        "locale": entry.locale,
    }


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `function`."""
    return {"function": FunctionSettings}


@hookimpl
def register_confirmation_flows() -> Iterable[ConfirmationFlow]:
    """Offer `function`."""
    return [FunctionConfirmation()]


@hookimpl
def register_reset_flows() -> Iterable[ResetFlow]:
    """Offer `function`."""
    return [FunctionReset()]
