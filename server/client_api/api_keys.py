"""A user's own API keys, which are asked for with the refresh token (wire-contract.md §2)."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from starlette.responses import Response

import admit
from admit.errors import ApiKeyNotFound, InvalidInput, TooManyApiKeys

from ..answers import nothing, told
from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .telling import Refused

PATH: Final = "/auth/api_keys"
ONE: Final = f"{PATH}/{{key}}"
_ID: Final = re.compile(r"[0-9a-f]{24}")


class KeyName(Body):
    """What a new key shall be called."""

    name: str


class ShownKey(Body):
    """A key, in exactly three fields: clients compare the whole object."""

    id: str = msgspec.field(name="_id")
    name: str
    disabled: bool


class MadeKey(ShownKey):
    """A key that was made just now, with its text: this once."""

    key: str


async def create(ask: Ask) -> Response:
    """Make a key."""
    session = await ask.session()
    given = await ask.body(KeyName)
    keys = ask.engine().api_keys
    try:
        made = await ask.call(lambda: keys.create(session.user, name=given.name))
    except InvalidInput as refused:
        raise Refused(400, "InvalidParameter", f"API key name {refused.rule}") from None
    except TooManyApiKeys as refused:
        raise Refused(400, "BadRequest", refused.sentence) from None
    shown = _shown(made.key)
    return told(MadeKey(id=shown.id, name=shown.name, disabled=False, key=made.text.reveal()), 201)


async def show_all(ask: Ask) -> Response:
    """Answer with the keys, oldest first."""
    session = await ask.session()
    found = await ask.look(ask.hosted.engine.api_keys.of, session.user)
    return told([_shown(key) for key in found])


async def show(ask: Ask) -> Response:
    """Answer with one."""
    session, key_id = await _asked(ask)
    key = await ask.look(ask.hosted.engine.api_keys.get, key_id, user=session.user)
    return told(_shown(key))


async def delete(ask: Ask) -> Response:
    """Delete one, which is not the one that the caller came in with."""
    session, key_id = await _asked(ask)
    if session.provider == "api-key" and session.identity == key_id:
        raise Refused(403, "BadRequest", "an API key cannot delete itself")
    await ask.call(ask.engine().api_keys.delete, key_id, user=session.user)
    return nothing()


async def enable(ask: Ask) -> Response:
    """Switch one on; one that is, stays so."""
    session, key_id = await _asked(ask)
    await ask.call(ask.engine().api_keys.enable, key_id, user=session.user)
    return nothing()


async def disable(ask: Ask) -> Response:
    """Switch one off, and end the sessions that it opened."""
    session, key_id = await _asked(ask)
    await ask.call(ask.engine().api_keys.disable, key_id, user=session.user)
    return nothing()


async def _asked(ask: Ask) -> tuple[admit.Session, str]:
    """Return the caller's session, and which key is meant. Raises ApiKeyNotFound: it is no id."""
    session, key_id = await ask.session(), ask.part("key")
    if not _ID.fullmatch(key_id):
        raise ApiKeyNotFound
    return session, key_id


def _shown(key: admit.ApiKey) -> ShownKey:
    return ShownKey(id=key.id, name=key.name, disabled=key.disabled)


ROUTES = [
    Route(
        method="POST",
        path=PATH,
        handler=create,
        summary="Make an API key of the caller.",
        token="refresh",  # noqa: S106 - which kind
        body=KeyName,
        answers={201: MadeKey},
    ),
    Route(
        method="GET",
        path=PATH,
        handler=show_all,
        summary="List the caller's API keys, oldest first.",
        token="refresh",  # noqa: S106 - which kind
        answers={200: list[ShownKey]},
        changes=False,
    ),
    Route(
        method="GET",
        path=ONE,
        handler=show,
        summary="Show one of the caller's API keys.",
        token="refresh",  # noqa: S106 - which kind
        answers={200: ShownKey},
        changes=False,
    ),
    Route(
        method="DELETE",
        path=ONE,
        handler=delete,
        summary="Delete one of the caller's API keys.",
        token="refresh",  # noqa: S106 - which kind
        answers={204: None},
    ),
    Route(
        method="PUT",
        path=f"{ONE}/enable",
        handler=enable,
        summary="Switch one of the caller's API keys on.",
        token="refresh",  # noqa: S106 - which kind
        answers={204: None},
    ),
    Route(
        method="PUT",
        path=f"{ONE}/disable",
        handler=disable,
        summary="Switch one of the caller's API keys off.",
        token="refresh",  # noqa: S106 - which kind
        answers={204: None},
    ),
]
