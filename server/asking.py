"""One request: for which application, who asks, with which token, and where the work is done."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from starlette.requests import Request

import admit
from admit.errors import InvalidInput
from admit.records import Access, Session
from admit.web.presented import bearer

from . import bodies
from .around.request_ids import ID
from .clients import client_of, networks
from .ending import Ending
from .hosting import Applications, Hosted
from .refusals import NoSuchApplication, NoToken
from .routes import Route
from .settings import ServerSettings
from .threads import Threads

T = TypeVar("T")
B = TypeVar("B")

ONLY: Final = "-"
"""Stands for the id of the application where there is one only."""


class Ask:
    """What a handler works with. It is made anew for each request, and cheap: what is not asked for
    is not looked at."""

    def __init__(
        self,
        request: Request,
        route: Route,
        applications: Applications,
        threads: Threads,
        settings: ServerSettings,
    ) -> None:
        self.request: Final = request
        self.route: Final = route
        self.applications: Final = applications
        self.settings: Final = settings
        """Those of the process."""
        self.id: Final = cast(str, request.scope[ID])
        """The id of the request, in logs and in errors."""
        self.device: str | None = None
        """What the client said of its device, in words; a handler that reads it sets it."""
        self.device_id: str | None = None
        self._threads = threads

    # --- what was asked ------------------------------------------------------------------------

    def part(self, name: str) -> str:
        """Return a part of the path."""
        return cast(str, self.request.path_params[name])

    def query(self, name: str) -> str | None:
        """Return a parameter behind the question mark, or None."""
        return self.request.query_params.get(name)

    async def body(self, kind: type[B]) -> B:
        """Return the body as *kind*, the class of the route.

        Raises:
            InvalidInput, BodyTooLarge, BodyTooSlow, MediaTypeRefused.
        """
        raw = await self.raw_body()
        return bodies.decode(raw, self.request.headers.get("content-type"), kind)

    async def raw_body(self) -> bytes:
        """Return the body as it came. Raises BodyTooLarge, BodyTooSlow."""
        return await bodies.read(self.request, self.settings)

    @functools.cached_property
    def bearer(self) -> str:
        """The token that came with the request. Raises NoToken."""
        found = bearer(self.request.headers.get("authorization"))
        if found is None:
            raise NoToken
        return found

    # --- for which application -----------------------------------------------------------------

    @functools.cached_property
    def hosted(self) -> Hosted:
        """The application: of the path, else of the token.

        Raises:
            NoSuchApplication: none is hosted under that id. NoToken, SessionInvalid: by the token.
        """
        app_id = self.request.path_params.get("app")
        if app_id is None:
            if self.route.token == "refresh":  # noqa: S105 - which kind
                return self.applications.by_refresh_token(self.bearer)
            return self.applications.by_access_token(self.bearer)
        if app_id == ONLY and len(self.applications.all) == 1:
            return self.applications.all[0]
        found = self.applications.by_app_id(app_id)
        if found is None:
            raise NoSuchApplication(app_id)
        return found

    @property
    def client(self) -> admit.Client:
        """Who asks, as the engine records it."""
        trusted = networks(self.settings.trusted_proxies)
        return client_of(self.request, trusted, self.device, self.device_id)

    def engine(self, actor: admit.Actor | None = None, reason: str | None = None) -> admit.Engine:
        """Return the application's engine, in which *actor* – a user, by default – asks."""
        return self.hosted.engine.acting(actor or admit.Actor("user"), reason, client=self.client)

    @property
    def ending(self) -> Ending:
        """Whether the server is about to end."""
        return self._threads.ending

    # --- where the work is done ----------------------------------------------------------------

    async def call(self, function: Callable[..., T], *args: Any, **named: Any) -> T:
        """Return what *function* comes to, in a thread: for all that commits, hashes or sends."""
        return await self._threads.call(functools.partial(function, *args, **named))

    async def apart(self, function: Callable[..., T], *args: Any, **named: Any) -> T:
        """Return what *function*, which is not ours, comes to: in a thread of its kind, so that
        those that hang keep nobody else from being served. Raises FunctionOverloaded."""
        return await self._threads.apart(function, functools.partial(function, *args, **named))

    async def look(self, function: Callable[..., T], *args: Any, **named: Any) -> T:
        """Return what *function* comes to that only looks something up: at once where the store is
        local – a thread would cost many times as much (performance.md §7) –, else in a thread."""
        if self.hosted.inline:
            return function(*args, **named)
        return await self.call(function, *args, **named)

    async def batched(self, prepared: admit.Prepared[T]) -> T:
        """Return what *prepared* comes to, settled together with others of this moment. Where the
        store is behind a network, in a thread of its own: there waiting for answers is what takes
        long, and on one thread each would wait for those before."""
        if not self.hosted.inline:
            return await self.call(prepared.run)
        return await self._threads.batched(self.hosted.engine, prepared)

    # --- by whom -------------------------------------------------------------------------------

    async def access(self) -> Access:
        """Return what the access token says. Raises NoToken, SessionInvalid."""
        return await self.look(self.hosted.engine.verify, self.bearer)

    async def session(self) -> Session:
        """Return the session of the refresh token, which stays as it is. Raises NoToken,
        SessionInvalid."""
        return await self.look(self.hosted.engine.sessions.verify_refresh, self.bearer)


def one_of(name: str, text: str | None, allowed: tuple[str, ...]) -> str | None:
    """Return a parameter that must be one of *allowed*, or None if it is absent.

    Raises:
        InvalidInput: it is something else.
    """
    if text is None or text in allowed:
        return text
    raise InvalidInput(name, f"must be one of {', '.join(allowed)}.")
