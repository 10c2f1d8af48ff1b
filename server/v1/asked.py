"""What our own routes share: a verb of the engine as a route, and how its words are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal, TypedDict, get_type_hints
from urllib.parse import unquote

import attrs
import msgspec
from starlette.responses import Response

import admit
from admit.errors import InvalidInput
from admit.plain import plain
from admit.records import AdminAccess, AdminScope, UserId
from admit.settings import About, parse
from admit.stores import Cursor

from ..answers import nothing, told
from ..asking import Ask
from ..routes import Route

REASON: Final = "x-admit-reason"
"""The header in which an admin says why; percent-encoded UTF-8."""
KEY_MARK: Final = "admit_ak_"
"""What an admin key begins with; anything else is an access token."""

Run = Callable[[admit.Engine, Ask, Any], Any]


class Named(TypedDict, total=False):
    """Who is meant, as the engine's verbs take it."""

    user: UserId
    address: str


def named(ask: Ask) -> Named:
    """Return who the path means: an address has an @, an id has not."""
    who = ask.part("who")
    return Named(address=who) if "@" in who else Named(user=UserId(who))


async def as_admin(ask: Ask) -> admit.Engine:
    """Return the engine, in which the admin of the token acts, for the reason that the request
    gives.

    Raises:
        NoToken; SessionInvalid, WrongCredentials, NoAdminKeys: nobody is let in with it.
        ScopeMissing: its key is not good for this route.
    """
    access = await admitted(ask)
    reason = unquote(ask.request.headers.get(REASON, "")) or None
    return ask.engine(admit.Actor("admin", access.key.id), reason)


async def admitted(ask: Ask) -> AdminAccess:
    """Return who the token or key lets in at this route. Raises: as `as_admin`."""
    run = ask.call if ask.bearer.startswith(KEY_MARK) else ask.look
    return await run(check_scope, ask, ask.route.scope or "owner")


def check_scope(ask: Ask, scope: AdminScope) -> AdminAccess:
    """Return who the token or key lets in. It looks the key up: not for the loop, where the store
    is far.

    Raises: as `as_admin`.
    """
    keys = ask.engine(admit.Actor("admin")).admin_keys
    if ask.bearer.startswith(KEY_MARK):
        return keys.verify_key(ask.bearer, scope=scope)
    return keys.verify(ask.bearer, scope=scope)


def verb(
    method: Literal["GET", "POST", "PUT", "DELETE"],
    path: str,
    summary: str,
    run: Run,
    *,
    scope: Literal["viewer", "support", "owner"],
    answer: Any = None,
    status: int | None = None,
    body: type[Any] | None = None,
    query: Mapping[str, str] | None = None,
) -> Route:
    """Return the route that does *run* with the engine, the request and its body, and answers what
    it returns, as JSON; nothing, where *answer* is None."""
    good = status or (204 if answer is None else 200)

    async def handler(ask: Ask) -> Response:
        engine = await as_admin(ask)
        given = None if body is None else await ask.body(body)
        found = await ask.call(run, engine, ask, given)
        return nothing(good) if answer is None else told(plain(found), good)

    handler.__name__ = method.lower()
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        token="admin",  # noqa: S106 - which kind
        scope=scope,
        body=body,
        query=query or {},
        answers={good: answer},
        changes=method != "GET",
    )


def shown(kind: type) -> Any:
    """Return what `plain` leaves of a record of *kind*, as a class that describes it: without what
    is hidden from its `repr`."""
    hints = get_type_hints(kind)
    fields: list[Any] = []
    for field in attrs.fields(kind):
        if not field.repr:
            continue
        if field.default is attrs.NOTHING:
            fields.append((field.name, hints[field.name]))
        else:
            optional = hints[field.name] | msgspec.UnsetType
            fields.append((field.name, optional, msgspec.field(default=msgspec.UNSET)))
    return msgspec.defstruct(kind.__name__, fields, kw_only=True, module=__name__)


# --- words behind the question mark ------------------------------------------------------------


def number(ask: Ask, name: str, default: int) -> int:
    """Return a whole number. Raises InvalidInput."""
    text = ask.query(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise InvalidInput(name, "must be a whole number.")
    return int(text)


def flag(ask: Ask, name: str) -> bool:
    """Return whether a parameter says yes. Raises InvalidInput."""
    text = ask.query(name)
    if text in {None, "false", "0", "no"}:
        return False
    if text in {"true", "1", "yes", ""}:
        return True
    raise InvalidInput(name, "must be true or false.")


def cursor(text: str | None) -> Cursor | None:
    """Return the place that a page ended at, as `cursor_text` wrote it. Raises InvalidInput."""
    if text is None:
        return None
    order, separator, record_id = text.rpartition("/")
    if not separator:
        raise InvalidInput("after", "is no cursor.", "Copy `next` from the page before.")
    return Cursor(order, record_id)


def cursor_text(place: Cursor | None) -> str | None:
    """Return a place as text."""
    return None if place is None else f"{place.order}/{place.id}"


def duration(name: str, text: str) -> timedelta:
    """Return a duration such as `2 hours`. Raises InvalidInput."""
    read = parse(name, timedelta, About(help=""), text)
    assert isinstance(read, timedelta)
    return read
