"""Logging in and linking through the browser: sent to a provider, and back (wire-contract.md §2).

What the page gave – its state, its device – waits with the redirect in the store. Where the browser
goes in the end is one of the provider's `return_uris`, exactly (security.md T7); the answer stands
behind its `#`, so that no server sees it.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Final

from starlette.responses import RedirectResponse, Response

import admit
from admit.errors import (
    AdmitError,
    AlreadyLinked,
    IdentityTaken,
    InvalidInput,
    LogInRefused,
    PluginError,
    RedirectInvalid,
)

from ..answers import nothing
from ..asking import Ask
from ..hosting import DEVICE_CLAIM, Hosted
from ..routes import Route
from .devices import Device, device_of_query
from .logging_in import LINK, in_words_of, refused_link
from .telling import sentence_of

CALLBACK: Final = "/auth/callback"
LONGEST_STATE: Final = 200
_STATE, _DEVICE, _DEVICE_ID = "state", "device", "device_id"
_NO_REFRESH_TOKEN: Final = "unchanged"  # noqa: S105 - what stands in its place


async def start(ask: Ask) -> Response:
    """Send the browser to the provider – or, for a link, say where the page is to send it."""
    state = ask.query("state") or ""
    if not state or len(state) > LONGEST_STATE or not state.isprintable():
        raise InvalidInput("state", f"must be text of at most {LONGEST_STATE} characters.")
    provider, links = ask.part("provider"), ask.query(LINK) == "true"
    device = device_of_query(ask.query("device"))
    access = await ask.access() if links else None
    if access is not None:
        kept = access.claims.get(DEVICE_CLAIM)
        device = Device(
            id=kept if isinstance(kept, str) else device.id, words=device.words, is_core=False
        )
    begun = await ask.call(_begin, ask, provider, state, device, links)
    if links:
        answer = nothing(200, {"x-baas-location": begun.url})
    else:
        answer = RedirectResponse(begun.url, 302)
    answer.set_cookie(
        begun.cookie_name,
        begun.binding.reveal(),
        secure=True,
        httponly=True,
        # A page of another site asks for a link, and a browser keeps no `Lax` cookie of its answer.
        samesite="none" if links or begun.same_site == "None" else "lax",
        max_age=int(
            ask.hosted.engine.settings.section(admit.Settings).redirect_lifetime.total_seconds()
        ),
    )
    return answer


def _begin(ask: Ask, provider: str, state: str, device: Device, links: bool) -> admit.BegunRedirect:
    hosted, engine = ask.hosted, ask.engine()
    url = hosted.settings.public_url
    callback = None if url is None else f"{url.rstrip('/')}/api/client/v2.0{CALLBACK}"
    context = {_STATE: state, _DEVICE_ID: device.id}
    if device.words is not None:
        context[_DEVICE] = device.words
    return_to = _return_to(engine, provider, ask.query("redirect"))
    if links:
        return engine.redirects.begin_link(
            provider,
            access_token=ask.bearer,
            redirect_uri=callback,
            return_to=return_to,
            context=context,
            fresh_log_in=hosted.settings.fresh_log_in_needed,
        )
    redirects = engine.public.redirects if _is_private(hosted) else engine.redirects
    return redirects.begin(provider, redirect_uri=callback, return_to=return_to, context=context)


def _return_to(engine: admit.Engine, provider: str, redirect: str | None) -> str | None:
    """Return where to send the browser in the end: as asked for, else the only place there is."""
    if redirect is not None:
        return redirect
    try:
        known = engine.settings.get(f"{provider}.return_uris")
    except admit.errors.UnknownName:
        return None  # no such provider: the engine says so
    if isinstance(known, tuple) and len(known) == 1:
        return str(known[0])
    raise InvalidInput("redirect", "has to be named: this provider has several, or none.")


async def finish(ask: Ask) -> Response:
    """Take the answer that the browser brings from the provider, and send it on to the page. What
    went wrong is told there, always with the page's state: without, it would wait on."""
    parameters = await _parameters(ask)
    hosted, waiting = await ask.call(_waiting, ask, parameters)
    ask.hosted = hosted
    state = waiting.context.get(_STATE, "")
    ask.device, ask.device_id = waiting.context.get(_DEVICE), waiting.context[_DEVICE_ID]
    cookie = hosted.engine.redirects.cookie_name(parameters)
    told = {"_baas_client_app_id": hosted.app_id, "_baas_state": state}
    try:
        told |= await ask.call(_finished, ask, parameters, ask.request.cookies.get(cookie))
    except RedirectInvalid as refused:
        if refused.because == "other-browser":  # not this browser's, so neither is the page
            raise
        told["_baas_error"] = sentence_of(refused, ask)
    except (IdentityTaken, AlreadyLinked) as refused:
        told["_baas_error"] = refused_link(refused, is_core=False).sentence
    except (LogInRefused, PluginError) as refused:
        told["_baas_error"] = sentence_of(in_words_of(waiting.provider, refused), ask)
    except AdmitError as refused:
        told["_baas_error"] = sentence_of(refused, ask)
    fragment = urllib.parse.urlencode(told, quote_via=urllib.parse.quote, safe="")
    answer = RedirectResponse(f"{waiting.return_to}#{fragment}", 302)
    answer.delete_cookie(cookie, secure=True, httponly=True)
    return answer


