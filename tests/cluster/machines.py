"""Three PostgreSQL servers under Patroni and etcd: one primary, one synchronous standby, one more.

What `configuration()` returns is what admit needs of such a cluster; docs/many-machines.md says
why, line by line. A single etcd stands for the three or five that one would run.
"""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import network
import psycopg
from processes import Processes, free_ports, send, standing_in, wait_for

NAMES = ("a", "b", "c")
DATABASE = "accounts"
ROLE = "admit"
FIRST_ADDRESS = 11
"""Of 127.0.0.N: each machine has an address of its own."""
HELD_SECONDS = 0.3
KEEP_ALIVE = {
    "keepalives_idle": "5",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""For the yardstick, which has no store to know that a machine may vanish without a word."""
START_SECONDS = 60.0
FAILOVER_SECONDS = 180.0


@attrs.frozen(kw_only=True)
class Tuning:
    """How soon Patroni takes a primary for lost (seconds)."""

    ttl: int = 20
    """The leader's lock in etcd lapses this long after the last heartbeat: most of an outage."""
    loop_wait: int = 5
    """Between two heartbeats."""
    retry_timeout: int = 5
    """How long etcd or PostgreSQL may be out of reach before the leader steps down.
    loop_wait + 2 * retry_timeout must not exceed ttl."""


@attrs.define(kw_only=True)
class Machine:
    """One node: a Patroni, and the PostgreSQL that it looks after."""

    name: str
    address: str
    port: int
    rest_port: int
    data: Path
    patroni: subprocess.Popen[bytes] | None = None

    def status(self) -> dict[str, Any]:
        """Return what Patroni says of this node (`role`, `state`, `timeline`); {} if it is mute."""
        return _ask(f"{self.address}:{self.rest_port}", "/patroni")

    def kill(self) -> None:
        """Kill -9: Patroni first, which would start PostgreSQL again, then all of PostgreSQL."""
        assert self.patroni is not None
        self.patroni.kill()
        self.patroni.wait()
        while victims := [*standing_in(self.data)]:
            send(signal.SIGKILL, victims)

    def lose_power(self) -> None:
        """Vanish without a word: nobody is told that its connections are gone."""
        network.cut_off(self.address)
        self.kill()

    def postmaster(self) -> int:
        """Return the process id of PostgreSQL."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def sessions(self) -> list[int]:
        """Return the processes that serve the applications."""
        return [pid for pid in standing_in(self.data) if _serves_clients(pid)]

    @contextmanager
    def holding(self, clients_only: bool = False) -> Iterator[None]:
        """Let PostgreSQL, or only what serves the clients, stand still; for long enough that all
        of them wait for it."""
        held = self.sessions() if clients_only else [*standing_in(self.data)]
        send(signal.SIGSTOP, held)
        try:
            time.sleep(HELD_SECONDS)
            yield
        finally:
            send(signal.SIGCONT, held)


class Cluster:
    """The machines, and the etcd that they agree by."""

    def __init__(self, processes: Processes, programs: dict[str, Path], tuning: Tuning) -> None:
        self._processes, self._programs, self._tuning = processes, programs, tuning
        self.password = secrets.token_hex(16)
        self._etcd_port, self._peer_port, *ports = free_ports(2 + 2 * len(NAMES))
        self.machines = {
            name: Machine(
                name=name,
                address=f"127.0.0.{FIRST_ADDRESS + number}",
                port=ports[2 * number],
                rest_port=ports[2 * number + 1],
                data=processes.folder / name,
            )
            for number, name in enumerate(NAMES)
        }

    def start(self) -> None:
        """Start etcd and the first machine; when that is primary, the others; then the database."""
        client, peer = (f"http://127.0.0.1:{port}" for port in (self._etcd_port, self._peer_port))
        data = str(self._processes.folder / "etcd")
        command = [str(self._programs["etcd"]), "--name=etcd", "--data-dir", data]
        command += ["--listen-client-urls", client, "--advertise-client-urls", client]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        self._processes.server("etcd", [*command, f"--initial-cluster=etcd={peer}"])
        wait_for(
            "etcd", lambda: _ask(f"127.0.0.1:{self._etcd_port}", "/health"), seconds=START_SECONDS
        )
        first, *others = self.machines.values()
        self.revive(first)
        wait_for("primary", self.leader, seconds=START_SECONDS)
        for machine in others:
            self.revive(machine)
        self.wait_until_whole()
        with psycopg.connect(self.conninfo("postgres", "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{self.password}'")
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")

    def revive(self, machine: Machine) -> None:
        """Start Patroni on a machine; it starts PostgreSQL, and makes it fit to follow."""
        network.join_again()
        file = self._processes.write(
            f"{machine.name}.yml",  # JSON is YAML
            json.dumps(self.configuration(machine), indent=1),
        )
        machine.patroni = self._processes.server(machine.name, [self._programs["patroni"], file])

    def configuration(self, machine: Machine) -> dict[str, Any]:
        """Return Patroni's configuration of one machine."""
        return {
            "scope": "accounts",
            "name": machine.name,
            "etcd3": {"host": f"127.0.0.1:{self._etcd_port}"},
            "restapi": {
                "listen": f"{machine.address}:{machine.rest_port}",
                "connect_address": f"{machine.address}:{machine.rest_port}",
            },
            "bootstrap": {
                "dcs": {
                    **attrs.asdict(self._tuning),
                    # Only a standby that confirmed every commit may become primary …
                    "synchronous_mode": True,
                    # … and with none left, commits wait instead of being acknowledged by one disk.
                    "synchronous_mode_strict": True,
                    "postgresql": {
                        "use_pg_rewind": True,  # a former primary forgets what nobody confirmed
                        "parameters": {
                            "synchronous_commit": "on",  # flushed on both; never `local` or `off`
                            "max_connections": 100,
                            "shared_buffers": "32MB",
                        },
                    },
                },
                "initdb": ["data-checksums", {"encoding": "UTF8"}, {"locale": "C.UTF-8"}],
                "pg_hba": [
                    "host all all 127.0.0.0/8 scram-sha-256",
                    "host replication standby 127.0.0.0/8 scram-sha-256",
                ],
            },
            "postgresql": {
                "listen": f"{machine.address}:{machine.port}",
                "connect_address": f"{machine.address}:{machine.port}",
                "data_dir": str(machine.data),
                "bin_dir": str(self._programs["postgres"].parent),
                "pgpass": str(self._processes.folder / f"{machine.name}.pgpass"),
                "parameters": {
                    "unix_socket_directories": "",
                    # Files in the data directory, so that a killed server leaves none elsewhere.
                    "dynamic_shared_memory_type": "mmap",
                },
                "authentication": {
                    "superuser": {"username": "postgres", "password": self.password},
                    "replication": {"username": "standby", "password": self.password},
                    "rewind": {"username": "rewind", "password": self.password},
                },
            },
        }

    def url(self, app: str) -> str:
        """Return the address of the whole cluster, as *app* gives it to `admit.open`."""
        hosts = "&".join(
            f"host={machine.address}:{machine.port}" for machine in self.machines.values()
        )
        return (
            f"postgresql+psycopg://{ROLE}:{self.password}@/{DATABASE}?{hosts}"
            f"&target_session_attrs=read-write&connect_timeout=3&app={app}"
        )

    def conninfo(self, user: str = ROLE, database: str = DATABASE) -> str:
        """Return the same address as libpq wants it."""
        machines = self.machines.values()
        return psycopg.conninfo.make_conninfo(
            host=",".join(machine.address for machine in machines),
            port=",".join(str(machine.port) for machine in machines),
            dbname=database,
            user=user,
            password=self.password,
            target_session_attrs="read-write",
            connect_timeout=3,
            **KEEP_ALIVE,
        )

    def leader(self) -> Machine | None:
        """Return the machine that is primary and says so itself, or None."""
        for machine in self.machines.values():
            status = machine.status()
            if status.get("role") in {"master", "primary"} and status.get("state") == "running":
                return machine
        return None

    def synchronous(self) -> list[str]:
        """Return the names of the standbys that confirm every commit."""
        leader = self.leader()
        members = {} if leader is None else _ask(f"{leader.address}:{leader.rest_port}", "/cluster")
        return [m["name"] for m in members.get("members", ()) if m["role"] == "sync_standby"]

    def standby(self) -> Machine:
        """Return the machine that confirms every commit."""
        return self.machines[self.synchronous()[0]]

    def wait_until_whole(self) -> None:
        """Return when all machines run, one as primary, one as synchronous standby."""

        def whole() -> bool:
            running = [m.status().get("state") == "running" for m in self.machines.values()]
            return all(running) and bool(self.synchronous())

        wait_for("whole cluster", whole, seconds=START_SECONDS)

    def switch_over(self) -> None:
        """Ask the primary to hand over to the synchronous standby, as one does for an upgrade."""
        leader = self.leader()
        assert leader is not None
        body = json.dumps({"leader": leader.name, "candidate": self.standby().name}).encode()
        request = urllib.request.Request(
            f"http://{leader.address}:{leader.rest_port}/switchover", body, method="POST"
        )
        with urllib.request.urlopen(request, timeout=60):  # noqa: S310
            return


def _serves_clients(pid: int) -> bool:
    return f"{ROLE} {DATABASE}".encode() in Path(f"/proc/{pid}/cmdline").read_bytes()


def _ask(where: str, path: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"http://{where}{path}", timeout=3) as answer:
            body = answer.read()
    except urllib.error.HTTPError as error:  # Patroni's status line tells load balancers the role
        body = error.read()
    except OSError:
        return {}
    answered: dict[str, Any] = json.loads(body)
    return answered
