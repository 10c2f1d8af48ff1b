"""Several applications behind one server: whose a token is, where no path says it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

import admit
from admit.server.app import make_app
from admit.server.hosting import Hosted, ServedPlugin, hosted

CLIENT = "/api/client/v2.0"


@pytest.fixture
def applications(tmp_path: Path) -> Iterator[tuple[Hosted, Hosted]]:
    """Return two applications, each with its key, in which anonymous users may log in."""
    with ExitStack() as stack:

        def served(name: str, key: bytes) -> Hosted:
            engine = admit.open(
                tmp_path / f"{name}.json",
                key=key,
                plugins=[ServedPlugin(name)],
                settings={"anon-user.enabled": True},
                worker=False,
            )
            return hosted(stack.enter_context(engine), app_id=name)

        yield served("one-aaaaa", b"1" * 32), served("two-bbbbb", b"2" * 32)


@pytest.mark.parametrize("which", [0, 1])
def test_an_access_token_in_place_of_a_refresh_token_is_told_apart_in_each(
    applications: tuple[Hosted, Hosted], which: int
) -> None:
    """Given the tokens of either application, then what is wrong is told in the same words, with
    the ids of the application whose token it is."""
    app = applications[which]
    client = TestClient(make_app(applications))
    login = f"{CLIENT}/app/{app.app_id}/auth/providers/anon-user/login"
    tokens = client.post(login, json={}).json()

    def refused(path: str, token: str, method: str = "POST") -> dict[str, Any]:
        headers = {"authorization": f"Bearer {token}"}
        answer = client.request(method, f"{CLIENT}{path}", headers=headers)
        assert 401 == answer.status_code
        assert f"/groups/{app.group_id}/apps/{app.internal_id}/" in answer.json()["link"]
        return dict(answer.json())

    wrong = refused("/auth/session", tokens["access_token"])["error"]
    assert "invalid refresh token: incorrect token type" == wrong
    bearer = {"authorization": f"Bearer {tokens['refresh_token']}"}
    assert 204 == client.delete(f"{CLIENT}/auth/session", headers=bearer).status_code
    refused("/auth/session", tokens["refresh_token"])
    refused("/auth/profile", tokens["access_token"], "GET")
