"""The page `/dev/inbox`: every mail, its link and code one click away; as JSON for tests."""

from __future__ import annotations

import functools
import importlib.resources
from pathlib import Path
from typing import Final

import jinja2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..answers import told
from ..hosting import Applications, Hosted
from .mails import Mail, mails

INBOX: Final = "/dev/inbox"
HEADERS: Final = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
}
# A page elsewhere whose name was made to lead here must not read the mails (DNS rebinding).
LOCAL_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
NOT_LOCAL: Final = {
    "error": "Open it as localhost, by its address.",
    "error_code": "not-local",
}
OWN_SITES: Final = frozenset({"same-origin", "none"})
"""What a browser says of a request by the page itself, or by whoever typed its address."""


def routes(applications: Applications) -> list[Route]:
    """Return the routes of the inbox of all applications."""

    def collected() -> list[tuple[Hosted, Mail]]:
        found = [(one, mail) for one in applications.all for mail in mails(_folder(one))]
        return sorted(found, key=lambda pair: pair[1].at, reverse=True)

    async def page(request: Request) -> Response:
        if not (_is_local(request) and _is_own(request)):
            return told(NOT_LOCAL, 403)
        text = _page().render(mails=collected(), several=len(applications.all) > 1)
        return Response(text, headers=HEADERS)

    async def listed(request: Request) -> Response:
        if not (_is_local(request) and _is_own(request)):
            return told(NOT_LOCAL, 403)
        return told([{"app": one.app_id, "mail": mail} for one, mail in collected()])

    async def style(request: Request) -> Response:
        return Response(_file("inbox.css"), headers={"content-type": "text/css; charset=utf-8"})

    return [
        Route(INBOX, page, methods=["GET"]),
        Route(f"{INBOX}.json", listed, methods=["GET"]),
        Route(f"{INBOX}.css", style, methods=["GET"]),
    ]


def _folder(hosted: Hosted) -> Path:
    return Path(str(hosted.engine.settings.get("folder.path")))


def _is_local(request: Request) -> bool:
    host = request.headers.get("host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    return name in LOCAL_HOSTS


def _is_own(request: Request) -> bool:
    """Whether no page of another origin, not even of this machine, made a browser ask: other pages
    are told nothing of the mails, whatever else goes wrong (Fetch Metadata §2.3)."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "none")
    host = request.headers.get("host")
    return site in OWN_SITES and origin in {None, f"{request.url.scheme}://{host}"}


def _file(name: str) -> str:
    return (importlib.resources.files("admit.server.dev") / "pages" / name).read_text("utf-8")


@functools.cache  # it ships with the package and never changes
def _page() -> jinja2.Template:
    return jinja2.Environment(autoescape=True).from_string(_file("inbox.html.j2"))
