"""An application behind the client API, and clients of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol

import attrs
import httpx2
from starlette.testclient import TestClient

import admit
from admit.records import UserId
from admit.testing import Inbox, SettableClock

C = "/api/client/v2.0"
A = f"{C}/app/shop-abcde"
P = f"{A}/auth/providers/local-userpass"
PASSWORD = "correct horse battery staple"
ADA = "Ada@example.com"
NO_DEVICE = "000000000000000000000000"

Answer = httpx2.Response


@attrs.frozen
class Tokens:
    """What a log-in gave."""

    access: str
    refresh: str
    user: UserId
    device: str

    @classmethod
    def of(cls, answer: Answer) -> Tokens:
        """Return them. The answer must be one of a log-in."""
        assert 200 == answer.status_code, answer.text
        said = answer.json()
        assert {"access_token", "refresh_token", "user_id", "device_id"} == set(said)
        return cls(
            said["access_token"], said["refresh_token"], UserId(said["user_id"]), said["device_id"]
        )


@attrs.frozen
class Shop:
    """The application `shop-abcde`: its engine, and a client that asks it."""

    client: TestClient
    engine: admit.Engine
    inbox: Inbox
    clock: SettableClock

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        bearer: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer to a request."""
        given = dict(headers or {})
        if bearer is not None:
            given["authorization"] = f"Bearer {bearer}"
        return (
            self.client.request(method, path, json=body, headers=given, follow_redirects=False)
            if body is not None
            else self.client.request(method, path, headers=given, follow_redirects=False)
        )

    def post(self, path: str, body: object = None, *, bearer: str | None = None) -> Answer:
        """Return the answer to a POST."""
        return self.ask("POST", path, body, bearer=bearer)

    def get(self, path: str, *, bearer: str | None = None) -> Answer:
        """Return the answer to a GET."""
        return self.ask("GET", path, bearer=bearer)

    def log_in(self, provider: str = "local-userpass", /, **credentials: Any) -> Tokens:
        """Return the tokens of a log-in; by default Ada's, with her password."""
        if provider == "local-userpass":
            credentials = {"username": ADA, "password": PASSWORD, **credentials}
        return Tokens.of(self.post(f"{A}/auth/providers/{provider}/login", credentials))

    def link(self, bearer: str, provider: str, /, **credentials: Any) -> Answer:
        """Return the answer to a link."""
        return self.post(
            f"{A}/auth/providers/{provider}/login?link=true", credentials, bearer=bearer
        )

    def registered(self, email: str = ADA) -> admit.User:
        """Return a user who waits for her confirmation."""
        return self.engine.register(email, PASSWORD)

    def confirmed(self, email: str = ADA) -> admit.User:
        """Return a user who was confirmed, and never logged in."""
        return self.engine.confirm_manually(self.registered(email))

    def token_of_last_mail(self) -> dict[str, str]:
        """Return what the link of the last mail carries, as clients send it."""
        credentials = self.inbox.last_link().credentials
        return {"token": credentials["token"], "tokenId": credentials["token_id"]}

    def later(self, seconds: float) -> Shop:
        """Let time go by. Returns the shop."""
        self.clock.advance(timedelta(seconds=seconds))
        return self


class OpenShop(Protocol):
    """Opens a shop; options as `admit.testing.open` has them."""

    def __call__(self, **options: Any) -> Shop:
        """Return it."""
        ...


Reset = Callable[..., Mapping[str, str]]


def refused(answer: Answer, base: str = "http://testserver") -> tuple[int, str | None, str]:
    """Return status, code and message of a refusal, whose body is shaped like one."""
    said = answer.json()
    assert "application/json" == answer.headers["content-type"]
    assert {"error", "link"} <= set(said) <= {"error", "error_code", "link"}, said
    assert all(isinstance(value, str) and value for value in said.values()), said
    assert base in said["link"], said
    assert "logs?co_id=" in said["link"]
    return answer.status_code, said.get("error_code"), said["error"]


def is_empty(answer: Answer) -> bool:
    """Return whether an answer has neither a body nor a type (wire-contract.md §1)."""
    return not answer.content and "content-type" not in answer.headers
