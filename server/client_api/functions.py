"""Calling what the application registered for its clients, and nothing else.

Which callables that are, says the setting `server.functions`, or whoever serves the engine. One is
called with the client's arguments, decoded from Extended JSON. If it has a parameter `user` that
can be given by keyword only, it is given the caller: a mapping with `id`, `type`, `data`,
`custom_data` and `identities`. It may be `async def`: then it runs on the server's event loop, and
must not block; else in a thread. What it returns is the answer, as plain JSON.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.responses import Response

import admit

from .. import ejson
from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..refusals import FunctionOverloaded
from ..routes import Route
from .profile import data_of
from .telling import Refused

USER: Final = "user"
_log: Final = logging.getLogger("admit.server.functions")


class FunctionCall(Body):
    """Which function, with what."""

    name: str
    arguments: list[Any] = msgspec.field(default_factory=list)
    service: str | None = None


async def call(ask: Ask) -> Response:
    """Call a function as the caller, and answer with what it returns."""
    access = await ask.access()
    given = await ask.body(FunctionCall)
    if given.service is not None:
        raise Refused(404, "ServiceNotFound", f"service not found: '{given.service[:80]}'")
    function = ask.hosted.functions.get(given.name)
    if function is None:
        raise Refused(404, "FunctionNotFound", f"function not found: '{given.name[:80]}'")
    arguments = ejson.decoded(given.arguments, "arguments")
    named = {}
    if _wants_user(function):
        named[USER] = await ask.look(_caller, ask.hosted.engine, access.user_id)
    result = await _result(ask, given.name, function, arguments, named)
    try:
        return told(result)
    except (TypeError, ValueError, RecursionError):
        _log.warning("request %s: what %r returned is no JSON", ask.id, given.name)
        raise _failed(given.name) from None


async def _result(
    ask: Ask, name: str, function: Callable[..., Any], arguments: list[Any], named: dict[str, Any]
) -> object:
    limit = ask.hosted.settings.function_time.total_seconds()
    try:
        async with asyncio.timeout(limit):
            if inspect.iscoroutinefunction(function):
                return await function(*arguments, **named)
            return await ask.apart(function, *arguments, **named)
    except TimeoutError:
        sentence = f"the function '{name}' did not answer within {limit:g} seconds"
        raise Refused(400, "ExecutionTimeLimitExceeded", sentence) from None
    except FunctionOverloaded:
        _log.error("request %s: too many calls of the function %r hang", ask.id, name)
        raise Refused(400, "FunctionExecutionError", f"the function '{name}' hangs") from None
    except Exception:  # it is the application's, and may raise anything
        _log.exception("request %s: the function %r raised", ask.id, name)
        raise _failed(name) from None


def _failed(name: str) -> Refused:
    return Refused(400, "FunctionExecutionError", f"the function '{name}' failed")


def _wants_user(function: Callable[..., Any]) -> bool:
    try:
        found = inspect.signature(function).parameters.get(USER)
    except (TypeError, ValueError):  # a callable of C may have no signature
        return False
    return found is not None and found.kind is inspect.Parameter.KEYWORD_ONLY


def _caller(engine: admit.Engine, user_id: str) -> dict[str, Any]:
    """Return the caller, as functions knew it (wire-contract.md §4)."""
    user = engine.users.get(user_id)
    return {
        "id": user.id,
        "type": user.type,
        "data": data_of(user),
        "custom_data": dict(engine.custom_data.get(user).data),
        "identities": [
            {"id": one.id, "provider_type": one.provider, "data": dict(one.data)}
            for one in user.identities
        ],
    }


ROUTES = [
    Route(
        method="POST",
        path="/app/{app}/functions/call",
        handler=call,
        summary="Call a function that the application registered for its clients.",
        token="access",  # noqa: S106 - which kind
        body=FunctionCall,
        answers={200: object},
    )
]
