"""Stands between a store and its PostgreSQL server, and cuts the line when it is told to."""

from __future__ import annotations

import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from postgres import Postgres

_SOCKET = ".s.PGSQL.5432"
_COMMIT = b"COMMIT\0"  # so ends the statement, and so ends the answer that it is done


class CuttingProxy:
    """Forwards every byte, unless it shall cut before commits arrive or after they are made."""

    def __init__(self, folder: Path, server: Path) -> None:
        self.folder = folder
        self.cuts_before_commits = False
        self.cuts_after_commits = False
        self._server = server
        self._open: list[socket.socket] = []
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(folder / _SOCKET))
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Cut every line, and take no more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        _cut(*self._open)
        for line in self._open:
            line.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.socket(socket.AF_UNIX)
                self._open += [client, server]
                server.connect(str(self._server / _SOCKET))
                for act in (self._forward, self._answer):
                    threading.Thread(target=act, args=(client, server), daemon=True).start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := client.recv(65536):
                if self.cuts_before_commits and _COMMIT in said:
                    break
                server.sendall(said)
        _cut(client, server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(65536):
                if self.cuts_after_commits and _COMMIT in said:
                    break
                client.sendall(said)
        _cut(client, server)


def _cut(*lines: socket.socket) -> None:
    for line in lines:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting_proxy(postgres: Postgres) -> Iterator[CuttingProxy]:
    """Give a proxy; a store is opened there by `folder` as its host."""
    with tempfile.TemporaryDirectory(prefix="admit-cut-") as folder:
        proxy = CuttingProxy(Path(folder), postgres.folder)
        try:
            yield proxy
        finally:
            proxy.close()
