"""Custom user data, secrets and functions: what clients configure beside users and providers.

The service kept custom user data in a collection of MongoDB and ran functions in JavaScript. Here
the data are the engine's, and functions are registered in code alone (security.md N6); what clients
say besides is kept, so that they read again what they wrote.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.responses import Response

import admit
from admit.errors import UnknownName

from ..admins import Admin
from ..answers import nothing, told
from ..asking import Ask
from ..bodies import Body
from ..hosting import Hosted, derived_id
from ..routes import Route
from .entering import in_path
from .rows import APP, acts, reads
from .telling import Refused

IN_TOKENS: Final = "custom_data_in_access_token"
DOCUMENT: Final = "app-services/custom-user-data"


class CustomUserData(Body):
    """Where custom user data came from. Only `enabled` does something: with it, access tokens carry
    the data."""

    enabled: bool
    mongo_service_id: str = ""
    database_name: str = ""
    collection_name: str = ""
    user_id_field: str = ""
    on_user_creation_function_id: str = ""


class SecretShown(Body):
    """A secret, by name."""

    id: str = msgspec.field(name="_id")
    name: str


class SecretGiven(Body):
    """A secret to be kept."""

    name: str
    value: str


class FunctionShown(Body):
    """A function that is registered in code."""

    id: str = msgspec.field(name="_id")
    name: str
    private: bool = True
    """Whether clients may not call it themselves."""


class FunctionGiven(Body):
    """A function that a client wants to be there. Its source is not looked at."""

    name: str


async def show_custom_data(ask: Ask) -> Response:
    """Answer with how custom user data are configured."""
    admin = await in_path(ask)
    return told(await ask.call(_custom_data, admin))


async def change_custom_data(ask: Ask) -> Response:
    """Change what is given, and keep the rest."""
    admin = await in_path(ask)
    given = await ask.body(dict[str, Any])

    def changed() -> None:
        before = msgspec.to_builtins(_custom_data(admin))
        # Validated as a whole: a key of a wrong type is told, an unknown one dropped.
        new = msgspec.convert({**before, **given}, CustomUserData)
        document = msgspec.to_builtins(new)
        enabled = document.pop("enabled")
        admin.engine.documents.set(DOCUMENT, document)
        admin.engine.settings.set(IN_TOKENS, enabled)

    try:
        await ask.call(changed)
    except msgspec.ValidationError as problem:
        raise Refused(400, "BadRequest", str(problem)) from None
    return nothing()


def _custom_data(admin: Admin) -> CustomUserData:
    kept = admin.engine.documents.get(DOCUMENT).data
    enabled = admin.engine.settings.get(IN_TOKENS)
    return msgspec.convert({**kept, "enabled": enabled}, CustomUserData)


async def list_secrets(ask: Ask) -> Response:
    """Answer with the names of secrets."""
    admin = await in_path(ask)
    secrets = await ask.call(admin.engine.secrets.all)
    return told([SecretShown(id=secret.id, name=secret.name) for secret in secrets])


async def create_secret(ask: Ask) -> Response:
    """Keep a new secret."""
    admin = await in_path(ask)
    given = await ask.body(SecretGiven)

    def created() -> admit.AppSecret:
        if any(secret.name == given.name for secret in admin.engine.secrets.all()):
            raise Refused(409, "BadRequest", "secret already exists")
        return admin.engine.secrets.set(given.name, given.value)

    secret = await ask.call(created)
    return told(SecretShown(id=secret.id, name=secret.name), 201)


async def replace_secret(ask: Ask) -> Response:
    """Replace the value of a secret. What refers to it does so by its name, which stays."""
    admin = await in_path(ask)
    given = await ask.body(SecretGiven)

    def replaced() -> None:
        name = _secret_name(admin, ask.part("secret_id"))
        if given.name != name:
            raise Refused(400, "BadRequest", "the name of a secret stays; create another one")
        admin.engine.secrets.set(name, given.value)

    await ask.call(replaced)
    return nothing()


async def delete_secret(ask: Ask) -> Response:
    """Delete a secret."""
    admin = await in_path(ask)
    secrets = admin.engine.secrets
    try:
        await ask.call(lambda: secrets.delete(_secret_name(admin, ask.part("secret_id"))))
    except UnknownName:  # somebody else was faster
        raise _no_secret() from None
    return nothing()


def _secret_name(admin: Admin, secret_id: str) -> str:
    for secret in admin.engine.secrets.all():
        if secret.id == secret_id:
            return secret.name
    raise _no_secret()


def _no_secret() -> Refused:
    return Refused(404, "", "secret not found")


async def list_functions(ask: Ask) -> Response:
    """Answer with the functions that are registered."""
    admin = await in_path(ask)
    names = await ask.call(_functions, admin.hosted)
    return told([_function(admin.hosted, name) for name in names])


async def create_function(ask: Ask) -> Response:
    """Answer with the function that is registered under this name. Others are refused: no client
    brings code."""
    admin = await in_path(ask)
    given = await ask.body(FunctionGiven)
    if given.name not in await ask.call(_functions, admin.hosted):
        raise Refused(
            400,
            "FunctionNotFound",
            f"function not found: '{given.name[:100]}': register a Python function of this name",
        )
    return told(_function(admin.hosted, given.name), 201)


def _functions(hosted: Hosted) -> list[str]:
    return sorted({*hosted.engine.settings.functions(), *hosted.functions})


def _function(hosted: Hosted, name: str) -> FunctionShown:
    function_id = derived_id(f"function {name}", hosted.app_id)
    return FunctionShown(id=function_id, name=name, private=name not in hosted.functions)


_SECRET = f"{APP}/secrets/{{secret_id}}"
ROUTES: list[Route] = [
    reads(
        f"{APP}/custom_user_data",
        show_custom_data,
        "Say how custom user data are configured.",
        CustomUserData,
    ),
    acts(
        "PATCH",
        f"{APP}/custom_user_data",
        change_custom_data,
        "Change how custom user data are configured.",
        scope="owner",
        body=dict[str, Any],
    ),
    reads(f"{APP}/secrets", list_secrets, "List secrets by name.", list[SecretShown]),
    acts(
        "POST",
        f"{APP}/secrets",
        create_secret,
        "Keep a new secret.",
        scope="owner",
        body=SecretGiven,
        answers={201: SecretShown},
    ),
    acts("PUT", _SECRET, replace_secret, "Replace a secret.", scope="owner", body=SecretGiven),
    acts("DELETE", _SECRET, delete_secret, "Delete a secret.", scope="owner"),
    reads(f"{APP}/functions", list_functions, "List registered functions.", list[FunctionShown]),
    acts(
        "POST",
        f"{APP}/functions",
        create_function,
        "Find a registered function by its name.",
        scope="owner",
        body=FunctionGiven,
        answers={201: FunctionShown},
    ),
]