def _waiting(ask: Ask, parameters: Mapping[str, str]) -> tuple[Hosted, admit.PendingRedirect]:
    """Return whose redirect this answers: the callback's address names no application.

    Raises:
        RedirectInvalid: nobody's.
    """
    for hosted in ask.applications.all:
        try:
            found = hosted.engine.redirects.look(parameters)
        except RedirectInvalid:
            continue
        if found.return_to is not None and _DEVICE_ID in found.context:
            return hosted, found
    raise RedirectInvalid


def _finished(ask: Ask, parameters: Mapping[str, str], binding: str | None) -> dict[str, str]:
    """Return what the page is told: access token, refresh token, user and device."""
    engine = ask.engine()
    redirects = engine.public.redirects if _is_private(ask.hosted) else engine.redirects
    end = redirects.finish(parameters, binding=binding)
    refresh = _NO_REFRESH_TOKEN
    if end.log_in is not None:
        refresh = end.log_in.refresh_token.reveal()
    parts = (end.access_token.reveal(), refresh, end.user.id, str(ask.device_id))
    return {"_baas_ua": "$".join(parts)} | ({"_baas_link": "true"} if end.log_in is None else {})


async def _parameters(ask: Ask) -> dict[str, str]:
    """Return what stands behind the question mark, or in the form that Apple sends."""
    if ask.request.method != "POST":
        return dict(ask.request.query_params)
    text = await ask.raw_body()
    try:
        return dict(urllib.parse.parse_qsl(text.decode(), max_num_fields=20))
    except ValueError:
        raise InvalidInput("body", "is no form.") from None


def _is_private(hosted: Hosted) -> bool:
    return hosted.settings.disclosure == "private"


_QUERY: Final = {
    "state": "What the page knows its log-in by; handed back to it.",
    "redirect": "Where the browser goes in the end: one of the provider's return_uris.",
    "device": "What the client says of its device: JSON in Base64.",
    LINK: "`true`: link to the user whose access token comes along.",
}

ROUTES = [
    Route(
        method="GET",
        path="/app/{app}/auth/providers/{provider}/login",
        handler=start,
        summary="Send the browser to a provider. Keeps the state of it: a GET, as browsers do it.",
        query=_QUERY,
        answers={302: None, 200: None},
    ),
    Route(
        method="GET",
        path=CALLBACK,
        handler=finish,
        summary="Take the answer of a provider, once: a GET, as browsers do it.",
        answers={302: None},
    ),
    Route(
        method="POST",
        path=CALLBACK,
        handler=finish,
        summary="Take the answer of a provider that has the browser post a form.",
        answers={302: None},
    ),
]
