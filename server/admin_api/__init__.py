"""The Admin API of App Services, `/api/admin/v3.0` (wire-contract.md §6)."""

from __future__ import annotations

from ..client_api.telling import Refusal
from ..routes import Api
from . import (
    api_keys,
    applications,
    auth_providers,
    entering,
    kept,
    pending,
    security,
    tokens,
    users,
)
from .telling import tell

ADMIN_API = Api(
    name="admin",
    prefix="/api/admin/v3.0",
    routes=[
        *entering.ROUTES,
        *applications.ROUTES,
        *tokens.ROUTES,
        *users.ROUTES,
        *pending.ROUTES,
        *api_keys.ROUTES,
        *auth_providers.ROUTES,
        *security.ROUTES,
        *kept.ROUTES,
    ],
    tell=tell,
    error=Refusal,
)
