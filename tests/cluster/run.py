"""admit on a cluster of PostgreSQL servers, tried for real: kill -9, failover, PgBouncer.

    python tests/cluster/run.py [failover] [vanish] [switchover] [pgbouncer] [--rounds N] …

Needs, on Debian:  apt-get install postgresql patroni etcd-server pgbouncer
and admit with its extra `postgresql` in the Python that runs it. As root or not: the servers run as
an unprivileged user; `vanish` is left out when not root, or without nftables. All of it is on the
loopback interface, in one temporary folder, on free ports, and ends with the script.
docs/many-machines.md tells what it showed.

failover    Two applications register and confirm; the primary's Patroni and PostgreSQL are killed;
            the standby takes over; the killed machine comes back as a standby.
vanish      The same, but the primary's machine loses its power: it is gone without a word.
switchover  The same, but the primary hands over as it does for an upgrade.
pgbouncer   The same load through PgBouncer in transaction mode, then with PostgreSQL stopped at
            once underneath, and started again.

Exits with 1 if anything in the store contradicts what the applications were told.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import entry_points
from pathlib import Path

try:
    import psycopg  # noqa: F401 (said here, before others stumble over it)
except ImportError:
    raise SystemExit("Missing here: pip install 'admit[postgresql]'") from None

import attrs
import network
from load import APPLICATIONS, COMMITS, Load
from machines import FAILOVER_SECONDS, Cluster, Machine, Tuning
from pooler import PgBouncer
from processes import Processes, send, wait_for
from proof import Step, contradictions

import admit
from admit.testing import KEY

PROGRAMS = {  # → the Debian package that has it
    "postgres": "postgresql",
    "patroni": "patroni",
    "etcd": "etcd-server",
    "pgbouncer": "pgbouncer",
}
COMMITS_BEFORE = 200
"""Acknowledged to each application before something is done to the cluster, and after."""
Disturb = Callable[[Machine, int], object]
"""Is told which machine is primary, and the number of the round, from 0."""


def find_programs() -> dict[str, Path]:
    """Return where the programs are. Raises SystemExit, naming the packages that are missing."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    path = ":".join([*map(str, places[-1:]), "/usr/local/bin", "/usr/bin", "/usr/sbin"])
    found = {name: shutil.which(name, path=path) for name in PROGRAMS}
    missing = [PROGRAMS[name] for name, place in found.items() if place is None]
    if missing:
        raise SystemExit(f"Missing here: apt-get install {' '.join(missing)}")
    return {name: Path(place) for name, place in found.items() if place is not None}


