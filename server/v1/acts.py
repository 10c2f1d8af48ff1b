"""Acting on one user: each route a verb of the engine."""

from __future__ import annotations

from typing import Any, Literal

import admit
from admit.records import CustomData, User

from ..asking import Ask
from ..bodies import Body
from ..routes import Route
from .asked import Named, flag, named, verb


class NewUser(Body):
    """A user made past the flow."""

    login: str
    password: str | None = None
    provider: str | None = None
    data: dict[str, Any] | None = None
    password_hash: str | None = None


class NewAddress(Body):
    """An address."""

    to: str


class Unlinked(Body):
    """Which identity is taken away; `identity` where there are several of the provider."""

    provider: str
    identity: str | None = None


class NewCustomData(Body):
    """The data that replaces what is kept, and the version that it was made from."""

    data: dict[str, Any]
    version: int | None = None


def _create(engine: admit.Engine, ask: Ask, body: NewUser) -> User:
    return engine.create(
        body.login,
        body.password,
        provider=body.provider,
        data=body.data,
        password_hash=body.password_hash,
    )


def _change_address(engine: admit.Engine, ask: Ask, body: NewAddress) -> User:
    return engine.identities.change_address_manually(**named(ask), to=body.to)


def _unlink(engine: admit.Engine, ask: Ask, body: Unlinked) -> User:
    who: Named = named(ask)
    return engine.identities.unlink(**who, provider=body.provider, identity=body.identity)


def _set_custom_data(engine: admit.Engine, ask: Ask, body: NewCustomData) -> CustomData:
    return engine.custom_data.set(**named(ask), data=body.data, version=body.version)


def _act(
    name: str,
    summary: str,
    run: Any,
    *,
    scope: Literal["support", "owner"] = "support",
    body: type | None = None,
) -> Route:
    return verb("POST", f"/users/{{who}}/{name}", summary, run, scope=scope, answer=User, body=body)


ROUTES = [
    verb(
        "POST",
        "/users",
        "Create a user that is confirmed at once, past the flow.",
        _create,
        scope="support",
        answer=User,
        status=201,
        body=NewUser,
    ),
    _act(
        "rerun",
        "Let a stuck user re-enter whichever flow is active now.",
        lambda engine, ask, body: engine.rerun(**named(ask)),
    ),
    _act(
        "resend",
        "Send the confirmation message again.",
        lambda engine, ask, body: engine.resend(**named(ask)),
    ),
    _act(
        "confirm",
        "Confirm a stuck user by hand, past the flow. Proves nothing.",
        lambda engine, ask, body: engine.confirm_manually(**named(ask)),
    ),
    _act(
        "correct-address",
        "Correct the mistyped address of a pending user; a new message goes there.",
        lambda engine, ask, body: engine.correct_address(**named(ask), to=body.to),
        body=NewAddress,
    ),
    _act(
        "change-address",
        "Change the address of a confirmed user at once; it is marked as not proved.",
        _change_address,
        scope="owner",  # whoever has the mailbox of an account has the account, by a reset
        body=NewAddress,
    ),
    _act(
        "disable",
        "Stop every log-in of a user, and end its sessions.",
        lambda engine, ask, body: engine.disable(**named(ask)),
    ),
    _act(
        "enable",
        "Let a disabled user log in again.",
        lambda engine, ask, body: engine.enable(**named(ask)),
    ),
    _act(
        "reset",
        "Begin to replace a forgotten password.",
        lambda engine, ask, body: engine.reset(**named(ask)),
    ),
    _act(
        "log-out",
        "End every session of a user at once.",
        lambda engine, ask, body: engine.log_out_all(**named(ask)),
    ),
    _act(
        "restore",
        "Take a deletion back while its grace runs.",
        lambda engine, ask, body: engine.restore(**named(ask)),
    ),
    _act("unlink", "Take an identity from a user.", _unlink, body=Unlinked),
    verb(
        "DELETE",
        "/users/{who}",
        "Delete a user: at once, or when its grace is over.",
        lambda engine, ask, body: engine.delete(**named(ask), at_once=flag(ask, "at_once")),
        scope="support",
        answer=User,
        query={"at_once": "true: wait for no grace."},
    ),
    verb(
        "PUT",
        "/users/{who}/custom-data",
        "Replace what the application keeps of a user.",
        _set_custom_data,
        scope="support",
        answer=CustomData,
        body=NewCustomData,
    ),
]
