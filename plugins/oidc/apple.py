"""The provider `oauth2-apple`: sign in with Apple."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from admit.errors import InvalidSetting
from admit.hookspecs import hookimpl
from admit.leaving import EraseStep, Left
from admit.masked import Secret
from admit.providers import Provider
from admit.records import User
from admit.services import Services
from admit.settings import NOT_IN_STORE, setting

from .provider import OpenIdProvider
from .settings import OpenIdSettings, needed

if TYPE_CHECKING:
    from .client import Dialect

NAME: Final = "oauth2-apple"
SECRET_LIFETIME: Final = timedelta(minutes=5)
"""Of a client secret, which is made anew for each request; Apple allows six months."""


@attrs.frozen
class AppleSettings(OpenIdSettings):
    """The section `oauth2-apple`."""

    issuer: str | None = setting(
        "https://appleid.apple.com",
        "The issuer's URL; what else is to be known is discovered there.",
        where=NOT_IN_STORE,
    )
    team_id: str | None = setting(None, "Your team's id, ten signs.")
    key_id: str | None = setting(None, "The id of the key for Sign in with Apple, ten signs.")
    private_key: Secret | None = setting(
        None, "That key: the text of the .p8 file that Apple gave you.", where=NOT_IN_STORE
    )
    scopes: tuple[str, ...] = setting(
        ("name", "email"), "What the user is asked to share, besides `openid`."
    )
    trusts_addresses: bool = setting(
        True,
        "Whether an address that this provider calls verified counts as proved.",
        where=NOT_IN_STORE,
    )


def client_secret(settings: AppleSettings, services: Services, client_id: str) -> Secret:
    """Return the token with which a client of ours shows itself to Apple.

    Raises:
        NotConfigured: team, key id or key are missing.
        InvalidSetting: the key is no EC private key.
    """
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import ECKey

    needed(
        f"A client secret of {NAME!r}",
        NAME,
        team_id=settings.team_id,
        key_id=settings.key_id,
        private_key=settings.private_key,
    )
    now = services.clock.now()
    claims = {
        "iss": settings.team_id,
        "sub": client_id,
        "aud": settings.issuer,
        "iat": int(now.timestamp()),
        "exp": int((now + SECRET_LIFETIME).timestamp()),
    }
    text = "" if settings.private_key is None else settings.private_key.reveal()
    try:
        # In an environment variable its line breaks are often written as \\n.
        key = ECKey.import_key(text.replace("\\n", "\n"))
        return Secret(jwt.encode({"alg": "ES256", "kid": settings.key_id}, claims, key))
    except (JoseError, ValueError, TypeError):
        raise InvalidSetting(f"{NAME}.private_key", "is no EC private key in PEM.") from None


def said_beside(given: Mapping[str, Any]) -> Mapping[str, object]:
    """Return the name that stands beside the first answer, and never again (security.md O4).

    It comes as JSON in the field `user`, from the browser or from an app; nobody signed it, so it
    is a name to show and no more – the address in it is not even read.
    """
    user = given.get("user")
    try:
        said = json.loads(user) if isinstance(user, str) else user
    except (ValueError, RecursionError):
        return {}
    name = said.get("name") if isinstance(said, Mapping) else None
    if not isinstance(name, Mapping):
        return {}
    first, last = (
        part if isinstance(part := name.get(field), str) else ""
        for field in ("firstName", "lastName")
    )
    return {"given_name": first, "family_name": last, "name": f"{first} {last}".strip()}


def _dialect() -> Dialect:
    from .client import Dialect

    return Dialect(
        name=NAME,
        section=AppleSettings,
        login_key=lambda issuer, subject: subject,  # unique for a team, and so for an application
        client_secret=client_secret,
        verified_as_text=True,
        hashed_nonce=True,
        posts_back=True,  # it insists, when name or address are asked for
        said_beside=said_beside,
        tells_once=True,
        keeps_refresh_token=True,
    )


class AppleRevocation:
    """Takes back what Apple gave us for a user who is deleted, as it asks of apps, or who unlinked
    it."""

    private_of = (NAME,)
    needs_private = True
    also_of_unlinked = True

    def __init__(self) -> None:
        self._provider = OpenIdProvider(NAME, _dialect)

    def erase(self, left: Left, services: Services) -> None:
        """Revoke the refresh token, where there is one. Raises ProviderFailed: tried again."""
        self._provider.revoke(left.user, services)


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `oauth2-apple`."""
    return {NAME: AppleSettings}


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Offer `oauth2-apple`."""
    return [OpenIdProvider(NAME, _dialect)]


@hookimpl
def register_erase_steps() -> Mapping[str, Callable[[User], None] | EraseStep]:
    """Offer `apple-revocation`."""
    return {"apple-revocation": AppleRevocation()}
