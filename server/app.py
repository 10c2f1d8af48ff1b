"""The ASGI application: the tables of routes, with what surrounds every request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from admit.errors import AdmitError, StoreError

from . import health, openapi
from .admin_api import ADMIN_API
from .around.cors import CrossOrigin
from .around.limits import Limits
from .around.observed import ROUTE, Observed
from .around.request_ids import RequestIds
from .around.safe_headers import SafeHeaders
from .asking import Ask
from .client_api import CLIENT_API
from .dev import inbox
from .hosting import Applications, Hosted
from .metrics import Metrics
from .pages import PAGES
from .paths import Paths
from .refusals import AnswerTooSlow, MethodRefused, NoSuchRoute
from .routes import Api, Route
from .threads import Threads
from .v1 import V1_API

_log: Final = logging.getLogger("admit.server")

SETTINGS_EVERY_SECONDS: Final = 1.0

APIS: Final[tuple[Api, ...]] = (CLIENT_API, ADMIN_API, V1_API)
"""All that is served, in the order in which a request is looked up."""


def make_app(
    served: Iterable[Hosted],
    *,
    apis: Sequence[Api] = APIS,
    dev: bool = False,
    at_end: Callable[[], object] | None = None,
) -> ASGIApp:
    """Return the ASGI application that serves these. It closes none of their engines; *at_end* is
    called when nothing is under way any more. *dev* adds the page that shows every mail.

    Raises:
        InvalidInput: there are none, or two have one app id.
    """
    applications = Applications(served)
    threads = Threads()
    metrics = Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(_look_at_settings(applications, threads))
        with threads.ending.told_by_signals():
            yield
        threads.ending.begin()
        looking.cancel()
        threads.close()
        if at_end is not None:
            at_end()

    table: list[tuple[str, ASGIApp]] = []
    for api in (*apis, PAGES):
        by_path: dict[str, dict[str, Route]] = {}
        for route in api.routes:
            by_path.setdefault(api.prefix + route.path, {})[route.method] = route
        for path, methods in by_path.items():
            table.append((path, Endpoint(path, api, methods, applications, threads)))
    routes: list[BaseRoute] = [Paths(table)]
    routes += health.routes(applications, threads, metrics)
    routes += openapi.routes(apis, version("admit"))
    if dev:
        routes += inbox.routes(applications)
    app = Starlette(routes=routes, lifespan=lifespan)
    app.router.default = _nothing_there((*apis, PAGES), applications, threads)
    # From the inside out: a refusal by the limits is logged, and readable across origins.
    surrounded = _slashes_collapsed(app)
    surrounded = Limits(surrounded, applications)
    surrounded = CrossOrigin(surrounded, applications)
    surrounded = SafeHeaders(surrounded, applications)
    return RequestIds(Observed(surrounded, metrics))


class Endpoint:
    """What answers at one path, by method."""

    def __init__(
        self,
        path: str,
        api: Api,
        methods: Mapping[str, Route],
        applications: Applications,
        threads: Threads,
    ) -> None:
        self._path = path
        self._api = api
        self._methods = methods
        self._applications = applications
        self._threads = threads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        scope[ROUTE] = self._path
        # HEAD is a GET without its body, which the server leaves out itself (RFC 9110 §9.3.2).
        route = self._methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            refused = MethodRefused(request.method, sorted(self._methods))
            ask = self._ask(request, next(iter(self._methods.values())))
            response = self._api.tell(refused, ask)
            response.headers["allow"] = ", ".join(refused.allowed)
        else:
            response = await _answered(self._api, self._ask(request, route))
        await response(scope, receive, send)

    def _ask(self, request: Request, route: Route) -> Ask:
        settings = self._applications.all[0].settings
        return Ask(request, route, self._applications, self._threads, settings)


async def _answered(api: Api, ask: Ask) -> Response:
    limit = ask.settings.answer_time
    try:
        async with asyncio.timeout(limit.total_seconds()):
            return await ask.route.handler(ask)
    except AdmitError as error:
        if isinstance(error, StoreError):
            _log.error("request %s: %s", ask.id, error)
        return api.tell(error, ask)
    except TimeoutError:
        _log.warning("request %s: no answer within %s", ask.id, limit)
        return api.tell(AnswerTooSlow(limit), ask)


async def _look_at_settings(applications: Applications, threads: Threads) -> None:
    """Look, every second and beside the loop, what an admin set elsewhere: a store behind a network
    may take long to answer, and no request should wait for that."""
    far = [one for one in applications.all if not one.inline]
    while far:
        await asyncio.sleep(SETTINGS_EVERY_SECONDS)
        for one in far:
            await threads.call(one.look)


def _nothing_there(apis: Sequence[Api], applications: Applications, threads: Threads) -> ASGIApp:
    """Return what answers where there is no route: in the way of the API whose prefix it has."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        path = scope["path"]
        api = next((api for api in apis if f"{path}/".startswith(_root(api))), apis[0])
        ask = Ask(request, api.routes[0], applications, threads, applications.all[0].settings)
        await api.tell(NoSuchRoute(path), ask)(scope, receive, send)

    return answer


def _root(api: Api) -> str:
    """Return what all paths of an API begin with: `/api/v1/`, of `/api/v1/apps/{app}`."""
    return "/".join(api.prefix.split("/")[:3]) + "/"


def _slashes_collapsed(app: ASGIApp) -> ASGIApp:
    """Let a path that begins with several slashes begin with one: a client whose base URL ends in
    one asks so (wire-contract.md §1)."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("//"):
            scope = {**scope, "path": "/" + scope["path"].lstrip("/")}
        await app(scope, receive, send)

    return answer
