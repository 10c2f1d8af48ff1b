"""Facebook's side of a log-in, as its pages describe it, on loopback."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from hostile_provider import send

APP, APP_SECRET = "1234567890", "the secret of the app"


class GraphServer:
    """Knows Ada, whose token is `TOKEN`, and Grace, who is told of by `GRACES_TOKEN` alone."""

    TOKEN = "EAAB-the-token-of-ada"
    GRACES_TOKEN = "EAAB-the-token-of-grace"
    CODE = "AQB-the-code-of-ada"

    def __init__(self) -> None:
        self.url = ""
        self.token: dict[str, Any] = {
            "app_id": APP,
            "type": "USER",
            "is_valid": True,
            "user_id": "18151210",
            "expires_at": 0,
        }
        self.person: dict[str, Any] = {
            "id": "18151210",
            "name": "Ada Lovelace",
            "first_name": "Ada",
            "email": "ada@example.com",
            "picture": {"data": {"url": "https://img.example.com/ada"}},
        }
        self.challenge: str | None = None
        """What the browser was sent with; None: an app that did no PKCE."""
        self.redirect_uri = ""

    def answer(self, path: str, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """Return what the Graph API says."""
        if path == "/debug_token":
            if asked.get("access_token") != f"{APP}|{APP_SECRET}":
                return _error(104)
            whose = {
                self.TOKEN: self.token,
                self.GRACES_TOKEN: {**self.token, "user_id": "19061209"},
            }
            return 200, {"data": whose.get(asked["input_token"], {"is_valid": False})}
        if path == "/me":
            token = asked["access_token"]
            proof = hmac.digest(APP_SECRET.encode(), token.encode(), hashlib.sha256).hex()
            if asked.get("appsecret_proof") != proof:
                return _error(190)
            if token == self.GRACES_TOKEN:
                return 200, {"id": "19061209", "name": "Grace Hopper"}
            wanted = asked["fields"].split(",")
            return 200, {n: value for n, value in self.person.items() if n in wanted}
        if path == "/oauth/access_token":
            return self._exchange(asked)
        return _error(2500)

    def _exchange(self, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        if (asked.get("client_id"), asked.get("client_secret")) != (APP, APP_SECRET):
            return _error(101)
        import base64

        digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        good = (self.CODE, self.redirect_uri) == (asked.get("code"), asked.get("redirect_uri", ""))
        if not good or self.challenge not in (None, challenge):
            return _error(100)
        return 200, {"access_token": self.TOKEN, "token_type": "bearer"}


def _error(code: int) -> tuple[int, dict[str, Any]]:
    return 400, {"error": {"message": "no", "type": "OAuthException", "code": code}}


@contextmanager
def graph_serving() -> Iterator[GraphServer]:
    """Serve it in a thread."""
    graph = GraphServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(urlsplit(self.path).query)

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _answer(self, form: str) -> None:
            asked = {name: values[0] for name, values in parse_qs(form).items()}
            status, content = graph.answer(urlsplit(self.path).path, asked)
            send(self, status, json.dumps(content).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    graph.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield graph
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
