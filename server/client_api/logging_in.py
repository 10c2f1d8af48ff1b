"""Logging in with a provider's credentials, and linking one more identity (wire-contract.md §2)."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.responses import Response

from admit.errors import (
    AdmitError,
    AlreadyLinked,
    CredentialsRefused,
    IdentityTaken,
    InvalidInput,
    LogInRefused,
    PluginError,
    UnknownName,
)
from admit.records import ANONYMOUS

from .. import ejson
from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .devices import Device, device_of
from .registering import is_private
from .telling import SESSION, Refused

LINK: Final = "link"
_FUNCTION: Final = "custom-function"
_WRONG: Final = {
    "local-userpass": ("InvalidPassword", "invalid username/password"),
    "api-key": ("AuthError", "invalid API key"),
    "custom-token": ("AuthError", "invalid custom auth token: it is not good here"),
}
"""Provider → what is told of credentials that are wrong; clients compare it."""


class LoggedIn(Body):
    """What a log-in gives: four texts, which clients insist on."""

    access_token: str
    user_id: str
    device_id: str
    refresh_token: str | msgspec.UnsetType = msgspec.UNSET
    """Absent after a link: the session goes on."""


async def log_in(ask: Ask) -> Response:
    """Log in – or, with `?link=true` and an access token, link."""
    provider = ask.part("provider")
    credentials = ejson.decoded(await ask.body(dict[str, Any]), "body")
    if not isinstance(credentials, dict):
        raise InvalidInput("body", "is no object.")
    options = credentials.pop("options", None)
    device = device_of(options.get("device") if isinstance(options, dict) else None)
    ask.device, ask.device_id = device.words, device.id
    if provider != _FUNCTION:  # core names it in every other body, too
        credentials.pop("provider", None)
    if ask.query(LINK) == "true":
        return await _linked(ask, provider, credentials, device)
    try:
        return told(await _logged_in(ask, provider, credentials, device))
    except (LogInRefused, PluginError) as refused:
        raise in_words_of(provider, refused) from None


async def _logged_in(
    ask: Ask, provider: str, credentials: dict[str, Any], device: Device
) -> LoggedIn:
    engine = ask.engine()
    if is_private(ask):
        login = await ask.call(lambda: engine.public.log_in(provider, **credentials))
    else:
        prepared = await ask.call(lambda: engine.prepare.log_in(provider, **credentials))
        login = await ask.batched(prepared)
    return LoggedIn(
        access_token=login.access_token.reveal(),
        refresh_token=login.refresh_token.reveal(),
        user_id=login.user.id,
        device_id=device.id,
    )


async def _linked(ask: Ask, provider: str, credentials: dict[str, Any], device: Device) -> Response:
    """Link to the caller, whose session and tokens go on."""
    access = await ask.access()
    engine, bearer = ask.engine(), ask.bearer
    fresh = ask.hosted.settings.fresh_log_in_needed
    link = engine.public.identities.link if fresh else engine.identities.link_for
    try:
        if provider == ANONYMOUS:
            raise AlreadyLinked(provider)
        user = await ask.call(lambda: link(bearer, provider, **credentials))
    except (IdentityTaken, AlreadyLinked) as refused:
        raise refused_link(refused, is_core=device.is_core and not is_private(ask)) from None
    except UnknownName as refused:
        if refused.kind != "provider that can be linked" or provider not in _WRONG:
            raise
        raise Refused(400, "BadRequest", f"linking an {provider} identity is not allowed") from None
    except (LogInRefused, PluginError) as refused:
        raise in_words_of(provider, refused) from None
    session_device = access.claims.get("baas_device_id")
    kept = session_device if isinstance(session_device, str) else device.id
    return told(LoggedIn(access_token=bearer, user_id=user.id, device_id=kept))


def refused_link(refused: IdentityTaken | AlreadyLinked, *, is_core: bool) -> Refused:
    """Return what is told of a link that cannot be. `InvalidSession` and 500 are what core-based
    clients expect; realm-web would repeat the first without end (wire-contract.md §1, rule 2)."""
    if isinstance(refused, IdentityTaken):
        message = "a user already exists with the specified provider"
        return Refused(401, SESSION if is_core else "AuthError", message)
    message = f"linking a {refused.provider} identity is not allowed when one is already linked"
    if refused.provider == ANONYMOUS:
        message = "linking an anonymous identity is not allowed"
    if is_core:
        return Refused(500, "InternalServerError", message)
    return Refused(400, "BadRequest", message)


def in_words_of(provider: str, refused: LogInRefused | PluginError) -> AdmitError:
    """Return what is told instead, if clients know it by other words."""
    if isinstance(refused, PluginError):
        if provider != _FUNCTION:
            return refused
        return Refused(401, "AuthError", "the authentication function failed")
    if refused.because is not None or isinstance(refused, CredentialsRefused):
        return refused
    code, message = _WRONG.get(provider, ("AuthError", "the credentials are not right"))
    return Refused(401, code, message)


ROUTES = [
    Route(
        method="POST",
        path="/app/{app}/auth/providers/{provider}/login",
        handler=log_in,
        summary="Log in; with link=true and an access token, link an identity.",
        body=dict[str, Any],
        query={LINK: "`true`: link to the user whose access token comes along."},
        answers={200: LoggedIn},
    )
]
