"""Whoever registers and presses the link in her mail can log in."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import urlencode

from app import make_app

from admit.testing import Inbox
from admit.testing import open as open_engine

ADA = {"address": "ada@example.com", "password": "correct horse battery staple"}


def ask(
    app: Any, method: str, path: str, form: dict[str, str] | None = None, token: str = ""
) -> tuple[int, Any]:
    """Return the status and the answer of a request."""
    body = urlencode(form or {}).encode()
    request = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "HTTP_AUTHORIZATION": f"Bearer {token}",
    }
    told: list[str] = []
    answer = b"".join(app(request, lambda status, headers: told.append(status)))
    return int(told[0].split()[0]), json.loads(answer)


def test_whoever_confirms_can_log_in() -> None:
    inbox = Inbox()
    with open_engine(inbox=inbox) as engine:
        app = make_app(engine)
        assert ask(app, "POST", "/register", ADA)[0] == 202
        assert ask(app, "POST", "/log-in", ADA)[0] == 400
        engine.work_once()  # the worker sends the mail; a real engine has one

        link = inbox.last_link()
        form = {"token": link.token.reveal(), "tokenId": link.token_id}
        assert ask(app, "POST", "/confirm", form)[0] == 200

        _, entered = ask(app, "POST", "/log-in", ADA)
        status, me = ask(app, "GET", "/me", token=entered["token"])
        assert (status, me["state"]) == (200, "confirmed")
        assert ask(app, "GET", "/me", token="nonsense")[0] == 401
