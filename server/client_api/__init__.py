"""The client API of App Services, `/api/client/v2.0` (wire-contract.md §2)."""

from __future__ import annotations

from ..routes import Api
from . import (
    api_keys,
    confirming,
    deleting,
    functions,
    location,
    logging_in,
    profile,
    redirects,
    registering,
    resetting,
    sessions,
)
from .telling import Refusal, tell

CLIENT_API = Api(
    name="client",
    prefix="/api/client/v2.0",
    routes=[
        *profile.ROUTES,
        *location.ROUTES,
        *logging_in.ROUTES,
        *redirects.ROUTES,
        *registering.ROUTES,
        *confirming.ROUTES,
        *resetting.ROUTES,
        *sessions.ROUTES,
        *deleting.ROUTES,
        *api_keys.ROUTES,
        *functions.ROUTES,
    ],
    tell=tell,
    error=Refusal,
)
