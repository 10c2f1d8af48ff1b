"""The client API of App Services, `/api/client/v2.0` (wire-contract.md §2)."""

from __future__ import annotations

from ..routes import Api
from . import location, profile, registering
from .telling import Refusal, tell

CLIENT_API = Api(
    name="client",
    prefix="/api/client/v2.0",
    routes=[*profile.ROUTES, *location.ROUTES, *registering.ROUTES],
    tell=tell,
    error=Refusal,
)
