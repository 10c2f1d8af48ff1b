"""Answers: JSON without a charset, or nothing without a type – both as existing clients need it."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.responses import Response


def told(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return *value* as JSON. The type is exactly `application/json`: some clients compare all of
    it (wire-contract.md §1)."""
    whole = {"content-type": "application/json", **(headers or {})}
    return Response(msgspec.json.encode(value), status, whole)


def nothing(status: int = 204, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer without a body, and so without a type: with one, clients would parse it."""
    return Response(None, status, headers)
