"""What is not yet a request: its head has a size and a time, so that it holds nobody up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from served_process import PATIENCE_SECONDS, serving
from uvicorn.server import ServerState

from admit.server.heads import LARGEST_BYTES, HeadGuard

GET = b"GET /there HTTP/1.1\r\nhost: here\r\n"
POST = b"POST /there HTTP/1.1\r\nhost: here\r\ntransfer-encoding: chunked\r\n\r\n"
BODY = LARGEST_BYTES * 4


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with how many bytes the body has."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    text = str(size).encode()
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def told(*pieces: bytes, seconds: float = PATIENCE_SECONDS) -> bytes:
    """Return all that is answered until the server closes, or – where it does not – until the last
    answer is there; each piece is sent when the one before has been read."""

    async def ask() -> bytes:
        config = uvicorn.Config(echo, log_config=None, access_log=False, ws="none")
        config.load()
        state = ServerState()

        class Guard(HeadGuard):
            pass

        Guard.seconds = seconds
        server = await asyncio.get_running_loop().create_server(
            lambda: Guard(config, state, {}), "127.0.0.1", 0
        )
        async with server:
            host, port = server.sockets[0].getsockname()
            reader, writer = await asyncio.open_connection(host, port)
            try:
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                async with asyncio.timeout(PATIENCE_SECONDS):
                    return await reader.read()
            except ConnectionError:
                return b""
            finally:
                writer.close()

    return asyncio.run(ask())


def test_a_head_of_usual_size_and_a_large_body_are_read() -> None:
    """Given 60 KB of headers and 256 KB of body, whole or in chunks, then both are read."""
    long = b"cookie: " + b"a" * 60_000 + b"\r\n"
    body = b"b" * BODY
    sized = GET.replace(b"GET", b"POST") + long + b"content-length: %d\r\n" % BODY
    chunk = b"%x\r\n%s\r\n" % (BODY, body)

    for request in (
        [sized + b"connection: close\r\n\r\n" + body],
        [POST[:-2] + long + b"connection: close\r\n\r\n", chunk, b"0\r\nx: y\r\n\r\n"],
    ):
        answer = told(*request)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(str(BODY).encode())


@pytest.mark.parametrize(
    "pieces",
    [
        [GET + b"x: ", *[b"a" * 65_536] * 8],
        [GET, *[b"x-%d: y\r\n" % number * 1000 for number in range(100)]],
        [GET + b"x: " + b"a" * 70_000 + b"\r\n\r\n"],
        [b"GET /", *[b"a" * 65_536] * 8],
        [b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n"],
    ],
    ids=["one line", "many lines", "complete", "path", "complete path"],
)
def test_a_larger_head_is_refused_before_it_has_come(pieces: list[bytes]) -> None:
    """Given a line or lines past 64 KB, then the connection is closed at once; who still listens is
    told 431."""
    answer = told(*pieces)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "end", [b"x: " + b"a" * BODY, b"x: y\r\n" * BODY], ids=["one line", "many lines"]
)
def test_larger_trailers_end_the_connection(end: bytes) -> None:
    """They are lines like those of a head, and come when the answer may be under way."""
    answer = told(POST, b"1\r\na\r\n0\r\n", end)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [GET],
        [b"\r\n"],
        [GET + b"\r\n", GET],
        [GET + b"\r\n", b"\r\n"],
    ],
    ids=["nothing", "half", "an empty line", "half of a second", "an empty line after an answer"],
)
def test_a_head_that_does_not_end_is_given_up(pieces: list[bytes]) -> None:
    """Given a connection on which no request arrives in time, then it is closed."""
    answer = told(*pieces, seconds=0.05)

    assert answer.count(b"HTTP/1.1 200 ") == len([one for one in pieces if one.endswith(b"\n\r\n")])


def test_admit_serve_refuses_larger_heads(tmp_path: Path) -> None:
    """As the command serves, and it goes on serving."""
    with serving(tmp_path, "--dev") as server:
        there = urlsplit(server.url)
        assert there.port is not None
        with socket.create_connection(("127.0.0.1", there.port), timeout=PATIENCE_SECONDS) as it:
            answer = b""
            with contextlib.suppress(ConnectionError):  # closed before the last bytes were read
                it.sendall(GET + b"x: " + b"a" * LARGEST_BYTES + b"\r\n\r\n")
                answer = it.makefile("rb").readline()
        assert 200 == server.ask("/health/live")[0]

    assert answer[:13] in {b"HTTP/1.1 431 ", b""}
