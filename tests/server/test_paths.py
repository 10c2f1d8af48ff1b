"""The table of paths finds what Starlette's own routes would find."""

from __future__ import annotations

import itertools

import pytest
from starlette.routing import Match
from starlette.routing import Route as StarletteRoute
from starlette.types import Receive, Scope, Send

from admit.server.app import APIS
from admit.server.paths import Paths

PARTS = ("x", "", "ada@example.com", "{}", "login", "by_email")


class Endpoint:
    """Stands for what answers at a path."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer nothing."""


TABLE = {api.prefix + route.path: Endpoint() for api in APIS for route in api.routes}
STARLETTE = [StarletteRoute(path, endpoint) for path, endpoint in TABLE.items()]
PATHS = Paths(TABLE.items())


def by_starlette(scope: Scope) -> object:
    for route in STARLETTE:
        match, found = route.matches(scope)
        if match is Match.FULL:
            return found
    return {}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("path", TABLE)
def test_a_path_leads_where_starlette_would_lead(path: str, part: str) -> None:
    """Given all routes, when a path of the table is asked for – whole, cut short, with more behind
    it, with another word at each place –, then both find the same, with the same parts."""
    whole = [part if segment.startswith("{") else segment for segment in path.split("/")]
    other = [[*whole[:at], part, *whole[at + 1 :]] for at in range(1, len(whole))]

    for segments in itertools.chain([whole, whole[:-1], [*whole, ""], [*whole, "more"]], other):
        scope = {"type": "http", "method": "GET", "path": "/".join(segments)}
        assert by_starlette(scope) == PATHS.matches(scope)[1], scope["path"]


def test_what_is_no_request_is_not_looked_up() -> None:
    """Given a path of the table, when a web socket is opened there, then nothing is."""
    scope = {"type": "websocket", "path": "/api/client/v2.0/auth/profile"}

    assert (Match.NONE, {}) == PATHS.matches(scope)
