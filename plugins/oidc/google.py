"""The provider `oauth2-google`: log in with Google."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import attrs

from admit.hookspecs import hookimpl
from admit.providers import Provider
from admit.settings import NOT_IN_STORE, setting

from .provider import OpenIdProvider
from .settings import SecretSettings

if TYPE_CHECKING:
    from .client import Dialect

NAME: Final = "oauth2-google"


@attrs.frozen
class GoogleSettings(SecretSettings):
    """The section `oauth2-google`."""

    issuer: str | None = setting(
        "https://accounts.google.com",
        "The issuer's URL; what else is to be known is discovered there.",
        where=NOT_IN_STORE,
    )
    trusts_addresses: bool = setting(
        True,
        "Whether an address that this provider calls verified counts as proved.",
        where=NOT_IN_STORE,
    )


def _dialect() -> Dialect:
    from .client import Dialect

    return Dialect(
        name=NAME,
        section=GoogleSettings,
        # Google's subjects are unique by themselves; existing stores are keyed so.
        login_key=lambda issuer, subject: subject,
        short_issuer=True,  # both spellings are in use, says its documentation
    )


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `oauth2-google`."""
    return {NAME: GoogleSettings}


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Offer `oauth2-google`."""
    return [OpenIdProvider(NAME, _dialect)]
