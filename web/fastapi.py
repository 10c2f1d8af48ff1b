"""Who asks a FastAPI application, as dependencies.

    callers = Callers(engine)
    CurrentUser = Annotated[admit.User, Depends(callers.user)]

    @app.get("/me")
    def me(user: CurrentUser) -> str: ...

They serve `async def` and `def` routes alike, and WebSockets. OpenAPI shows which routes want a
token.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar, cast

from fastapi import FastAPI, HTTPException, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.openapi.models import HTTPBearer
from fastapi.requests import HTTPConnection
from fastapi.security.base import SecurityBase
from starlette.responses import Response

import admit
from admit.errors import AdmitError
from admit.records import Access, User

from . import asgi
from .refusals import NoToken, refusal

__all__ = ["Callers", "Dependency", "NoToken", "Refused", "answer_errors"]

T = TypeVar("T")


class Refused(HTTPException):
    """What a client is told of an error of admit: `{"detail": {"error": …, "error_code": …,
    "next_step": …}}`."""

    def __init__(self, cause: AdmitError) -> None:
        told = refusal(cause)
        super().__init__(told.status, told.body, told.headers)
        self.cause: Final = cause


class Dependency(SecurityBase, Generic[T]):
    """Something to depend on. Raises Refused."""

    def __init__(self, ask: Callable[[asgi.Scope], Awaitable[T]], scheme_name: str) -> None:
        self._ask = ask
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = scheme_name

    async def __call__(self, connection: HTTPConnection) -> T:
        try:
            return await self._ask(connection.scope)
        except AdmitError as problem:
            raise Refused(problem) from problem


class Callers:
    """Who asks, of one engine; an application may have several, each with a *scheme_name* of its
    own in OpenAPI. The other arguments: see `asgi.Callers`."""

    def __init__(
        self,
        engine: admit.Engine,
        *,
        cookie: str | None = None,
        trusted_proxies: Sequence[str] = (),
        inline: bool | None = None,
        scheme_name: str = "access token",
    ) -> None:
        callers = asgi.Callers(
            engine, cookie=cookie, trusted_proxies=trusted_proxies, inline=inline
        )
        self._callers = callers
        self.access: Final = Dependency[Access](callers.access, scheme_name)
        """What the access token says: the cheapest check. 401."""
        self.user: Final = Dependency[User](callers.user, scheme_name)
        """The current user, as it is now: confirmed, and not disabled. 401."""
        self.fresh: Final = Dependency[Access](callers.fresh, scheme_name)
        """What the access token says, if its user logged in a short time ago. 401, 403."""
        self.optional_access: Final = Dependency[Access | None](
            callers.optional_access, scheme_name
        )
        """`access`, or None if no token came, or a dead one in a cookie. 401: a dead one in the
        header."""
        self.optional_user: Final = Dependency[User | None](callers.optional_user, scheme_name)
        """`user`, or None likewise."""
        self.acting: Final = Dependency[admit.Engine](self._acting, scheme_name)
        """The engine in which the user of the token asks, from the client of this request. 401."""

    async def stranger(self, connection: HTTPConnection) -> admit.Engine:
        """Return the engine in which somebody asks from the client of this request: for
        `public`."""
        return self._callers.stranger(connection.scope)

    async def _acting(self, scope: asgi.Scope) -> admit.Engine:
        return self._callers.acting(await self._callers.access(scope), scope)


def answer_errors(app: FastAPI) -> None:
    """Let *app* answer every error of admit that a route lets pass as `Refused` does: 400 for what
    was typed wrong, 404, 409 and so on. One that the application itself is to blame for is let
    through: a 500, and in the log."""
    app.add_exception_handler(AdmitError, _answered)


async def _answered(request: Request, error: Exception) -> Response:
    return await http_exception_handler(request, Refused(cast(AdmitError, error)))
