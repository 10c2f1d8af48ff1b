"""A small application: register, confirm by a link, log in, see who you are."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import make_server

import admit

LONGEST_BODY = 10_000  # bytes
PAGE = """<!doctype html><title>Confirm</title><form method="post">
<input type="hidden" name="token" value="{token}">
<input type="hidden" name="tokenId" value="{token_id}">
<button>Confirm my address</button></form>"""


def make_app(engine: admit.Engine) -> Callable[..., Iterable[bytes]]:
    """Return the application on *engine*, for any WSGI server."""

    def register(form: dict[str, str], request: dict[str, Any]) -> tuple[str, object]:
        # The public face tells a stranger nothing of other people's accounts.
        receipt = engine.public.register(form.get("address", ""), form.get("password", ""))
        return "202 Accepted", {"message": receipt.sentence}

    def show_confirm(form: dict[str, str], request: dict[str, Any]) -> tuple[str, object]:
        # A page with a button: programs that follow links in mails confirm nobody.
        token, token_id = form.get("token", ""), form.get("tokenId", "")
        return "200 OK", PAGE.format(token=html.escape(token), token_id=html.escape(token_id))

    def confirm(form: dict[str, str], request: dict[str, Any]) -> tuple[str, object]:
        engine.confirm(token_id=form.get("tokenId", ""), token=form.get("token", ""))
        return "200 OK", {"message": "Confirmed. You can log in now."}

    def log_in(form: dict[str, str], request: dict[str, Any]) -> tuple[str, object]:
        entered = engine.public.log_in(
            "local-userpass",
            username=form.get("address", ""),
            password=form.get("password", ""),
        )
        return "200 OK", {"token": entered.access_token.reveal()}

    def me(form: dict[str, str], request: dict[str, Any]) -> tuple[str, object]:
        token = request.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")
        user = engine.users.get(engine.verify(token).user_id)
        return "200 OK", {"id": user.id, "state": user.state}

    routes = {
        ("POST", "/register"): register,
        ("GET", "/confirm"): show_confirm,
        ("POST", "/confirm"): confirm,
        ("POST", "/log-in"): log_in,
        ("GET", "/me"): me,
    }

    def app(request: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        handle = routes.get((request["REQUEST_METHOD"], request["PATH_INFO"]))
        status: str
        answer: object
        try:
            if handle is None:
                status, answer = "404 Not Found", {"error": "There is no such page."}
            else:
                status, answer = handle(form_of(request), request)
        except admit.errors.SessionInvalid as problem:
            status, answer = "401 Unauthorized", {"error": problem.sentence}
        except admit.AdmitError as problem:
            status, answer = "400 Bad Request", {"error": problem.sentence}
        text = answer if isinstance(answer, str) else json.dumps(answer)
        kind = "application/json" if text is not answer else "text/html; charset=utf-8"
        start(status, [("Content-Type", kind), ("Referrer-Policy", "no-referrer")])
        return [text.encode()]

    return app


def form_of(request: dict[str, Any]) -> dict[str, str]:
    """Return the fields of a form, or of the query of a GET."""
    text = request.get("QUERY_STRING", "")
    if request["REQUEST_METHOD"] == "POST":
        length = min(int(request.get("CONTENT_LENGTH") or 0), LONGEST_BODY)
        text = request["wsgi.input"].read(length).decode("utf-8", "replace")
    return {name: values[0] for name, values in parse_qs(text).items()}


def main() -> None:
    """Serve it on this machine, in development mode: mails land in users.json.mail."""
    with admit.open("users.json", dev=True) as engine:
        print("http://localhost:8000 – Ctrl-C stops. Mails: users.json.mail")
        make_server("127.0.0.1", 8000, make_app(engine)).serve_forever()


if __name__ == "__main__":
    main()
