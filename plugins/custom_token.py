"""The provider `custom-token`: a signed token (JWT) of another system says who somebody is.

Whoever signs the tokens decides who is let in, so who they are – secret, keys, audience, issuer –
cannot be changed by an admin at run time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from admit.addresses import usable
from admit.errors import (
    InvalidInput,
    InvalidSetting,
    MissingExtra,
    NotConfigured,
    WrongCredentials,
)
from admit.hookspecs import hookimpl
from admit.masked import Secret
from admit.providers import Check, Claim, Credentials, Provider
from admit.records import Identity
from admit.services import Services
from admit.settings import NOT_IN_STORE, setting

from .custom_token_claims import data_of, id_of, read_metadata
from .custom_token_keys import CustomTokenKeys, Sources, check_secret
from .fetching import check_url
from .signed_tokens import ALGORITHMS, Refused, check_times, read_header, verified

_log: Final = logging.getLogger("admit.custom_token")
NAME: Final = "custom-token"
LONGEST: Final = 1_000_000
"""Characters of a token (wire-contract.md §3)."""
KINDS: Final = ("jwt", "at+jwt")
"""What a token may call itself: any, or an access token (RFC 9068)."""


@attrs.frozen
class CustomTokenSettings:
    """The section `custom-token`."""

    secret: Secret | None = setting(
        None, "What tokens are signed with by HS256: at least 32 bytes.", where=NOT_IN_STORE
    )
    former_secret: Secret | None = setting(
        None, "The one before, while tokens signed with it are about.", where=NOT_IN_STORE
    )
    keys: str | None = setting(
        None, "Public keys: PEM, one JWK, or a JWKS, as text.", where=NOT_IN_STORE
    )
    key_file: Path | None = setting(
        None, "A file with such keys, read when it is first needed.", where=NOT_IN_STORE
    )
    jwks_url: str | None = setting(
        None, "Where a JWKS is fetched, and fetched again as its keys change.", where=NOT_IN_STORE
    )
    algorithms: tuple[str, ...] = setting(
        ("RS256", "ES256", "EdDSA"),
        "What tokens may be signed with by public keys; HS256 is for the secret alone.",
        where=NOT_IN_STORE,
    )
    audience: tuple[str, ...] = setting(
        (), "Who tokens must be for: one of these.", where=NOT_IN_STORE
    )
    every_audience: bool = setting(
        False, "Whether a token must be for each of these.", where=NOT_IN_STORE
    )
    issuer: str | None = setting(
        None, "Whom tokens must be from; none: whoever has the key.", where=NOT_IN_STORE
    )
    id_claim: str = setting(
        "sub", "The claim that says who it is; its path, if inside another.", where=NOT_IN_STORE
    )
    metadata: tuple[str, ...] = setting(
        (), "What else is kept: claim=field, the claim by its path, such as user_data.name=name."
    )
    required: tuple[str, ...] = setting((), "Fields of these without which nobody is let in.")
    trusts_addresses: bool = setting(
        False,
        "Whether the field `email` counts as proved when the token says email_verified.",
        where=NOT_IN_STORE,
    )
    time_limit: timedelta = setting(
        timedelta(seconds=5),
        "How long the server of jwks_url may take for one answer.",
        minimum=timedelta(milliseconds=100),
        maximum=timedelta(seconds=25),
    )


class CustomToken:
    """Logs in whom a token of another system is about. The first log-in makes the user.

    The library that verifies it is imported at the first log-in.
    """

    name = NAME
    enabled_by_default = False

    def __init__(self) -> None:
        self._keys = CustomTokenKeys(NAME)
        self._file: tuple[Path, str] | None = None

    def check_settings(self, services: Services) -> None:
        """Return if what is set can be right; asked when an engine opens (security.md J5).

        Raises:
            InvalidSetting: a secret is too short, a URL is no https one, an algorithm is not one
                of public keys, or `metadata` is no list of claims.
        """
        settings = services.settings(CustomTokenSettings)
        check_secret("custom-token.secret", settings.secret)
        check_secret("custom-token.former_secret", settings.former_secret)
        if settings.jwks_url is not None:
            check_url("custom-token.jwks_url", settings.jwks_url)
        _check_algorithms(settings.algorithms)
        read_metadata(settings.metadata)

    def identify(self, credentials: Credentials, services: Services) -> Claim:
        """Return whom the `token` is about.

        Raises:
            InvalidInput: it is missing or no text; or it is good, and lacks what is required.
            WrongCredentials: it is not signed with a key of ours, is not for us, or not good now.
            ProviderFailed: the server of `jwks_url` cannot be asked.
            NotConfigured, InvalidSetting, MissingExtra.
        """
        settings = _configured(services)
        token = _text(credentials)
        try:
            claims = self._verified(token, settings, services)
        except Refused as refused:
            _log.info("a custom token was refused: %s", refused)
            raise WrongCredentials from None
        fields = read_metadata(settings.metadata)
        data = data_of(claims, fields, settings.required)
        user_id = id_of(claims, settings.id_claim)
        address = usable(data.get("email"))
        # `email_verified` speaks of the claim `email`, not of another that is called so here.
        vouched = (
            settings.trusts_addresses
            and fields.get("email") == "email"
            and claims.get("email_verified") is True
        )
        return Claim(
            login_key=user_id,
            identity_id=user_id,
            proved=True,
            creates_users=True,
            data=data,
            address=address,
            address_proved=address is not None and vouched,
        )

    def check(
        self, credentials: Credentials, identity: Identity | None, services: Services
    ) -> Check:
        """Refuse: these claims need no comparing."""
        return Check(accepted=False)

    def _verified(
        self, token: str, settings: CustomTokenSettings, services: Services
    ) -> Mapping[str, Any]:
        now = services.clock.now()
        algorithm, kid = read_header(token, kinds=KINDS, longest=LONGEST)
        if algorithm != "HS256" and algorithm not in settings.algorithms:
            raise Refused("its algorithm is not allowed")
        keys = self._keys.find(self._sources(settings), kid, algorithm, now)
        claims = verified(token, algorithm, keys)
        check_times(claims, now, needed=("exp",))
        _check_audience(claims, settings)
        if settings.issuer is not None and claims.get("iss") != settings.issuer:
            raise Refused("it is from another issuer")
        return claims

    def _sources(self, settings: CustomTokenSettings) -> Sources:
        return Sources(
            secrets=tuple(s for s in (settings.secret, settings.former_secret) if s is not None),
            keys=settings.keys if settings.key_file is None else self._read(settings.key_file),
            jwks_url=settings.jwks_url,
            seconds=settings.time_limit.total_seconds(),
        )

    def _read(self, path: Path) -> str:
        if self._file is None or self._file[0] != path:
            try:
                self._file = (path, path.read_text("utf-8"))
            except (OSError, UnicodeDecodeError) as problem:
                raise InvalidSetting(
                    "custom-token.key_file", f"cannot be read: {type(problem).__name__}."
                ) from None
        return self._file[1]


def _configured(services: Services) -> CustomTokenSettings:
    settings = services.settings(CustomTokenSettings)
    keys = (settings.secret, settings.keys, settings.key_file, settings.jwks_url)
    missing = [] if any(keys) else [f"{NAME}.secret"]
    missing += [] if settings.audience else [f"{NAME}.audience"]
    if missing:
        what = f"The provider {NAME!r} (a secret, keys, key_file or jwks_url, and an audience)"
        raise NotConfigured(what, missing)
    try:
        import joserfc  # noqa: F401  # whether it is there
    except ImportError:
        raise MissingExtra(f"The provider {NAME!r}", "joserfc", "oidc") from None
    return settings


def _text(credentials: Credentials) -> str:
    given = credentials.get("token")
    text = given.reveal() if isinstance(given, Secret) else given
    if text is None:
        raise InvalidInput("token", "is missing.")
    if not isinstance(text, str):
        raise InvalidInput("token", f"must be text, not {type(text).__name__}.")
    return text


def _check_audience(claims: Mapping[str, Any], settings: CustomTokenSettings) -> None:
    said = claims.get("aud")
    named = {name for name in (said if isinstance(said, list) else [said]) if isinstance(name, str)}
    ours = set(settings.audience)
    if not (ours <= named if settings.every_audience else ours & named):
        raise Refused("it is for somebody else")


def _check_algorithms(algorithms: Iterable[str]) -> None:
    if not set(algorithms) <= ALGORITHMS:
        raise InvalidSetting(
            "custom-token.algorithms",
            f"must be among {', '.join(sorted(ALGORITHMS))}.",
            "Tokens that are signed with `secret` are taken without being named here.",
        )


@hookimpl
def register_settings() -> Mapping[str, type]:
    """Offer the section `custom-token`."""
    return {NAME: CustomTokenSettings}


@hookimpl
def register_providers() -> Iterable[Provider]:
    """Offer `custom-token`."""
    return [CustomToken()]
