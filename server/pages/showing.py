"""A page as it is answered: rendered by the engine, with headers that keep its token to itself."""

from __future__ import annotations

import functools
import html
import importlib.resources
import logging
from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import Response

from admit.errors import AdmitError, PluginError, UnknownName

from ..asking import Ask
from ..refusals import RequestRefused
from ..routes import Route
from .texts import TEXTS, language_of

_log: Final = logging.getLogger("admit.server")

PACKAGE: Final = "admit.server.pages"
HEADERS: Final[Mapping[str, str]] = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "vary": "Accept-Language",
}
FIELDS: Final = ("address", "code", "password", "repeated", "again")
KEPT: Final = "public, max-age=300"
"""Script and style are the same for everybody."""
_BARE: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width"><title>{0}</title><h1>{0}</h1><p>{1}</p>'
)
"""What is told where no template can be used."""


async def show(
    ask: Ask,
    template: str,
    status: int = 200,
    /,
    problems: Mapping[str, str] | None = None,
    **values: object,
) -> Response:
    """Return the page that *template* makes of *values*; *problems* says what is wrong with which
    field.

    Raises:
        PluginFailed: a template that replaces ours breaks; it is named.
    """
    language = _language(ask)
    text = await ask.call(
        ask.hosted.engine.render,
        template,
        {
            "t": TEXTS[language],
            "language": language,
            "application": _application(ask),
            "token": None,
            "token_id": None,
            "address": None,
            "code": None,
            "sentence": None,
            "focus": None,
            **values,
            "problems": dict.fromkeys(FIELDS) | dict(problems or {}),
        },
        package=PACKAGE,
    )
    return Response(text, status, {**HEADERS, "content-language": language})


async def tell_page(ask: Ask, page: str, told: str, status: int = 200, **values: Any) -> Response:
    """Return a page that says one thing – the texts *told* and *told*`_about` –, and may offer to
    send the message of *page* once more."""
    return await show(
        ask, "told_page.html.j2", status, page=page, told=told, **{"again": False, **values}
    )


def tell(error: AdmitError, ask: Ask) -> Response:
    """Return an error for which there is no page: something is broken, or nothing is there."""
    if isinstance(error, RequestRefused):
        status, told = error.status, (error.sentence, error.next_step)
    else:
        status, told = 503, ("This does not work at the moment.", "Please try again later.")
    if isinstance(error, PluginError):
        _log.error("request %s: %s", ask.id, error)  # quotes no value, so no token
    text = _BARE.format(*map(html.escape, told))
    return Response(text, status, HEADERS)


def texts_for(ask: Ask) -> Mapping[str, str]:
    """Return what the pages say, in the language of the browser."""
    return TEXTS[_language(ask)]


def _language(ask: Ask) -> str:
    return language_of(ask.request.headers.get("accept-language", ""))


def _application(ask: Ask) -> object:
    try:
        return ask.hosted.engine.settings.get("email.application")
    except UnknownName:  # its plugin is not loaded
        return None


async def style(ask: Ask) -> Response:
    """Return the style sheet, which a template of that name replaces."""
    text = await ask.call(ask.hosted.engine.render, "pages.css.j2", {}, package=PACKAGE)
    return Response(
        text, headers={"content-type": "text/css; charset=utf-8", "cache-control": KEPT}
    )


async def script(ask: Ask) -> Response:
    """Return the script."""
    headers = {"content-type": "text/javascript; charset=utf-8", "cache-control": KEPT}
    return Response(_script(), headers=headers)


@functools.cache  # it ships with the package and never changes
def _script() -> str:
    return (importlib.resources.files(PACKAGE) / "pages.js").read_text("utf-8")


ROUTES: Final = [
    Route(
        method="GET",
        path="/{app}/pages.css",
        handler=style,
        summary="How the pages look.",
        answers={200: str},
        changes=False,
    ),
    Route(
        method="GET",
        path="/{app}/pages.js",
        handler=script,
        summary="Takes the token out of the address bar.",
        answers={200: str},
        changes=False,
    ),
]
