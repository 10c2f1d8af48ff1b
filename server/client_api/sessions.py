"""The session of a refresh token: refreshed, and ended."""

from __future__ import annotations

from starlette.responses import Response

from admit.errors import SessionInvalid

from ..answers import nothing, told
from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .telling import SESSION, Refused


class Refreshed(Body):
    """A new access token; the refresh token stays as it is."""

    access_token: str


async def refresh(ask: Ask) -> Response:
    """Give a new access token. A token that opens nothing is always `InvalidSession`: any other
    answer would leave the client's user active and stuck (wire-contract.md §1, rule 3)."""
    bearer = ask.bearer
    try:
        login = await ask.call(ask.engine().refresh, bearer)
    except SessionInvalid:
        await _told_apart(ask, bearer)
        raise
    return told(Refreshed(access_token=login.access_token.reveal()), 201)


async def _told_apart(ask: Ask, bearer: str) -> None:
    """Raise what clients know of an access token in the place of a refresh token."""
    try:
        await ask.look(ask.hosted.engine.verify, bearer)
    except SessionInvalid:
        return
    raise Refused(401, SESSION, "invalid refresh token: incorrect token type")


async def log_out(ask: Ask) -> Response:
    """End the session, and its access tokens with it."""
    await ask.call(ask.engine().log_out, ask.bearer)
    return nothing()


ROUTES = [
    Route(
        method="POST",
        path="/auth/session",
        handler=refresh,
        summary="Give a new access token.",
        token="refresh",  # noqa: S106 - which kind
        answers={201: Refreshed},
    ),
    Route(
        method="DELETE",
        path="/auth/session",
        handler=log_out,
        summary="End the session.",
        token="refresh",  # noqa: S106 - which kind
        answers={204: None},
    ),
]
