"""Who asks an ASGI application: Starlette, Quart, Litestar, or one without a framework.

    callers = Callers(engine)

    async def app(scope, receive, send):
        try:
            access = await callers.access(scope)
        except AdmitError as error:
            told = refusal(error)  # a status, headers, a body

An access token is checked on the event loop where the store is a file of this machine – that takes
microseconds, a thread many times as much –, else in a thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, Final, TypeVar

import admit
from admit.errors import SessionInvalid
from admit.records import Access, User

from .presented import Reading
from .refusals import NoToken, Refusal, refusal

__all__ = ["Callers", "NoToken", "Refusal", "refusal"]

T = TypeVar("T")
Scope = MutableMapping[str, Any]


class Callers:
    """Who asks, of one engine; an application may have several.

    *cookie*: the name of a cookie that may carry the token instead of the header. Mind that a
    browser sends it with what other sites let it ask for: see docs/web.md. *trusted_proxies*:
    networks whose X-Forwarded-For is believed. *inline*: whether tokens are checked on the event
    loop; None: where the store is a file of this machine.

    Raises:
        InvalidInput: *trusted_proxies* has something else than networks.
    """

    def __init__(
        self,
        engine: admit.Engine,
        *,
        cookie: str | None = None,
        trusted_proxies: Sequence[str] = (),
        inline: bool | None = None,
    ) -> None:
        self.engine: Final = engine
        self._reading = Reading(cookie, trusted_proxies)
        self._inline = engine.is_local if inline is None else inline

    async def access(self, scope: Scope) -> Access:
        """Return what the access token says: the cheapest check. Raises NoToken, SessionInvalid."""
        return await self._ask(self.engine.verify, _Asked(scope))

    async def user(self, scope: Scope) -> User:
        """Return the current user, as it is now: confirmed, and not disabled – who is not has no
        session. Raises NoToken, SessionInvalid."""
        return await self._ask(self.engine.sessions.user_of, _Asked(scope))

    async def fresh(self, scope: Scope) -> Access:
        """Return what the access token says, if its user logged in within the setting
        `fresh_log_in_within`. Raises NoToken, SessionInvalid, FreshLogInNeeded."""
        return await self._ask(self.engine.sessions.verify_fresh, _Asked(scope))

    async def optional_access(self, scope: Scope) -> Access | None:
        """Return what the access token says; None if none came, or a dead one in a cookie. Raises
        SessionInvalid: a dead one was sent in the header, so its client wants to be somebody."""
        return await self._ask_if_any(self.engine.verify, _Asked(scope))

    async def optional_user(self, scope: Scope) -> User | None:
        """Return the current user; None as `optional_access`. Raises SessionInvalid."""
        return await self._ask_if_any(self.engine.sessions.user_of, _Asked(scope))

    def stranger(self, scope: Scope) -> admit.Engine:
        """Return the engine in which somebody asks from the client of this request: for
        `public`."""
        return self.engine.acting(admit.Actor("user"), client=self.client(scope))

    def acting(self, access: Access, scope: Scope) -> admit.Engine:
        """Return the engine in which the user of *access* asks, from the client of this request."""
        return self.engine.acting(admit.Actor("user", access.user_id), client=self.client(scope))

    def client(self, scope: Scope) -> admit.Client:
        """Return the address – through the trusted proxies – and the locale of the request."""
        return self._reading.client(_Asked(scope))

    async def _ask(self, check: Callable[[str], T], asked: _Asked) -> T:
        token = self._reading.token(asked)
        return check(token) if self._inline else await asyncio.to_thread(check, token)

    async def _ask_if_any(self, check: Callable[[str], T], asked: _Asked) -> T | None:
        try:
            return await self._ask(check, asked)
        except (NoToken, SessionInvalid):
            if self._reading.is_meant(asked):
                raise
            return None


class _Asked:
    """A request, in the words of ASGI: header names are bytes in lower case."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def peer(self) -> str | None:
        client = self._scope.get("client")
        return client[0] if client else None

    def header(self, name: str) -> str | None:
        wanted = name.encode("latin-1")
        found = [value for key, value in self._scope["headers"] if key == wanted]
        separator = b"; " if name == "cookie" else b", "
        return separator.join(found).decode("latin-1") if found else None
