"""Logging in by a browser that is sent to a provider and comes back (security.md O2, T7).

What a browser is sent away with stands in one record, which its answer uses up: found by the digest
of the state, bound to the browser by the digest of a value that only its cookie has. Nonce and PKCE
verifier are made of the state with the engine's key, so that neither is ever stored.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from .._base64url import base64url
from .._commits import commit, record_refusal
from .._core import Core
from .._events import Acting
from .._plugins import Offer
from .._text import check_text
from .._tokens import same, token_digest
from ..clock import from_text, to_text
from ..errors import InvalidInput, LogInRefused, PluginFailed, RedirectInvalid, UnknownName
from ..masked import Secret, must_be_secret
from ..providers import Claim, RedirectAnswer, RedirectRequest, RedirectTerms
from ..records import LogIn
from ..stores import Change, Label, Put, Record, Remove, VersionMoved
from . import gate
from .log_in import log_in_as
from .throttle import overflow

KIND: Final = "oauth-state"
LONGEST_CONTEXT: Final = 2000
"""Characters of the context, as JSON: strangers choose it, and it waits in the store."""
LONGEST_PARAMETER: Final = 8192


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
class PendingRedirect:
    """A redirect that waits for its answer."""

    provider: str
    return_to: str | None
    context: Mapping[str, str]


@attrs.frozen(kw_only=True)
class RedirectEnd:
    """What a redirect came to."""

    log_in: LogIn
    provider: str
    return_to: str | None
    """Where to send the browser on to: one of the provider's return URIs, as asked for."""
    context: Mapping[str, str]
    """What the application gave when the redirect began."""


def begin(
    core: Core,
    by: Acting,
    provider: str,
    *,
    redirect_uri: str | None,
    return_to: str | None,
    context: Mapping[str, str] | None,
) -> BegunRedirect:
    """Begin a log-in through the browser; see `Redirects.begin`."""
    offer = _redirecting(core, provider)
    limit = gate.limit_seconds(core, offer)
    terms: RedirectTerms = core.plugins.call(
        offer, "redirect_terms", lambda: offer.value.redirect_terms(core.services), limit
    )
    callback = _callback(terms, redirect_uri)
    if return_to is not None and return_to not in terms.return_uris:
        raise InvalidInput("return_to", "is not one of this provider's return URIs.")
    kept = _checked_context(context)
    state, binding = Secret(secrets.token_urlsafe(32)), Secret(secrets.token_urlsafe(32))
    asked = RedirectRequest(
        redirect_uri=callback,
        state=state,
        nonce=_made_of(core, state, "nonce", 0),
        code_challenge=_challenge(_made_of(core, state, "verifier", 0)),
        locale=None if by.client is None else by.client.locale,
    )
    url: str = core.plugins.call(
        offer, "begin_redirect", lambda: offer.value.begin_redirect(asked, core.services), limit
    )
    now = core.now()
    expires_at = now + core.settings.redirect_lifetime
    until = to_text(expires_at)
    body = {
        "provider": provider,
        "redirect_uri": callback,
        "binding": token_digest(binding.reveal()),
        "key": core.keys.ids[0],
        "until": until,
        **({"return_to": return_to} if return_to is not None else {}),
        **({"context": kept} if kept else {}),
    }
    digest = _digest(state.reveal())
    put = Put(KIND, core.mint_id(), body, None, (_key(digest),), (Label("until", until),))
    # Unsettled: what a crash takes of it is a log-in to begin again.
    commit(core, Change(put=(put,), remove=overflow(core, KIND, digest)), settle=False)
    return BegunRedirect(
        url=url,
        cookie_name=cookie_name(state.reveal()),
        binding=binding,
        same_site="None" if terms.posts_back else "Lax",
        expires_at=expires_at,
    )


def look(core: Core, parameters: Mapping[str, str]) -> PendingRedirect:
    """Return what waits for this answer; see `Redirects.look`."""
    return _pending(_waiting(core, parameters))


