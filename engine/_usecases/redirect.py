"""Sending a browser to a provider, to log in or to link (security.md O2, T7).

What it is sent away with stands in one record, which its answer uses up: found by the digest of the
state, bound to the browser by the digest of a value that only its cookie has. Nonce and PKCE
verifier are made of the state with the engine's key, so that neither is ever stored.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import attrs

from .._base64url import base64url
from .._commits import commit
from .._core import Core
from .._events import Acting
from .._plugins import Offer
from .._text import check_text
from .._tokens import token_digest
from ..clock import to_text
from ..errors import InvalidInput, UnknownName
from ..masked import Secret, must_be_secret
from ..providers import RedirectRequest, RedirectTerms
from ..records import Session
from ..stores import Change, Label, Put
from . import gate
from .throttle import overflow

KIND: Final = "oauth-state"
LONGEST_CONTEXT: Final = 2000
"""Characters of the context, as JSON: strangers choose it, and it waits in the store."""


@attrs.frozen(kw_only=True)
class BegunRedirect:
    """A browser that is about to be sent to a provider."""

    url: str = attrs.field(repr=False)
    """Where to send it."""
    cookie_name: str
    """The cookie to give it – `Secure`, `HttpOnly`, `Path=/` –, so that the answer is taken from
    this browser alone. Each log-in under way has one of its own."""
    binding: Secret = attrs.field(validator=must_be_secret)
    """What stands in the cookie."""
    same_site: str
    """`Lax`; or `None` where the provider has the browser come back with a form."""
    expires_at: datetime


@attrs.frozen(kw_only=True)
class Journey:
    """Where a browser is to go, and what is to come back with it."""

    redirect_uri: str | None
    """Where the provider sends it back to; None: the only place there is."""
    return_to: str | None
    context: Mapping[str, str] | None


def begin(
    core: Core, by: Acting, provider: str, asked: Journey, *, links_to: Session | None = None
) -> BegunRedirect:
    """Begin a log-in through the browser, or – with *links_to*, the session of a user – the link
    of one more identity to that user; see `Redirects.begin`, `Redirects.begin_link`."""
    offer = redirecting(core, provider)
    limit = gate.limit_seconds(core, offer)
    terms: RedirectTerms = core.plugins.call(
        offer, "redirect_terms", lambda: offer.value.redirect_terms(core.services), limit
    )
    callback = _callback(terms, asked.redirect_uri)
    if asked.return_to is not None and asked.return_to not in terms.return_uris:
        raise InvalidInput("return_to", "is not one of this provider's return URIs.")
    context = _checked_context(asked.context)
    state, binding = Secret(secrets.token_urlsafe(32)), Secret(secrets.token_urlsafe(32))
    request = RedirectRequest(
        redirect_uri=callback,
        state=state,
        nonce=made_of(core, state, "nonce", 0),
        code_challenge=_challenge(made_of(core, state, "verifier", 0)),
        locale=None if by.client is None else by.client.locale,
    )
    url: str = core.plugins.call(
        offer, "begin_redirect", lambda: offer.value.begin_redirect(request, core.services), limit
    )
    expires_at = core.now() + core.settings.redirect_lifetime
    until = to_text(expires_at)
    body = {
        "provider": provider,
        "redirect_uri": callback,
        "binding": token_digest(binding.reveal()),
        "key": core.keys.ids[0],
        "until": until,
        **({"return_to": asked.return_to} if asked.return_to is not None else {}),
        **({"context": context} if context else {}),
        **({"links_to": [links_to.user, links_to.id]} if links_to is not None else {}),
    }
    digest = hashlib.sha256(state.reveal().encode()).digest()
    key = key_of(state.reveal())
    put = Put(KIND, core.mint_id(), body, None, (key,), (Label("until", until),))
    # Unsettled: what a crash takes of it is a log-in to begin again.
    commit(core, Change(put=(put,), remove=overflow(core, KIND, digest)), settle=False)
    return BegunRedirect(
        url=url,
        cookie_name=cookie_name(state.reveal()),
        binding=binding,
        same_site="None" if terms.posts_back else "Lax",
        expires_at=expires_at,
    )


def cookie_name(state: str) -> str:
    """Return the name of the cookie that binds this state to its browser."""
    return f"__Host-admit-{hashlib.sha256(state.encode()).hexdigest()[:16]}"


def key_of(state: str) -> str:
    """Return the store key of what waits for an answer with this state."""
    return f"{KIND}:{token_digest(state)}"


def redirecting(core: Core, provider: str) -> Offer:
    """Return a provider to which browsers can be sent.

    Raises:
        UnknownName: there is none of that name; those that are there are listed.
        ProviderDisabled: its setting `enabled` is false.
    """
    offers = core.plugins.offers("register_providers")
    able = sorted(name for name in offers if hasattr(offers[name].value, "begin_redirect"))
    if check_text(provider, "provider") not in able:
        raise UnknownName("redirecting provider", provider, able)
    return gate.open_provider(core, provider)


def _callback(terms: RedirectTerms, redirect_uri: str | None) -> str:
    """Return the callback that was asked for, or the only one there is (security.md T7)."""
    if redirect_uri is None and len(terms.redirect_uris) == 1:
        return terms.redirect_uris[0]
    if redirect_uri is None:
        raise InvalidInput("redirect_uri", "has to be named: this provider has several, or none.")
    if redirect_uri not in terms.redirect_uris:
        raise InvalidInput("redirect_uri", "is not one of this provider's redirect URIs.")
    return redirect_uri


def _checked_context(context: Mapping[str, str] | None) -> dict[str, str]:
    kept = {
        check_text(name, "context", most=100): check_text(value, "context", most=LONGEST_CONTEXT)
        for name, value in (context or {}).items()
    }
    if len(json.dumps(kept)) > LONGEST_CONTEXT:
        raise InvalidInput("context", f"is longer than {LONGEST_CONTEXT} characters as JSON.")
    return kept


def made_of(core: Core, state: Secret, what: str, generation: int) -> str:
    """Return 256 bits that nobody without the engine's key can make of *state*."""
    key = core.keys.sub_keys("redirects")[generation]
    return base64url(hmac.digest(key, f"{what}:{state.reveal()}".encode(), "sha256"))


def _challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636 §4.2)."""
    return base64url(hashlib.sha256(verifier.encode()).digest())
