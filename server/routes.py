"""The table of routes: what each takes, which token, what it answers – and what is made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs
from starlette.responses import Response

from admit.errors import AdmitError

if TYPE_CHECKING:
    from .asking import Ask

Token = Literal["none", "access", "refresh", "admin", "admin-refresh"]
"""Which bearer token a route takes. A stray one, where none is needed, is ignored."""

Handler = Callable[["Ask"], Awaitable[Response]]
Teller = Callable[[AdmitError, "Ask"], Response]


@attrs.frozen(kw_only=True)
class Route:
    """One row: a method at a path. Routing, the OpenAPI document and the tests that walk all routes
    are made of it."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    """Behind the prefix of its API; `{name}` is a part of it, `{name:path}` all the rest."""
    handler: Handler
    summary: str
    """What it does, in one sentence."""
    token: Token = "none"  # noqa: S105 - which kind, not one
    scope: Literal["viewer", "support", "owner"] | None = None
    """What an admin key needs to have."""
    body: type | None = None
    """A class of msgspec that the body is decoded by; None: it is not looked at."""
    query: Mapping[str, str] = attrs.field(factory=dict)
    """The parameters behind the question mark, each with a sentence."""
    answers: Mapping[int, Any] = attrs.field(factory=dict)
    """Status → what is answered: a type that msgspec knows, or None for an empty body."""
    changes: bool = True
    """Whether it may change anything; a GET that does says why in `summary` (security.md T6)."""


@attrs.frozen(kw_only=True)
class Api:
    """Routes under one prefix, with one way to tell an error."""

    name: str
    prefix: str
    routes: Sequence[Route]
    tell: Teller
    error: type
    """What the body of an error is, for those who read the OpenAPI document."""
