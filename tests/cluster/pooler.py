"""PgBouncer in transaction mode: each transaction may run on another server connection."""

from __future__ import annotations

from pathlib import Path

import psycopg
from machines import DATABASE, ROLE, Cluster, Machine
from processes import Processes, free_ports, wait_for

CONFIGURATION = """
[databases]
{database} = host={server} port={server_port} dbname={database} user={role} password={password}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
; Fewer than the applications have threads: they do share connections.
default_pool_size = 3
max_client_conn = 100
; Times of the server's answer to a new connection, and of a client's wait for one.
server_login_retry = 1
query_wait_timeout = 30
"""


class PgBouncer:
    """A PgBouncer in front of one machine."""

    def __init__(self, processes: Processes, program: Path, cluster: Cluster) -> None:
        self._processes, self._program, self._cluster = processes, program, cluster
        (self.port,) = free_ports(1)

    def start(self, machine: Machine) -> None:
        """Start it, and return when a transaction passes through."""
        password = self._cluster.password
        users = self._processes.write("pgbouncer.users", f'"{ROLE}" "{password}"\n')
        text = CONFIGURATION.format(
            database=DATABASE,
            role=ROLE,
            password=password,
            server=machine.address,
            server_port=machine.port,
            port=self.port,
            users=users,
        )
        file = self._processes.write("pgbouncer.ini", text)
        self._processes.server("pgbouncer", [self._program, file])
        wait_for("PgBouncer", self._answers, seconds=30)

    def url(self, app: str) -> str:
        """Return its address as *app* gives it to `admit.open`."""
        password = self._cluster.password
        return f"postgresql+psycopg://{ROLE}:{password}@127.0.0.1:{self.port}/{DATABASE}?app={app}"

    def conninfo(self) -> str:
        """Return its address as libpq wants it."""
        return psycopg.conninfo.make_conninfo(
            host="127.0.0.1",
            port=self.port,
            dbname=DATABASE,
            user=ROLE,
            password=self._cluster.password,
        )

    def _answers(self) -> bool:
        try:
            with psycopg.connect(self.conninfo(), connect_timeout=3) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True
