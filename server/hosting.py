"""The applications that a server hosts: an engine each, and the ids that clients know it by."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

import admit
from admit.claims import TokenClaims
from admit.errors import InvalidInput, SessionInvalid, StoreError
from admit.hookspecs import hookimpl
from admit.records import Session, User
from admit.services import Services

from .settings import ServerSettings

DEFAULT_APP_ID: Final = "admit-local"
DOMAIN_CLAIM: Final = "baas_domain_id"
DEVICE_CLAIM: Final = "baas_device_id"
"""Claims that the service's access tokens had (wire-contract.md §3)."""


@functools.cache
def derived_id(kind: str, app_id: str) -> str:
    """Return an id of 24 hex digits that is always the same for *app_id*: no process has to store
    it, and several workers agree."""
    return hashlib.sha256(f"admit {kind} {app_id}".encode()).hexdigest()[:24]


@attrs.frozen(kw_only=True)
class Hosted:
    """One application, served."""

    engine: admit.Engine
    app_id: str
    internal_id: str
    group_id: str
    domain_id: str
    functions: Mapping[str, Callable[..., Any]] = attrs.field(factory=dict)
    """What `functions/call` may call, by name; nothing else."""
    inline: bool = True
    """Whether the store is asked on the event loop for what is a look-up only: one that is local
    answers in microseconds, one behind a network does not."""
    _latest: list[ServerSettings] = attrs.field(factory=list, init=False, repr=False)

    @property
    def settings(self) -> ServerSettings:
        """The server's settings as they are now; where the store is behind a network, as `look`
        found them last. Never raises: whoever reads them is on the way of every request."""
        return self.look() if self.inline or not self._latest else self._latest[0]

    def look(self) -> ServerSettings:
        """Return the settings as they are now. While the store does not answer, those before."""
        try:
            self._latest[:] = [self.engine.settings.section(ServerSettings)]
        except StoreError:
            if not self._latest:
                raise
        return self._latest[0]


def hosted(
    engine: admit.Engine,
    *,
    app_id: str | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    inline: bool = True,
) -> Hosted:
    """Return *engine* as an application with its ids: those of the settings, else made of *app_id*
    or the setting `server.app_id`. Clients may call *functions*, and those that the setting
    `server.functions` names.

    Raises:
        UnknownName: one that it names is not registered.
    """
    settings = engine.settings.section(ServerSettings)
    name = named(app_id, settings)
    return Hosted(
        engine=engine,
        app_id=name,
        internal_id=settings.internal_id or derived_id("application", name),
        group_id=settings.group_id or derived_id("group", name),
        domain_id=derived_id("domain", name),
        functions={
            **{one: engine.function(one) for one in settings.functions},
            **(functions or {}),
        },
        inline=inline,
    )


class Applications:
    """All applications of one server, found by what a request says."""

    def __init__(self, served: Iterable[Hosted]) -> None:
        self.all: Final = tuple(served)
        if not self.all:
            raise InvalidInput("applications", "there is none to serve.", "Name a store.")
        self._by_app_id = {one.app_id: one for one in self.all}
        if len(self._by_app_id) != len(self.all):
            raise InvalidInput(
                "applications", "two have the same app id.", "Set server.app_id in each admit.toml."
            )
        self._by_internal_id = {one.internal_id: one for one in self.all}
        self._by_domain_id = {one.domain_id: one for one in self.all}

    def by_app_id(self, app_id: str) -> Hosted | None:
        """Return the application that clients call so, or None."""
        return self._by_app_id.get(app_id)

    def by_internal_id(self, internal_id: str) -> Hosted | None:
        """Return the application that the Admin API calls so, or None."""
        return self._by_internal_id.get(internal_id)

    def by_access_token(self, token: str) -> Hosted:
        """Return whose access token this says it is: routes without an app id name none. Nothing is
        believed; that application's engine verifies it. Raises SessionInvalid: nobody's."""
        if len(self.all) == 1:
            return self.all[0]
        found = self._by_domain_id.get(str(_unverified(token).get(DOMAIN_CLAIM)))
        if found is None:
            raise SessionInvalid("malformed")
        return found

    def by_refresh_token(self, token: str) -> Hosted:
        """Return whose refresh token this is: the one whose engine signed it – it has no claim of
        ours. Of one that nobody signed, or of an access token in its place: the one that its claim
        names, else the last; its engine says what is wrong."""
        for one in self.all[:-1]:
            if one.engine.sessions.made(token):
                return one
        if len(self.all) == 1:
            return self.all[0]
        return self._by_domain_id.get(str(_unverified(token).get(DOMAIN_CLAIM)), self.all[-1])


class ServedClaims:
    """What access tokens say besides: which application, and which device (wire-contract.md §3)."""

    name = "admit-server"
    inline = True

    def __init__(self, app_id: str | None) -> None:
        self._app_id = app_id

    def claims(self, user: User, session: Session, services: Services) -> Mapping[str, object]:
        """Return both; without a device, none is named."""
        app_id = named(self._app_id, services.settings(ServerSettings))
        return {DOMAIN_CLAIM: derived_id("domain", app_id), DEVICE_CLAIM: session.device_id}


class ServedPlugin:
    """The plugin that a served engine is opened with, for its tokens to find it again. *app_id* is
    what `hosted` is given."""

    def __init__(self, app_id: str | None = None) -> None:
        self._claims = ServedClaims(app_id)

    @hookimpl
    def register_claims(self) -> Iterable[TokenClaims]:
        """Offer the claims."""
        return [self._claims]


def named(app_id: str | None, settings: ServerSettings) -> str:
    """Return the client app id: the one given, else that of the settings."""
    return app_id or settings.app_id or DEFAULT_APP_ID


def _unverified(token: str) -> Mapping[str, object]:
    parts = token.split(".")
    try:
        payload = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}
