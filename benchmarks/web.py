"""What `admit.web` adds to a request: a route behind each check, over the same route of the bare
framework.

FastAPI is called as an ASGI server calls it, Flask as a WSGI server does, without a network; the
store is a TinyDB file. All take turns, so that each has the machine at its best and at its worst.
Medians in microseconds, and the ratio to the bare route; `header` is FastAPI's own dependency,
which reads the token and checks nothing.

    python benchmarks/web.py [ROUNDS]
"""

import asyncio
import io
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Annotated, Any
from wsgiref.util import setup_testing_defaults

from fastapi import Depends, FastAPI
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from flask import Flask

import admit
from admit.testing import CHEAP_HASHING
from admit.web.fastapi import Callers
from admit.web.flask import Callers as FlaskCallers

IN_A_TURN = 20
PATHS = ("/bare", "/header", "/access", "/user", "/fresh", "/thread")


def fastapi_application(engine: admit.Engine) -> FastAPI:
    """Return an application with a route for each check; `header` reads the token, no more."""
    app = FastAPI()
    callers, in_threads = Callers(engine), Callers(engine, inline=False)
    scheme = HTTPBearer()

    @app.get("/bare")
    async def bare() -> str:
        return "here"

    @app.get("/header")
    async def header(token: Annotated[HTTPAuthorizationCredentials, Depends(scheme)]) -> str:
        return "here"

    @app.get("/access")
    async def access(found: Annotated[admit.Access, Depends(callers.access)]) -> str:
        return "here"

    @app.get("/user")
    async def user(found: Annotated[admit.User, Depends(callers.user)]) -> str:
        return "here"

    @app.get("/fresh")
    async def fresh(found: Annotated[admit.Access, Depends(callers.fresh)]) -> str:
        return "here"

    @app.get("/thread")
    async def thread(found: Annotated[admit.Access, Depends(in_threads.access)]) -> str:
        return "here"

    return app


def flask_application(engine: admit.Engine) -> Flask:
    """Return the same for Flask, where there is no event loop to leave."""
    app = Flask("benchmark")
    callers = FlaskCallers(engine)

    def behind(check: Callable[[], object]) -> Callable[[], str]:
        def view() -> str:
            check()
            return "here"

        return view

    checks = {"access": callers.access, "user": callers.user, "fresh": callers.fresh}
    for name, check in {"bare": object, **checks}.items():
        app.add_url_rule(f"/{name}", name, behind(check))
    return app


def over_asgi(app: FastAPI, token: str) -> Callable[[str], float]:
    """Return a function that asks a path some times and says how long one took, in µs."""
    loop = asyncio.new_event_loop()

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        assert message.get("status", 200) == 200, message

    async def turn(path: str) -> float:
        headers = [(b"host", b"shop.example"), (b"authorization", f"Bearer {token}".encode())]
        began = time.perf_counter()
        for _ in range(IN_A_TURN):
            scope = {
                **{"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http"},
                **{"path": path, "raw_path": path.encode(), "query_string": b"", "root_path": ""},
                **{"headers": headers, "client": ("203.0.113.7", 1), "server": ("shop", 80)},
            }
            await app(scope, receive, send)
        return (time.perf_counter() - began) / IN_A_TURN * 1e6

    return lambda path: loop.run_until_complete(turn(path))


def over_wsgi(app: Flask, token: str) -> Callable[[str], float]:
    """Return the same for a WSGI application."""

    def start(status: str, *more: object) -> Callable[[bytes], object]:
        assert status == "200 OK", status
        return lambda chunk: None

    def turn(path: str) -> float:
        began = time.perf_counter()
        for _ in range(IN_A_TURN):
            environ: dict[str, Any] = {"wsgi.input": io.BytesIO(), "PATH_INFO": path}
            setup_testing_defaults(environ)
            environ |= {"HTTP_AUTHORIZATION": f"Bearer {token}", "REMOTE_ADDR": "203.0.113.7"}
            for _chunk in app(environ, start):
                pass
        return (time.perf_counter() - began) / IN_A_TURN * 1e6

    return turn


def main(rounds: int) -> None:
    """Print the table."""
    settings = {**CHEAP_HASHING, "confirmation_flow": "auto"}
    password = "correct horse battery staple"
    with (
        tempfile.TemporaryDirectory() as folder,
        admit.open(Path(folder) / "users.json", settings=settings, worker=False) as engine,
    ):
        engine.register("ada@example.com", password)
        login = engine.log_in("local-userpass", username="ada@example.com", password=password)
        token = login.access_token.reveal()
        ask = {
            "FastAPI": over_asgi(fastapi_application(engine), token),
            "Flask": over_wsgi(flask_application(engine), token),
        }
        turns = [("FastAPI", path) for path in PATHS]
        turns += [("Flask", path) for path in PATHS if path not in {"/header", "/thread"}]
        took: dict[tuple[str, str], list[float]] = {turn: [] for turn in turns}
        for _ in range(rounds):
            random.shuffle(turns)
            for framework, path in turns:
                took[framework, path].append(ask[framework](path))
        for framework, path in took:
            mine = statistics.median(took[framework, path])
            bare = statistics.median(took[framework, "/bare"])
            print(
                f"{framework:8} {path:8} {mine:7.1f} µs  {mine / bare:5.2f} x  +{mine - bare:.1f}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
