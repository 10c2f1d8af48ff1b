"""Applications: the one that an admin's key is of. They are begun and ended where the server runs,
not here: any other method is refused."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from ..admins import admin_of
from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..hosting import Hosted
from ..routes import Route
from .entering import in_path
from .rows import APP, GROUP, reads
from .telling import Refused

PRODUCT = "standard"


class Application(Body):
    """An application, as existing clients find it."""

    id: str = msgspec.field(name="_id")
    client_app_id: str
    name: str
    group_id: str
    domain_id: str
    location: str = "US-VA"
    deployment_model: str = "GLOBAL"
    last_used: int = 0
    """Not known: nothing counts it."""
    last_modified: int = 0
    """Likewise."""
    product: str = PRODUCT
    environment: str = ""


def shown(hosted: Hosted) -> Application:
    """Return what clients see of an application. Its name is its app id without the five signs that
    the service put behind it."""
    name, dash, _ = hosted.app_id.rpartition("-")
    return Application(
        id=hosted.internal_id,
        client_app_id=hosted.app_id,
        name=name if dash else hosted.app_id,
        group_id=hosted.group_id,
        domain_id=hosted.domain_id,
    )


async def list_all(ask: Ask) -> Response:
    """Answer with the application of the key, if it is of a product that is asked for."""
    admin = await admin_of(ask)
    if ask.part("group_id") != admin.hosted.group_id:
        raise Refused(404, "", "group not found")
    products = (ask.query("product") or PRODUCT).split(",")
    return told([shown(admin.hosted)] if PRODUCT in products else [])


async def show(ask: Ask) -> Response:
    """Answer with one application."""
    return told(shown((await in_path(ask)).hosted))


ROUTES: list[Route] = [
    reads(
        GROUP,
        list_all,
        "List the application of the key.",
        list[Application],
        query={"product": "Products, by commas; the one here is standard."},
    ),
    reads(APP, show, "Show an application.", Application),
]
