"""The provider `custom-function`: a callable of the application says who somebody is.

It is registered by name (`admit.open(functions={"badge": badge})`, `admit.toml`, or the hook
`register_functions`) and named by the setting `custom-function.function`; no setting can name code
that was not registered (security.md N6).

It is called with **one argument, a dict**: the credentials as the caller gave them. It answers

- the id by which it knows this user: text or a whole number, never given to anybody else;
- or a mapping with that `id`, and what else it says of the user – `name`, `email` and the like –,
  which becomes the identity's data. An `email` becomes the user's address; with `email_verified`
  True the function vouches for it (security.md H5);
- or None: these credentials are not right.

To refuse with a sentence that the caller reads, it raises `admit.errors.CredentialsRefused`. It may
be `async def`. If it raises anything else, or does not answer within `custom-function.time_limit`,
nobody is logged in, and the caller learns that the plugin failed, but not how.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

import attrs

from admit.addresses import usable
from admit.errors import NotConfigured, PluginFailed, WrongCredentials
from admit.hookspecs import hookimpl
from admit.providers import Check, Claim, Credentials, Provider
from admit.records import Identity
from admit.services import Services
from admit.settings import setting

NAME: Final = "custom-function"
LONGEST_ID: Final = 255


@attrs.frozen
class CustomFunctionSettings:
    """The section `custom-function`."""

    function: str | None = setting(None, "The registered function that says who somebody is.")
    time_limit: timedelta = setting(
        timedelta(seconds=30),
        "How long it may take to answer.",
        minimum=timedelta(seconds=1),
        maximum=timedelta(minutes=5),
    )


class CustomFunction:
    """Asks the function named by `custom-function.function`. The first log-in makes the user."""

    name = NAME
    enabled_by_default = False

    def limit_seconds(self, services: Services) -> float:
        """Return `custom-function.time_limit`."""
        return services.settings(CustomFunctionSettings).time_limit.total_seconds()

    def identify(self, credentials: Credentials, services: Services) -> Claim | Awaitable[Claim]:
        """Return whom the function recognised.

        Raises:
            WrongCredentials: it answered None, or raised it – CredentialsRefused, with a sentence.
            NotConfigured: no function is named. UnknownName: it is not registered.
            PluginFailed: it answered nonsense.
        """
        name = services.settings(CustomFunctionSettings).function
        if not name:
            raise NotConfigured("The provider 'custom-function'", ["custom-function.function"])
        answer = services.function(name)(dict(credentials))
        return _later(name, answer) if isinstance(answer, Awaitable) else _claim(name, answer)

    def check(
        self, credentials: Credentials, identity: Identity | None, services: Services
    ) -> Check:
        """Refuse: these claims need no comparing."""
        return Check(accepted=False)


async def _later(name: str, answer: Awaitable[Any]) -> Claim:
    return _claim(name, await answer)


def _claim(name: str, answer: Any) -> Claim:
    if answer is None:
        raise WrongCredentials
    said: Mapping[Any, Any] = answer if isinstance(answer, Mapping) else {"id": answer}
    user_id = _id(name, said.get("id"))
    address = usable(said.get("email"))
    return Claim(
        login_key=user_id,
        identity_id=user_id,
        proved=True,
        creates_users=True,
        data={field: value for field, value in said.items() if field != "id"},
        address=address,
        address_proved=address is not None and said.get("email_verified") is True,
    )


def _id(name: str, value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_ID or not text.isprintable():
        raise PluginFailed(
            NAME,
            f"the function {name!r}",
            f"must answer an id: text of at most {LONGEST_ID} characters",
        )
    return text


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `custom-function`."""
    return {NAME: CustomFunctionSettings}


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Offer `custom-function`."""
    return [CustomFunction()]
