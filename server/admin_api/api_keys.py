"""API keys of the application's servers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from starlette.responses import Response

import admit
from admit.errors import ApiKeyNotFound, InvalidInput, ProviderDisabled

from ..answers import nothing, told
from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .entering import in_path
from .rows import APP, acts, reads

PROVIDER = "api-key"


class KeyShown(Body):
    """A key, without its text."""

    id: str = msgspec.field(name="_id")
    name: str
    disabled: bool


class NewKeyShown(KeyShown):
    """A key that was just made, with its text: this once."""

    key: str


class KeyWanted(Body):
    """What a new key shall be called."""

    name: str


async def list_all(ask: Ask) -> Response:
    """Answer with the keys, oldest first."""
    admin = await in_path(ask)
    keys = await ask.call(admin.engine.api_keys.of_server)
    return told([_shown(key) for key in keys])


async def create(ask: Ask) -> Response:
    """Make a key, with a user of its own."""
    admin = await in_path(ask)
    given = await ask.body(KeyWanted)

    def made() -> admit.NewApiKey:
        if not admin.engine.settings.get(f"{PROVIDER}.enabled"):
            raise ProviderDisabled(PROVIDER)
        return admin.engine.api_keys.create_server_key(name=given.name)

    new = await ask.call(made)
    key = new.key
    answer = NewKeyShown(id=key.id, name=key.name, disabled=key.disabled, key=new.text.reveal())
    return told(answer, 201)


async def show(ask: Ask) -> Response:
    """Answer with one key."""
    admin = await in_path(ask)
    return told(_shown(await ask.call(_found, admin.engine, ask.part("key_id"))))


async def enable(ask: Ask) -> Response:
    """Switch a key on again."""
    return await _changed(ask, lambda engine: engine.api_keys.enable)


async def disable(ask: Ask) -> Response:
    """Switch a key off."""
    return await _changed(ask, lambda engine: engine.api_keys.disable)


async def delete(ask: Ask) -> Response:
    """Delete a key, and its user."""
    return await _changed(ask, lambda engine: engine.api_keys.delete)


async def _changed(ask: Ask, verb: Callable[[admit.Engine], Callable[[str], object]]) -> Response:
    admin = await in_path(ask)
    await ask.call(lambda: verb(admin.engine)(_found(admin.engine, ask.part("key_id")).id))
    return nothing()


def _found(engine: admit.Engine, key_id: str) -> admit.ApiKey:
    """Return a server's key. Raises ApiKeyNotFound: a user's own is none."""
    try:
        key = engine.api_keys.get(key_id.lower())
    except InvalidInput:
        raise ApiKeyNotFound from None
    if not key.is_server:
        raise ApiKeyNotFound
    return key


def _shown(key: admit.ApiKey) -> KeyShown:
    return KeyShown(id=key.id, name=key.name, disabled=key.disabled)


_KEY = f"{APP}/api_keys/{{key_id}}"
ROUTES: list[Route] = [
    reads(f"{APP}/api_keys", list_all, "List the servers' keys.", list[KeyShown]),
    acts(
        "POST",
        f"{APP}/api_keys",
        create,
        "Make a server's key.",
        scope="owner",
        body=KeyWanted,
        answers={201: NewKeyShown},
    ),
    reads(_KEY, show, "Show a server's key.", KeyShown),
    acts("PUT", f"{_KEY}/enable", enable, "Switch a key on again.", scope="owner"),
    acts("PUT", f"{_KEY}/disable", disable, "Switch a key off.", scope="owner"),
    acts("DELETE", _KEY, delete, "Delete a key, and its user.", scope="owner"),
]
