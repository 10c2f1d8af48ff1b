"""Rows of the table that are about one application: its prefix, the token, the scope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from admit.records import AdminScope

from ..routes import Handler, Route

GROUP: Final = "/groups/{group_id}/apps"
APP: Final = f"{GROUP}/{{app_id}}"


def reads(
    path: str,
    handler: Handler,
    summary: str,
    answer: Any,
    *,
    query: Mapping[str, str] | None = None,
) -> Route:
    """Return a row of a GET, which a viewer may."""
    return Route(
        method="GET",
        path=path,
        handler=handler,
        summary=summary,
        token="admin",  # noqa: S106 - which kind
        scope="viewer",
        query=query or {},
        answers={200: answer},
        changes=False,
    )


def acts(
    method: Literal["POST", "PUT", "PATCH", "DELETE"],
    path: str,
    handler: Handler,
    summary: str,
    *,
    scope: AdminScope = "support",
    body: Any = None,
    answers: Mapping[int, Any] | None = None,
) -> Route:
    """Return a row that changes something; without *answers* it says nothing: 204."""
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        token="admin",  # noqa: S106 - which kind
        scope=scope,
        body=body,
        answers={204: None} if answers is None else answers,
    )
