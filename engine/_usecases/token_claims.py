"""What access tokens say: the engine's claims, and those that plugins add."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from .. import _jwt
from .._core import Core
from .._plugins import Offer
from ..errors import PluginFailed
from ..masked import Secret
from ..records import Session, User
from .custom_data import CLAIM, claims_of

RESERVED: Final = frozenset(
    {CLAIM, "typ", "sub", "sid", "auth_time", "iss", "aud", "exp", "nbf", "iat", "jti"}
)
"""The engine's own, and those registered in RFC 7519 §4.1."""
MOST_BYTES: Final = 1536
"""Of all that plugins add: beside the custom data's 4 kB, in base64, a token stays below the 8 kB
that web servers take of a header."""


def access_token(core: Core, user: User, session: Session, now: datetime) -> Secret:
    """Return a new access token of a session.

    Raises:
        PluginFailed, PluginTimedOut: a plugin's claims cannot be had, or not be added.
        MissingExtra, StoreError: the key that signs cannot be made, or opened.
    """
    # A token that is not looked up must not outlive its session.
    expires_at = min(now + core.settings.access_token_lifetime, session.expires_at)
    claims = {
        **_added(core, user, session),
        **claims_of(core, user.id),
        "sub": user.id,
        "sid": session.id,
        "iat": _jwt.seconds(now),
        "exp": _jwt.seconds(expires_at),
        "auth_time": _jwt.seconds(session.authenticated_at),
    }
    return Secret(core.signer.sign_access(claims, now))


def _added(core: Core, user: User, session: Session) -> Mapping[str, object]:
    offers = core.plugins.offers("register_claims")
    added: dict[str, object] = {}
    size = 0
    for offer in offers.values():
        found = _asked(core, offer, user, session)
        for name in found:
            if name in RESERVED or name in added:
                whose = "the engine's own" if name in RESERVED else "another plugin's"
                raise PluginFailed(offer.plugin, "claims", f"the claim {name!r} is {whose}")
        size += _size_bytes(offer, found)
        if size > MOST_BYTES:
            what = f"with {offer.name!r} the claims are longer than {MOST_BYTES} bytes"
            raise PluginFailed(offer.plugin, "claims", what)
        added |= found
    return added


def _asked(core: Core, offer: Offer, user: User, session: Session) -> Mapping[str, object]:
    answer: Mapping[Any, object] = core.plugins.call(
        offer, "claims", lambda: offer.value.claims(user, session, core.services)
    )
    if not all(isinstance(name, str) and name for name in answer):
        raise PluginFailed(offer.plugin, "claims", "must answer claims by name")
    return {name: value for name, value in answer.items() if value is not None}


def _size_bytes(offer: Offer, claims: Mapping[str, object]) -> int:
    try:
        return len(json.dumps(claims, allow_nan=False).encode())
    except (TypeError, ValueError) as problem:
        what = f"{offer.name!r} answered what JSON does not know"
        raise PluginFailed(offer.plugin, "claims", what) from problem
