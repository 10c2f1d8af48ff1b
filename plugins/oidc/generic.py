"""The provider `oidc`: any provider of OpenID Connect, by the URL of its issuer.

For a second one, hand over `OpenIdPlugin("oidc-second")`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import attrs

from admit.hookspecs import hookimpl
from admit.providers import Provider

from .provider import OpenIdProvider
from .settings import SecretSettings

if TYPE_CHECKING:
    from .client import Dialect


@attrs.frozen
class GenericSettings(SecretSettings):
    """The section `oidc`: nothing is known of it beforehand."""


class OpenIdPlugin:
    """Offers one provider of OpenID Connect under a name of your choice, which is also the section
    of its settings: `admit.open(plugins=[OpenIdPlugin("oidc-staff")])`."""

    def __init__(self, name: str, section: type[SecretSettings] | None = None) -> None:
        self._name = name
        self._section = section or attrs.make_class(
            "NamedSettings", {}, bases=(SecretSettings,), frozen=True
        )

    @hookimpl
    def register_settings(self) -> Mapping[str, type]:
        """Offer the provider's section."""
        return {self._name: self._section}

    @hookimpl
    def register_providers(self) -> Iterable[Provider]:
        """Offer the provider."""
        chosen = self._section is not GenericSettings  # somebody loaded it, so it is wanted
        return [OpenIdProvider(self._name, self._dialect, enabled_by_default=chosen)]

    def _dialect(self) -> Dialect:
        from .client import Dialect

        return Dialect(
            name=self._name,
            section=self._section,
            # An issuer has no fragment (Discovery §3), so no two pairs make the same text.
            login_key=lambda issuer, subject: f"{issuer}#{subject}",
        )


_PLUGIN = OpenIdPlugin("oidc", GenericSettings)


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `oidc`."""
    return _PLUGIN.register_settings()


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Offer `oidc`."""
    return _PLUGIN.register_providers()
