"""Our own API, `/api/v1`: what an admin can do in Python, over HTTP.

Each route is one verb of the engine, and answers what that returns, in the form in which commands
print it with `--json`. `admit.client` speaks it.
"""

from __future__ import annotations

from ..routes import Api
from . import acts, events, keys, moving, settings, users, work
from .telling import Refusal, tell

V1_API = Api(
    name="v1",
    prefix="/api/v1/apps/{app}",
    routes=[
        *users.ROUTES,
        *acts.ROUTES,
        *moving.ROUTES,
        *keys.ROUTES,
        *settings.ROUTES,
        *events.ROUTES,
        *work.ROUTES,
    ],
    tell=tell,
    error=Refusal,
)
