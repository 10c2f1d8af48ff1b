"""What is still to be done, and what stays behind, when an application has moved in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from .exported import Exported
from .findings import Left
from .provider_settings import Carried

CALLBACK: Final = "/api/client/v2.0/auth/callback"
"""Where identity providers send browsers back to, as they did before (wire-contract.md §2)."""
_BROWSERS: Final = ("oauth2-google", "oauth2-facebook", "oauth2-apple")


@attrs.frozen(kw_only=True)
class Missing:
    """A setting without which something of the application does not work yet."""

    setting: str
    why: str


def missing_settings(settings: Mapping[str, object], public_url: str | None) -> Iterator[Missing]:
    """Yield what has to be set by hand: mail, and what only the new place can know."""
    if not settings.get("local-userpass.enabled"):
        pass
    elif "email" in {settings.get("confirmation_flow"), settings.get("reset_flow")}:
        yield Missing(setting="transport", why="Mails are yours to send now: smtp, for one.")
        yield Missing(setting="email.sender", why="App Services sent from an address of its own.")
        if settings.get("email.link_base") is None:
            yield Missing(setting="email.link_base", why="The page that links in mails open.")
    if public_url is None:
        yield Missing(setting="server.public_url", why="The URL that clients reach you by.")
    for name in _BROWSERS:
        if _sends_browsers(name, settings) and public_url is None:
            why = f"Your public_url and {CALLBACK}: register it with the provider, too."
            yield Missing(setting=f"{name}.redirect_uris", why=why)


def _sends_browsers(provider: str, settings: Mapping[str, object]) -> bool:
    return bool(settings.get(f"{provider}.enabled") and settings.get(f"{provider}.return_uris"))


def callbacks(settings: Mapping[str, object], public_url: str | None) -> dict[str, tuple[str, ...]]:
    """Return setting → the page that browsers come back to, of each provider that sends them."""
    if public_url is None:
        return {}
    page = f"{public_url.rstrip('/')}{CALLBACK}"
    return {
        f"{name}.redirect_uris": (page,) for name in _BROWSERS if _sends_browsers(name, settings)
    }


def left_behind(
    exported: Exported,
    carried: Carried,
    settings: Mapping[str, object],
    public_url: str | None,
) -> Iterator[Left]:
    """Yield what of an application is not carried over, besides what its providers say."""
    if settings.get("local-userpass.enabled"):
        yield Left(
            field="passwords",
            why="of 6 characters were enough; new ones need password_min_length, 8 by default.",
        )
    for name, pages in callbacks(settings, public_url).items():
        yield Left(field=name, why=f"register it with the provider, too: {pages[0]}")
    custom = exported.custom_user_data
    if custom.get("enabled"):
        yield Left(
            field="custom_user_data",
            why="the documents lie in MongoDB; set them with: admit custom-data.",
        )
    function = custom.get("on_user_creation_function_name")
    if function:
        yield Left(
            field="custom_user_data.on_user_creation_function_name",
            why=f"a plugin's after_register does what {function!s:.80} did.",
        )
    for trigger in exported.triggers:
        yield Left(
            field=f"triggers.{trigger.name}",
            why=f"{', '.join(trigger.operations) or 'it'} called {trigger.function or 'nothing'}: "
            "follow events, or write a hook.",
        )
    used = {function.name for function in carried.functions}
    for name in exported.functions:
        if name not in used:
            yield Left(
                field=f"functions.{name}",
                why="is JavaScript; a callable registered by this name is called instead.",
            )
    for value in exported.values:
        secret = "" if value.secret is None else f", from the secret {value.secret!r}"
        yield Left(field=f"values.{value.name}", why=f"functions alone read it{secret}.")