class Trial:
    """One cluster, and what is done to it."""

    def __init__(self, processes: Processes, programs: dict[str, Path], tuning: Tuning) -> None:
        self._processes, self._programs = processes, programs
        self._tuning = tuning
        self.cluster = Cluster(processes, programs, tuning)
        self.wrong = 0

    def start(self) -> None:
        """Bring the cluster up."""
        began = time.monotonic()
        self.cluster.start()
        roles = {m.name: self._role(m) for m in self.cluster.machines.values()}
        print(f"up in {time.monotonic() - began:.1f} s: {roles}, {self._tuning}")

    def failover(self, rounds: int) -> None:
        """Kill the primary under load, let the killed machine come back, and so on."""
        self._rounds("failover", rounds, self._kill, back=self.cluster.revive)

    def vanish(self, rounds: int) -> None:
        """Take the power from the primary's machine under load, give it back, and so on."""
        self._rounds("vanish", rounds, lambda m, _: m.lose_power(), back=self.cluster.revive)

    def switchover(self, rounds: int) -> None:
        """Let the primary hand over under load, and so on."""
        self._rounds("switchover", rounds, lambda *_: self.cluster.switch_over())

    def pgbouncer(self, rounds: int) -> None:
        """Work through PgBouncer; then stop and start PostgreSQL underneath, and so on."""
        pooler = PgBouncer(self._processes, self._programs["pgbouncer"], self.cluster)
        pooler.start(wait_for("primary", self.cluster.leader, seconds=60))
        with Load(self._processes, "pgbouncer", pooler.url(), pooler.conninfo()) as load:
            for number in range(rounds + 1):
                began = time.monotonic()
                load.wait_for_commits(COMMITS_BEFORE, since=began, seconds=60)
                if number == rounds:
                    break
                self._disturb(load, f"pgbouncer {number + 1}", _stop_at_once, number, same=True)
        self._report("pgbouncer", load.steps, pooler.url())

    def _kill(self, primary: Machine, number: int) -> None:
        """Kill a primary: at work; while commits wait for the standby, which will not have them;
        while the standby has them and the applications are not told."""
        if number % 3 == 1:
            with self.cluster.machines[self.cluster.synchronous()[0]].holding():
                primary.kill()
        elif number % 3 == 2:
            with primary.holding(clients_only=True):
                primary.kill()
        else:
            primary.kill()

    def _rounds(
        self,
        label: str,
        rounds: int,
        disturb: Disturb,
        back: Callable[[Machine], object] = lambda _: None,
    ) -> None:
        url = self.cluster.url()
        with Load(self._processes, label, url, self.cluster.conninfo()) as load:
            for number in range(rounds):
                self.cluster.wait_until_whole()
                began = time.monotonic()
                load.wait_for_commits(COMMITS_BEFORE, since=began, seconds=60)
                former = self._disturb(load, f"{label} {number + 1}", disturb, number)
                back(former)
            self.cluster.wait_until_whole()
        self._report(label, load.steps, url)

    def _disturb(
        self, load: Load, name: str, disturb: Disturb, number: int, *, same: bool = False
    ) -> Machine:
        former = wait_for("primary", self.cluster.leader, seconds=60)
        began = time.monotonic()
        disturb(former, number)

        def follower() -> Machine | None:
            leader = self.cluster.leader()
            return leader if same or leader is not former else None

        leader = wait_for("new primary", follower, seconds=FAILOVER_SECONDS)
        took = time.monotonic() - began
        load.wait_for_commits(COMMITS_BEFORE, since=began + took, seconds=FAILOVER_SECONDS)
        silences = ", ".join(
            f"{who} {gap:.1f} s" for who, gap in load.silences(since=began).items()
        )
        print(f"{name}: {former.name} → {leader.name}, which is primary after {took:.1f} s;")
        print(f"    longest time without a commit: {silences}")
        return former

    def _report(self, label: str, steps: Sequence[Step], url: str) -> None:
        told = Counter(step.what for step in steps if step.who in APPLICATIONS)
        failed = Counter(s.detail for s in steps if s.what.startswith(("failed-", "unknown-")))
        scheme, _, rest = url.partition("://")
        (entry,) = (e for e in entry_points(group="admit.stores") if e.name == scheme)
        store = entry.load()(rest, read_only=False)
        with admit.open(store, key=KEY, worker=False) as engine:
            found = [*contradictions(steps, engine, store)]
        commits = sum(told[what] for what in COMMITS)
        print(
            f"{label}: {commits:,} commits acknowledged; {told['commit-unknown']} of unknown fate,"
            f" {told['commit-found']} found, {told['commit-absent']} not there\n"
            f"    {told['registered']:,} registrations and {told['confirmed']:,} confirmations"
            f" acknowledged, {told['taken']} addresses were another's\n"
            f"    calls that failed: {_counted(failed)}\n"
            f"    looked up by the applications: {_counted(_looked_up(told))}\n"
            f"    held against the store: {len(found)} contradictions"
        )
        for contradiction in found[:20]:
            print(f"    ! {contradiction}")
        self.wrong += len(found)

    def _role(self, machine: Machine) -> str:
        if machine is self.cluster.leader():
            return "primary"
        return "synchronous" if machine.name in self.cluster.synchronous() else "standby"


def _looked_up(told: Counter[str]) -> dict[str, int]:
    verbs = ("register", "confirm")
    return {f"{v} {w}": told[f"{w}-{v}"] for v in verbs for w in ("found", "absent")}


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "none"


def _stop_at_once(machine: Machine, number: int) -> None:
    """Stop PostgreSQL as `pg_ctl stop -m immediate` does; Patroni starts it again."""
    pid = int((machine.data / "postmaster.pid").read_text().split()[0])
    send(signal.SIGQUIT, [pid])
    wait_for("end of PostgreSQL", lambda: not Path(f"/proc/{pid}/cwd").exists(), seconds=30)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for, all of it by default."""
    scenarios = ("failover", "vanish", "switchover", "pgbouncer")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenario", nargs="*", help=", ".join(scenarios))
    parser.add_argument("--rounds", type=int, default=3)
    for field in attrs.fields(Tuning):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)
    given = parser.parse_args(arguments)
    unknown = set(given.scenario) - set(scenarios)
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    programs = find_programs()
    wanted = given.scenario or [*scenarios]
    if "vanish" in wanted:
        if network.missing() is None:
            network.move_in()
        else:
            print(f"vanish: left out; it needs {network.missing()}")
            wanted.remove("vanish")
    tuning = Tuning(**{field.name: getattr(given, field.name) for field in attrs.fields(Tuning)})
    with Processes() as processes:
        trial = Trial(processes, programs, tuning)
        try:
            trial.start()
            for scenario in wanted:
                getattr(trial, scenario)(given.rounds)
        except BaseException:
            for log in sorted(processes.folder.glob("*.log")):
                print(f"--- the end of {log.name}", *_tail(log), sep="\n", file=sys.stderr)
            raise
    return 1 if trial.wrong else 0


def _tail(log: Path, lines: int = 10) -> Iterable[str]:
    return [line[:160] for line in log.read_text("utf-8", "replace").splitlines()[-lines:]]


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
