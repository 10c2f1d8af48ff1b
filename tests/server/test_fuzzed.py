"""Schema-driven fuzzing: no input makes a route fail, or answer what its document does not say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from secrets import token_hex
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Err
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.types import ASGIApp

import admit
from admit.server.app import APIS, make_app
from admit.server.hosting import ServedPlugin, hosted
from admit.server.routes import Api
from admit.testing import open as open_engine

PASSWORD = "correct horse battery staple"
CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@contextmanager
def served() -> Iterator[tuple[ASGIApp, admit.Engine]]:
    """An application with all providers on, where who registers is confirmed at once."""
    plugins = [ServedPlugin("shop-abcde")]
    wanted = {"confirmation_flow": "auto"}
    # Nobody is told to wait: what is looked for is behind the limits.
    fixed = {"server.requests_a_minute": 10_000_000}
    with open_engine(plugins=plugins, settings=wanted, fixed=fixed) as engine:
        yield make_app([hosted(engine, app_id="shop-abcde")]), engine


def user_token(engine: admit.Engine, kind: str) -> str:
    """Return a token of a session that was just opened, of a user who was just made: a request may
    have deleted the one before."""
    address = f"{token_hex(8)}@example.com"
    engine.register(address, PASSWORD)
    login = engine.log_in("local-userpass", username=address, password=PASSWORD)
    return (login.refresh_token if kind == "refresh" else login.access_token).reveal()


def admin_key(engine: admit.Engine, kind: str) -> str:
    """Return a key for all; it is made anew when a request has switched it off."""
    return engine.admin_keys.create(token_hex(8), scope="owner").private_key.reveal()


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_no_input_makes_a_route_fail(api: Api) -> None:
    """Given requests made of the document, right ones and wrong ones, by a user or an admin, then
    none ends in a 500, and each answer has a status and a body that the document knows."""
    with served() as (app, engine):
        engine.register("ada@example.com", PASSWORD)
        token = partial(user_token if api.name == "client" else admin_key, engine)
        one = hosted(engine, app_id="shop-abcde")
        parts = {"group_id": one.group_id, "app_id": one.internal_id}
        schema = schemathesis.openapi.from_asgi(f"/openapi/{api.name}.json", app)

        for found in schema.get_all_operations():
            assert not isinstance(found, Err), found.err()
            operation = found.ok()
            wanted = next(iter(operation.definition.raw.get("security", [{}])[0]), "none")
            walk(operation.as_strategy(), partial(token, wanted), parts)


def walk(
    strategy: SearchStrategy[schemathesis.Case[Any]],
    token: Callable[[], str],
    parts: Mapping[str, str],
) -> None:
    """Send requests of one operation, each with a token that is good when it is sent, and with
    these *parts* of its path: any other would always be a 404."""

    @settings(
        max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(case=strategy)
    def check(case: schemathesis.Case[Any]) -> None:
        case.path_parameters |= {
            name: value for name, value in parts.items() if name in case.path_parameters
        }
        case.call_and_validate(headers={"authorization": f"Bearer {token()}"}, checks=CHECKS)

    check()
