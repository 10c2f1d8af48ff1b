"""The OpenAPI documents: made of the routes, valid, and kept to under any input."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from admit.server.app import APIS
from admit.server.routes import Api

Serve = Callable[..., TestClient]


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_each_api_has_a_valid_document_with_all_its_routes(serve: Serve, api: Api) -> None:
    """As the standard's own schema wants it; each route of the table stands in it once."""
    served = serve().get(f"/openapi/{api.name}.json").json()

    validate(served)
    described = {(path, method) for path, found in served["paths"].items() for method in found}
    assert described == {
        (re.sub(r":\w+\}", "}", api.prefix + route.path), route.method.lower())
        for route in api.routes
    }


def test_there_is_no_document_of_an_unknown_api(serve: Serve) -> None:
    """404, as anywhere else."""
    assert 404 == serve().get("/openapi/other.json").status_code
