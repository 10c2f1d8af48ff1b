"""A process that forks writers quickly, so that tests can kill them by the hundred."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, Final

_MESSAGE_BYTES: Final = 4096


class Born:
    """A process that was forked, and all that it says."""

    def __init__(self, pid: int, said: FileIO) -> None:
        self.pid = pid
        self._said = said
        self._rest = b""

    def hear(self, lines: int) -> list[str]:
        """Return so many lines, or fewer if it is dead by then."""
        heard: list[str] = []
        while len(heard) < lines:
            line, found, rest = self._rest.partition(b"\n")
            if found:
                heard.append(line.decode())
                self._rest = rest
            elif piece := self._said.read(1 << 16):
                self._rest += piece
            else:
                break
        return heard

    def kill(self) -> None:
        """Kill it, if it did not die by itself."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def last_words(self) -> list[str]:
        """Wait until it is dead; return what was not heard yet."""
        heard = self.hear(1 << 30)
        self._said.close()
        return heard


class Nursery:
    """Forks the functions of one module."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def fork(self, verb: str, **arguments: Any) -> Born:
        """Let the function *verb* run in a process of its own; its first argument says lines."""
        said, says = os.pipe()
        message = json.dumps({"verb": verb, "arguments": arguments}).encode()
        socket.send_fds(self._channel, [message], [says])
        os.close(says)
        return Born(int(self._channel.recv(_MESSAGE_BYTES)), FileIO(said, "rb"))


@contextmanager
def nursery(module: Path) -> Iterator[Nursery]:
    """Start a nursery for the functions of *module*, which calls `serve` when it is run."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with (
        ours,
        subprocess.Popen(
            [sys.executable, str(module), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=module.parent,
        ) as process,
    ):
        theirs.close()
        try:
            yield Nursery(ours)
        finally:
            process.kill()


def serve(verbs: dict[str, Callable[..., None]]) -> None:
    """Fork what is asked for, until the test is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead need no burial
    channel = socket.socket(fileno=int(sys.argv[1]))
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, _MESSAGE_BYTES, 1)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            _live(verbs, message, descriptors[0])
        os.close(descriptors[0])
        channel.send(str(pid).encode())


def _live(verbs: dict[str, Callable[..., None]], message: bytes, says: int) -> None:
    asked = json.loads(message)

    def say(text: str) -> None:
        os.write(says, f"{text}\n".encode())  # one write: no kill tears it

    threading.excepthook = lambda problem: say(f"failed: {problem.exc_value!r}")
    try:
        verbs[asked["verb"]](say, **asked["arguments"])
    except BaseException as problem:
        say(f"failed: {problem!r}")
    finally:
        os._exit(0)
