"""Taking the answer that a browser brings back from a provider (security.md O2, O3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import attrs

from .._codec import session_from
from .._commits import commit, record_refusal
from .._core import Core
from .._events import Acting
from .._text import check_text
from .._tokens import same, token_digest
from ..clock import from_text
from ..errors import LogInRefused, PluginFailed, RedirectInvalid, SessionInvalid, UserNotFound
from ..masked import Secret, must_be_secret
from ..providers import Claim, RedirectAnswer
from ..records import LogIn, Session, User
from ..stores import Change, Record, Remove, VersionMoved
from . import gate, sessions
from .link import link_as
from .log_in import log_in_as
from .redirect import KIND, key_of, made_of, redirecting
from .token_claims import access_token

LONGEST_PARAMETER: Final = 8192


@attrs.frozen(kw_only=True)
class PendingRedirect:
    """A redirect that waits for its answer."""

    provider: str
    return_to: str | None
    context: Mapping[str, str]
    links: bool
    """Whether it adds an identity to a user, instead of logging one in."""


@attrs.frozen(kw_only=True)
class RedirectEnd:
    """What a redirect came to."""

    user: User
    log_in: LogIn | None
    """None after a link: the session that asked for it goes on."""
    access_token: Secret = attrs.field(repr=False, validator=must_be_secret)
    """Of the session that goes on, or was opened: a new one."""
    provider: str
    return_to: str | None
    """Where to send the browser on to: one of the provider's return URIs, as asked for."""
    context: Mapping[str, str]
    """What the application gave when the redirect began."""


@attrs.frozen(kw_only=True)
class Returned:
    """A browser that came back."""

    parameters: Mapping[str, str] = attrs.field(repr=False)
    binding: str | Secret | None = attrs.field(repr=False)
    access_token: str | Secret | None = attrs.field(repr=False)
    provider: str | None
    """The one whose callback it came to, where each has its own."""


def look(core: Core, parameters: Mapping[str, str]) -> PendingRedirect:
    """Return what waits for this answer; see `Redirects.look`."""
    return _pending(_waiting(core, parameters))


def finish(core: Core, by: Acting, came: Returned) -> RedirectEnd:
    """Take a browser's answer; see `Redirects.finish`."""
    try:
        record = _waiting(core, came.parameters)
        _check_browser(core, record, came)
        _use_up(core, record)
        if came.provider is not None and came.provider != record.body["provider"]:
            raise RedirectInvalid("other-provider")
        claim = _claim(core, record, came.parameters)
    except LogInRefused as problem:
        record_refusal(core, by, None, "redirect", problem.code)
        raise
    pending = _pending(record)
    log_in: LogIn | None = None
    if pending.links:
        user, session = _link(core, by, record, claim)
        access = access_token(core, user, session, core.now())
    else:
        log_in = log_in_as(core, by, pending.provider, claim).run()
        user, access = log_in.user, log_in.access_token
    return RedirectEnd(
        user=user,
        log_in=log_in,
        access_token=access,
        provider=pending.provider,
        return_to=pending.return_to,
        context=pending.context,
    )


def _waiting(core: Core, parameters: Mapping[str, str]) -> Record:
    """Return the record that this answer's state leads to. Raises RedirectInvalid."""
    for name, value in parameters.items():
        check_text(name, "parameters", most=100)
        check_text(value, "parameters", most=LONGEST_PARAMETER)
    record = core.store.find(key_of(parameters.get("state", "")))
    if record is None or record.kind != KIND or from_text(record.body["until"]) <= core.now():
        raise RedirectInvalid("unknown")
    return record


def _check_browser(core: Core, record: Record, came: Returned) -> None:
    """Return if the cookie is the one that was given and, for a link, an access token that comes
    with it is of the user who asked – or, without the cookie, of the very session. Nothing is used
    up if not: whoever read a state in a log must not end somebody's log-in with it.

    A provider sends a browser back by itself, and no page of the application is there to add a
    token: so the cookie alone is enough. A token that is there says more: who sits there now.

    Raises:
        RedirectInvalid: it is neither. Else whoever is sent the link to an attacker's answer would
            come into her account, or give her an identity.
        SessionInvalid: the access token is none.
    """
    given = came.binding.reveal() if isinstance(came.binding, Secret) else came.binding
    is_bound = given is not None and same(
        record.body["binding"], token_digest(check_text(given, "binding"))
    )
    if "links_to" in record.body and came.access_token is not None:
        user_id, session_id = record.body["links_to"]
        user, session = sessions.caller(core, came.access_token)
        is_bound = user.id == user_id if is_bound else session.id == session_id
    if not is_bound:
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
    offer = redirecting(core, body["provider"])
    if body["key"] not in core.keys.ids:
        raise RedirectInvalid("unknown")  # the engine's key was changed meanwhile
    generation = core.keys.ids.index(body["key"])
    answer = RedirectAnswer(
        parameters=dict(parameters),
        redirect_uri=body["redirect_uri"],
        nonce=Secret(made_of(core, state, "nonce", generation)),
        code_verifier=Secret(made_of(core, state, "verifier", generation)),
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


def _link(core: Core, by: Acting, record: Record, claim: Claim) -> tuple[User, Session]:
    """Give what was claimed to the user who asked, if her session still is one (O2). Returns both;
    what a token says of the session, a link leaves, or makes newer."""
    user_id, session_id = record.body["links_to"]
    found = core.store.get("session", session_id)
    if found is None or found.body["user"] != user_id:
        raise SessionInvalid("ended")
    asks: Session = session_from(found)
    try:
        user = link_as(core, by, user_id, record.body["provider"], claim, asks=asks).run()
    except UserNotFound:
        raise SessionInvalid("ended") from None
    left = core.store.get("session", session_id)
    return user, asks if left is None else session_from(left)


def _pending(record: Record) -> PendingRedirect:
    body: Mapping[str, Any] = record.body
    return PendingRedirect(
        provider=body["provider"],
        return_to=body.get("return_to"),
        context=body.get("context", {}),
        links="links_to" in body,
    )