def finish(
    core: Core,
    by: Acting,
    parameters: Mapping[str, str],
    *,
    binding: str | Secret | None,
    provider: str | None,
) -> RedirectEnd:
    """Take a browser's answer; see `Redirects.finish`."""
    try:
        record = _waiting(core, parameters)
        _check_browser(record, binding)
        _use_up(core, record)
        if provider is not None and provider != record.body["provider"]:
            raise RedirectInvalid("other-provider")
        claim = _claim(core, record, parameters)
    except LogInRefused as problem:
        record_refusal(core, by, None, "redirect", problem.code)
        raise
    pending = _pending(record)
    return RedirectEnd(
        log_in=log_in_as(core, by, pending.provider, claim).run(),
        provider=pending.provider,
        return_to=pending.return_to,
        context=pending.context,
    )


def cookie_name(state: str) -> str:
    """Return the name of the cookie that binds this state to its browser."""
    return f"__Host-admit-{_digest(state).hex()[:16]}"


# --- going -------------------------------------------------------------------------------------


def _redirecting(core: Core, provider: str) -> Offer:
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


def _made_of(core: Core, state: Secret, what: str, generation: int) -> str:
    """Return 256 bits that nobody without the engine's key can make of *state*."""
    key = core.keys.sub_keys("redirects")[generation]
    return base64url(hmac.digest(key, f"{what}:{state.reveal()}".encode(), "sha256"))


def _challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636 §4.2)."""
    return base64url(hashlib.sha256(verifier.encode()).digest())


# --- coming back -------------------------------------------------------------------------------


def _waiting(core: Core, parameters: Mapping[str, str]) -> Record:
    """Return the record that this answer's state leads to. Raises RedirectInvalid."""
    for name, value in parameters.items():
        check_text(name, "parameters", most=100)
        check_text(value, "parameters", most=LONGEST_PARAMETER)
    record = core.store.find(_key(_digest(parameters.get("state", ""))))
    if record is None or record.kind != KIND or from_text(record.body["until"]) <= core.now():
        raise RedirectInvalid("unknown")
    return record


def _check_browser(record: Record, binding: str | Secret | None) -> None:
    """Return if the cookie is the one that was given. Nothing is used up if not: whoever read a
    state in a log must not end somebody's log-in with it."""
    given = binding.reveal() if isinstance(binding, Secret) else binding
    if given is not None:
        check_text(given, "binding")
    if not given or not same(record.body["binding"], token_digest(given)):
        raise RedirectInvalid("other-browser")


def _use_up(core: Core, record: Record) -> None:
    """Remove the record, or find that somebody else did: an answer counts once. Unsettled; the
    log-in that follows settles it, and the provider takes a code but once, too."""
    try:
        commit(core, Change(remove=(Remove(KIND, record.id, record.version),)), settle=False)
    except VersionMoved:
        raise RedirectInvalid("unknown") from None


def _claim(core: Core, record: Record, parameters: Mapping[str, str]) -> Claim:
    body, state = record.body, Secret(parameters["state"])
    offer = _redirecting(core, body["provider"])
    if body["key"] not in core.keys.ids:
        raise RedirectInvalid("unknown")  # the engine's key was changed meanwhile
    generation = core.keys.ids.index(body["key"])
    answer = RedirectAnswer(
        parameters=dict(parameters),
        redirect_uri=body["redirect_uri"],
        nonce=Secret(_made_of(core, state, "nonce", generation)),
        code_verifier=Secret(_made_of(core, state, "verifier", generation)),
    )
    claim: Claim = core.plugins.call(
        offer,
        "end_redirect",
        lambda: offer.value.end_redirect(answer, core.services),
        gate.limit_seconds(core, offer),
    )
    if not claim.proved or claim.user is not None:
        raise PluginFailed(offer.plugin, "end_redirect", "must claim an identity, proved")
    return gate.checked(core, offer, claim)


def _pending(record: Record) -> PendingRedirect:
    body: Mapping[str, Any] = record.body
    return PendingRedirect(
        provider=body["provider"],
        return_to=body.get("return_to"),
        context=body.get("context", {}),
    )


def _digest(state: str) -> bytes:
    return hashlib.sha256(state.encode()).digest()


def _key(digest: bytes) -> str:
    return f"{KIND}:{base64url(digest)}"
