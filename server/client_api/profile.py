"""Who the caller is."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

import admit
from admit.errors import SessionInvalid, UserNotFound

from ..answers import told
from ..asking import Ask
from ..bodies import Body
from ..hosting import Hosted, derived_id
from ..routes import Route


class IdentityShown(Body):
    """One identity, as clients see it."""

    id: str
    provider_type: str
    provider_id: str


class Profile(Body):
    """What clients see of their user."""

    user_id: str
    domain_id: str
    type: str
    identities: list[IdentityShown]
    data: dict[str, Any]


def profile_of(user: admit.User, hosted: Hosted) -> Profile:
    """Return what clients see of *user*: its identities in the order in which they were added, and
    the data of all of them."""
    return Profile(
        user_id=user.id,
        domain_id=hosted.domain_id,
        type=user.type,
        identities=[
            IdentityShown(
                id=identity.id,
                provider_type=identity.provider,
                provider_id=derived_id(f"provider {identity.provider}", hosted.app_id),
            )
            for identity in user.identities
        ],
        data=data_of(user),
    )


def data_of(user: admit.User) -> dict[str, Any]:
    """Return the data of all identities of *user*."""
    data: dict[str, Any] = {}
    for identity in user.identities:
        data |= identity.data
    return data


async def show(ask: Ask) -> Response:
    """Answer with the caller's profile."""
    access = await ask.access()
    try:
        user = await ask.look(ask.hosted.engine.users.get, access.user_id)
    except UserNotFound:  # deleted since the token was looked at
        raise SessionInvalid("ended") from None
    return told(profile_of(user, ask.hosted))


ROUTES = [
    Route(
        method="GET",
        path="/auth/profile",
        handler=show,
        summary="Say who the caller is.",
        token="access",  # noqa: S106 - which kind
        answers={200: Profile},
        changes=False,
    )
]
