"""The servers that `http_load.py` asks, each a process of its own under uvicorn.

    python benchmarks/http_served.py admit|bare|peer STORE MAILS [--http h11] [--default-hashing]

What a server would send by mail becomes a line of the file MAILS: the address, and what the link
carries. The first line of the output is the port.
"""

from __future__ import annotations

import argparse
import re
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TextIO

import uvicorn

import admit
from admit.hookspecs import hookimpl
from admit.server import logs
from admit.server.app import make_app
from admit.server.hosting import ServedPlugin, hosted
from admit.services import Services
from admit.transports import Message, Transport

APP_ID: Final = "shop-abcde"
PASSWORD: Final = "correct horse battery staple"
CHEAP: Final = {
    "password_time_cost": 1,
    "password_memory_kibibytes": 8,
    "password_parallelism": 1,
}
"""Hashing that costs nothing to speak of, so that the rest is seen."""
READY_CONFIRMATIONS: Final = 12_000


class Mails:
    """The transport: it writes to a file, in one line, what a link carries."""

    name = "lines"

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def send(self, message: Message, services: Services) -> None:
        """Write it."""
        token = re.search(r"[?&]token=([^&\s]+)", message.text)
        token_id = re.search(r"[?&]tokenId=([^&\s]+)", message.text)
        if token and token_id:
            self._file.write(f"{message.to} {token[1]} {token_id[1]}\n")
            self._file.flush()

    @hookimpl
    def register_transports(self) -> Iterable[Transport]:
        """Offer it."""
        return [self]


def engine(store: str, mails: Mails, *, cheap: bool, **settings: object) -> admit.Engine:
    """Open an engine that hashes cheaply, if *cheap*, and sends to *mails*."""
    return admit.open(
        store,
        key=bytes(range(32)),
        plugins=[ServedPlugin(APP_ID), mails],
        worker=True,
        settings={
            **(CHEAP if cheap else {}),
            "transport": Mails.name,
            "email.sender": "hello@example.com",
            "email.application": "Shop",
            "email.link_base": "https://shop.example/confirm",
            "token_lifetime": "1 day",
            "server.requests_a_minute": 10_000_000,
            **settings,
        },
    )


def bare_app(store: str, mails: Mails) -> Any:
    """Return the yardsticks: Starlette alone, with an empty call in a thread, and with one
    confirmation a thread – each with a sync of its own."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    opened = engine(store, mails, cheap=True)
    for first in range(0, READY_CONFIRMATIONS, 500):
        addresses = [f"y{number}@example.com" for number in range(first, first + 500)]
        opened.batch([opened.prepare.register(one, PASSWORD) for one in addresses])

    async def bare(request: Request) -> JSONResponse:
        return JSONResponse({"ok": True})

    async def echo(request: Request) -> JSONResponse:
        return JSONResponse(await request.json())

    async def thread(request: Request) -> JSONResponse:
        given = await request.json()
        await run_in_threadpool(lambda: None)
        return JSONResponse(given)

    async def confirm(request: Request) -> JSONResponse:
        given = await request.json()
        await run_in_threadpool(opened.confirm, token_id=given["tokenId"], token=given["token"])
        return JSONResponse({})

    return Starlette(
        routes=[
            Route("/bare", bare),
            Route("/echo", echo, methods=["POST"]),
            Route("/thread", thread, methods=["POST"]),
            Route("/confirm", confirm, methods=["POST"]),
        ]
    )


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("admit", "bare", "peer"))
    parser.add_argument("store")
    parser.add_argument("mails", type=Path)
    parser.add_argument("--http", default="httptools")
    parser.add_argument("--default-hashing", action="store_true")
    given = parser.parse_args()
    with given.mails.open("a") as file, socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as `admit serve` does
        mails = Mails(file)
        cheap = not given.default_hashing
        app: Any
        if given.kind == "admit":
            opened = engine(given.store, mails, cheap=cheap)
            inline = not given.store.startswith("postgresql")
            app = make_app([hosted(opened, app_id=APP_ID, inline=inline)])
            logs.configure("json")  # as `admit serve` does
        elif given.kind == "bare":
            app = bare_app(given.store, mails)
        else:
            import http_peer

            app = http_peer.make_app(given.store, file, cheap=cheap)
        loop = "asyncio" if given.http == "h11" else "uvloop"
        config = uvicorn.Config(app, http=given.http, loop=loop, log_config=None, access_log=False)
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
