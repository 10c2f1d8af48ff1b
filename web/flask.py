"""Who asks a Flask application: of the request that is being answered.

    callers = Callers(engine)

    @app.get("/me")
    @callers.user_required
    def me() -> str:
        return callers.user().id

A check that fails aborts the request, as `flask.abort` does; `@app.errorhandler(401)` may answer it
in another way, as by a page to log in.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Final, ParamSpec, TypeVar

from flask import Flask, Response, current_app, jsonify, request
from werkzeug.exceptions import HTTPException, default_exceptions

import admit
from admit.errors import AdmitError
from admit.records import Access, User

from . import wsgi
from .refusals import NoToken, refusal

__all__ = ["Callers", "NoToken", "answer_errors"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Callers:
    """Who asks, of one engine; an application may have several. The arguments: see
    `wsgi.Callers`. Nothing is remembered from one call to the next: each asks the engine."""

    def __init__(
        self,
        engine: admit.Engine,
        *,
        cookie: str | None = None,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        self._callers: Final = wsgi.Callers(engine, cookie=cookie, trusted_proxies=trusted_proxies)

    def access(self) -> Access:
        """Return what the access token says: the cheapest check. Aborts with 401."""
        return self._told(self._callers.access)

    def user(self) -> User:
        """Return the current user, as it is now: confirmed, and not disabled. Aborts with 401."""
        return self._told(self._callers.user)

    def fresh(self) -> Access:
        """Return what the access token says, if its user logged in a short time ago. Aborts with
        401, 403."""
        return self._told(self._callers.fresh)

    def optional_access(self) -> Access | None:
        """Return `access`, or None if no token came, or a dead one in a cookie. Aborts with 401: a
        dead one in the header."""
        return self._told(self._callers.optional_access)

    def optional_user(self) -> User | None:
        """Return `user`, or None likewise."""
        return self._told(self._callers.optional_user)

    def stranger(self) -> admit.Engine:
        """Return the engine in which somebody asks from the client of this request: for
        `public`."""
        return self._callers.stranger(request.environ)

    def acting(self) -> admit.Engine:
        """Return the engine in which the user of the token asks, from the client of this request.
        Aborts with 401."""
        return self._callers.acting(self.access(), request.environ)

    def user_required(self, view: Callable[P, R]) -> Callable[P, R]:
        """Let nobody but a current user reach *view*, which may be `async def`."""
        return _behind(self.user, view)

    def fresh_required(self, view: Callable[P, R]) -> Callable[P, R]:
        """Let nobody reach *view* who did not log in a short time ago."""
        return _behind(self.fresh, view)

    def _told(self, ask: Callable[[wsgi.Environ], T]) -> T:
        try:
            return ask(request.environ)
        except AdmitError as problem:
            answer = _answered(problem)
            kind = default_exceptions.get(answer.status_code, HTTPException)
            raise kind(response=answer) from problem


def answer_errors(app: Flask) -> None:
    """Let *app* answer every error of admit that a view lets pass as `Callers` does: 400 for what
    was typed wrong, 404, 409 and so on. One that the application itself is to blame for is let
    through: a 500, and in the log."""
    app.register_error_handler(AdmitError, _answered)


def _behind(check: Callable[[], object], view: Callable[P, R]) -> Callable[P, R]:
    @functools.wraps(view)
    def checked(*args: P.args, **named: P.kwargs) -> R:
        check()
        ready: Callable[P, R] = current_app.ensure_sync(view)
        return ready(*args, **named)

    return checked


def _answered(error: AdmitError) -> Response:
    told = refusal(error)
    answer = jsonify(told.body)
    answer.status_code = told.status
    answer.headers.update(told.headers)
    return answer
