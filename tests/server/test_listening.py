"""The socket that `admit serve` listens on."""

from __future__ import annotations

import gc
import socket
from pathlib import Path

import pytest

from admit.server.hosting import Hosted
from admit.server.running import Plan, run


class _Enough(Exception):
    """Ends the server before its first request."""


def test_answers_are_sent_at_once_by_any_event_loop(tmp_path: Path) -> None:
    """Given a server that is about to take its first request, when its socket is looked at, then
    nothing is held back until the client has acknowledged what came before (TCP_NODELAY)."""
    options: list[int] = []

    def look(served: tuple[Hosted, ...], url: str) -> None:
        port = int(url.rpartition(":")[2])
        for one in [found for found in gc.get_objects() if isinstance(found, socket.socket)]:
            if one.fileno() >= 0 and one.getsockname()[1:2] == (port,):
                options.append(one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        raise _Enough

    plan = Plan(stores={None: str(tmp_path / "users.json")}, dev=True, settings={"port": 0})
    with pytest.raises(_Enough):
        run(plan, when_listening=look)

    assert [1] == options
