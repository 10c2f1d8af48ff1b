"""A small client that keeps its connections: each has a script of requests, the next one is sent
when the answer is there. It takes some 15 µs a request, on one core; a server is slower.
"""

from __future__ import annotations

import os
import selectors
import socket
import time
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

Script = Generator["Asked", "Answer", None]
"""What one connection asks, one request after the other."""


class Asked(NamedTuple):
    """A request: what its time is counted as, its bytes, and the status that is expected."""

    what: str
    raw: bytes
    status: int


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes


class Load(NamedTuple):
    """What a run took: seconds of each answer, by what was asked; and of all of it."""

    seconds_each: dict[str, list[float]]
    seconds: float
    cpu_seconds: float
    """Of the server: what others do on the machine is not in it."""

    def rate(self, what: str) -> float:
        """Return how many a second there were."""
        return len(self.seconds_each.get(what, ())) / self.seconds


class _Connection:
    def __init__(self, port: int, script: Script) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._script = script
        self._received = b""
        self._asked = Asked("", b"", 0)
        self._began = 0.0

    def ask(self, answer: Answer | None) -> bool:
        """Send the next request; return whether there was one."""
        try:
            self._asked = next(self._script) if answer is None else self._script.send(answer)
        except StopIteration:
            return False
        self._began = time.perf_counter()
        self.socket.sendall(self._asked.raw)
        return True

    def receive(self, took: dict[str, list[float]]) -> Answer | None:
        """Return the answer, once all of it is there."""
        chunk = self.socket.recv(65_536)
        if not chunk:
            raise SystemExit(f"{self._asked.what}: the server hung up")
        self._received += chunk
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return None
        took.setdefault(self._asked.what, []).append(time.perf_counter() - self._began)
        answer = Answer(int(head[9:12]), body)
        self._received = b""
        if answer.status != self._asked.status:
            raise SystemExit(f"{self._asked.what}: {answer.status} {body[:300]!r}")
        return answer


def load(port: int, scripts: Iterable[Script], seconds: float, *, pid: int | None = None) -> Load:
    """Run the scripts side by side, each on its connection, until all ended or *seconds* passed.
    The server is the process *pid*."""
    cpu_before = _cpu_seconds(pid)
    took: dict[str, list[float]] = {}
    with selectors.DefaultSelector() as selector:
        began = time.perf_counter()
        for script in scripts:
            connection = _Connection(port, script)
            if connection.ask(None):
                selector.register(connection.socket, selectors.EVENT_READ, connection)
        while selector.get_map() and (now := time.perf_counter()) < began + seconds:
            for key, _ in selector.select(began + seconds - now):
                answer = key.data.receive(took)
                if answer is not None and not key.data.ask(answer):
                    selector.unregister(key.fileobj)
                    key.data.socket.close()
        ended = time.perf_counter()
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    return Load(took, ended - began, _cpu_seconds(pid) - cpu_before)


def _cpu_seconds(pid: int | None) -> float:
    """Return what a process has used; 0 where the system does not tell it so (Linux does)."""
    stat = Path(f"/proc/{pid}/stat")
    if pid is None or not stat.exists():
        return 0.0
    used = stat.read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def request(
    method: str,
    path: str,
    body: bytes = b"",
    *,
    token: str | None = None,
    content_type: str = "application/json",
) -> bytes:
    """Return the bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
    if body:
        lines.append(f"content-type: {content_type}")
    if token is not None:
        lines.append(f"authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0]) if found else 0


def always(asked: Asked) -> Script:
    """Ask the same for ever."""
    while True:
        yield asked


def each(asked: Iterator[Asked]) -> Script:
    """Ask one after the other; several connections may share one iterator."""
    while (one := next(asked, None)) is not None:
        yield one
