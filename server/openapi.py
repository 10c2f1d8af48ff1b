"""OpenAPI documents, made of the table of routes: what is served is what is described."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from .answers import told
from .bodies import JSON
from .refusals import NoSuchRoute
from .routes import Api, Route

VERSION: Final = "3.1.0"
PATH: Final = "/openapi/{api}.json"
_PART: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_TOKENS: Final[Mapping[str, str]] = {
    "access": "An access token, as a log-in gives.",
    "refresh": "A refresh token, as a log-in gives.",
    "admin": "An access token of an admin, or an admin key.",
    "admin-refresh": "A refresh token of an admin.",
}


def document(api: Api, error: type, version: str) -> dict[str, Any]:
    """Return the OpenAPI document of *api*, whose errors look like *error*."""
    kinds = _kinds(api.routes, error)
    schemas, components = msgspec.json.schema_components(
        kinds, schema_hook=_anything, ref_template="#/components/schemas/{name}"
    )
    schema_of = dict(zip(map(_key, kinds), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in api.routes:
        path = _PART.sub(r"{\1}", api.prefix + route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(path, route, error, schema_of)
    return {
        "openapi": VERSION,
        "info": {"title": f"admit: {api.name}", "version": version},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                name: {"type": "http", "scheme": "bearer", "description": what}
                for name, what in _TOKENS.items()
                if any(route.token == name for route in api.routes)
            },
        },
    }


def routes(apis: Sequence[Api], version: str) -> list[StarletteRoute]:
    """Return the route that gives the documents."""
    by_name = {api.name: api for api in apis}

    @functools.cache
    def made(name: str) -> dict[str, Any]:
        api = by_name[name]
        return document(api, api.error, version)

    async def show(request: Request) -> Response:
        name = request.path_params["api"]
        if name not in by_name:
            refused = NoSuchRoute(request.url.path)
            return told({"error": refused.sentence, "error_code": refused.code}, refused.status)
        return told(made(name))

    return [StarletteRoute(PATH, show, methods=["GET"])]


def _kinds(rows: Sequence[Route], error: type) -> list[Any]:
    found: dict[str, Any] = {_key(error): error}
    for route in rows:
        for kind in (route.body, *route.answers.values()):
            if kind is not None:
                found[_key(kind)] = kind
    return list(found.values())


def _key(kind: Any) -> str:
    module = getattr(kind, "__module__", "")
    return f"{module}.{kind!r}"


def _operation(
    path: str, route: Route, error: type, schema_of: Mapping[str, Any]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}-{route.handler.__name__}"
        f"-{route.method.lower()}-{re.sub(r'[^a-z0-9]+', '-', route.path.lower()).strip('-')}",
        "summary": route.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _PART.findall(path)
        ]
        + [
            {"name": name, "in": "query", "description": what, "schema": {"type": "string"}}
            for name, what in route.query.items()
        ],
        "responses": {
            str(status): _answer(status, kind, schema_of) for status, kind in route.answers.items()
        }
        | {"default": _answer(None, error, schema_of)},
    }
    if route.body is not None:
        schema = schema_of[_key(route.body)]
        operation["requestBody"] = {"content": {JSON: {"schema": schema}}}
    if route.token != "none":  # noqa: S105 - which kind, not one
        operation["security"] = [{route.token: []}]
    return operation


def _answer(status: int | None, kind: Any, schema_of: Mapping[str, Any]) -> dict[str, Any]:
    what = "What went wrong." if status is None else HTTPStatus(status).phrase
    answer: dict[str, Any] = {"description": what}
    if kind is not None:
        answer["content"] = {JSON: {"schema": schema_of[_key(kind)]}}
    return answer


def _anything(kind: type) -> dict[str, Any]:
    """Return the schema of a type that msgspec has none for: `object` may be anything."""
    if kind is object:
        return {"description": "Anything that JSON can hold."}
    raise NotImplementedError
