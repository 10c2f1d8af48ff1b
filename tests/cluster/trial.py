"""What is done to a cluster under load, and what came of it."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from importlib.metadata import entry_points
from pathlib import Path

import attrs
from load import APPLICATIONS, COMMITS, Load
from machines import FAILOVER_SECONDS, Cluster, Machine, Tuning
from pooler import PgBouncer
from processes import Processes, send, wait_for
from proof import Step, contradictions

import admit
from admit.stores import Store
from admit.testing import KEY

COMMITS_BETWEEN = 200
"""Acknowledged to each application before something is done to the cluster, and after."""
_WORK_SECONDS = 60.0
_SHOWN = 20


@attrs.frozen(kw_only=True)
class Scenario:
    """Something that is done to the primary."""

    disturb: Callable[[Cluster, Machine, int], None]
    """Is told the primary, and the number of the round, from 0."""
    changes_primary: bool = True
    revives: bool = False
    pooled: bool = False
    """Whether the applications go through PgBouncer."""


def kill(cluster: Cluster, primary: Machine, number: int) -> None:
    """Kill a primary: at work; while commits wait for the standby, which will not have them; while
    the standby has them and the applications are not told."""
    if number % 3 == 1:
        with cluster.standby().holding():
            primary.kill()
    elif number % 3 == 2:
        with primary.holding(clients_only=True):
            primary.kill()
    else:
        primary.kill()


def lose_power(cluster: Cluster, primary: Machine, number: int) -> None:
    """Let the primary's machine be gone without a word."""
    primary.lose_power()


def switch_over(cluster: Cluster, primary: Machine, number: int) -> None:
    """Let the primary hand over."""
    cluster.switch_over()


def end_sessions(cluster: Cluster, primary: Machine, number: int) -> None:
    """End the sessions as an administrator does, while their commits wait for the standby: they
    are on one disk then, and nobody was told."""
    with cluster.standby().holding():
        send(signal.SIGTERM, primary.sessions())


def stop_at_once(cluster: Cluster, primary: Machine, number: int) -> None:
    """Stop PostgreSQL as `pg_ctl stop -m immediate` does, every other time while commits wait for
    the standby; Patroni starts it again."""
    pid = primary.postmaster()
    with cluster.standby().holding() if number % 2 else nullcontext():
        send(signal.SIGQUIT, [pid])
    wait_for("end of PostgreSQL", lambda: not Path(f"/proc/{pid}/cwd").exists(), seconds=30)


SCENARIOS = {
    "failover": Scenario(disturb=kill, revives=True),
    "vanish": Scenario(disturb=lose_power, revives=True),
    "switchover": Scenario(disturb=switch_over),
    "sessions": Scenario(disturb=end_sessions, changes_primary=False),
    "pgbouncer": Scenario(disturb=stop_at_once, changes_primary=False, pooled=True),
}


class Trial:
    """One cluster, and what is done to it."""

    def __init__(self, processes: Processes, programs: dict[str, Path], tuning: Tuning) -> None:
        self._processes, self._programs, self._tuning = processes, programs, tuning
        self._cluster = Cluster(processes, programs, tuning)
        self.contradictions = 0

    def start(self) -> None:
        """Bring the cluster up."""
        began = time.monotonic()
        self._cluster.start()
        print(f"a cluster of three is up after {_since(began)}; {self._tuning}")

    def run(self, name: str, rounds: int) -> None:
        """Do something to the primary under load, so many times; then hold the store against what
        the applications were told."""
        scenario, cluster = SCENARIOS[name], self._cluster
        url, conninfo = cluster.url(name), cluster.conninfo()
        if scenario.pooled:
            pooler = PgBouncer(self._processes, self._programs["pgbouncer"], cluster)
            pooler.start(self._primary())
            url, conninfo = pooler.url(name), pooler.conninfo()
        with Load(self._processes, name, url, conninfo) as load:
            for number in range(rounds):
                cluster.wait_until_whole()
                now = time.monotonic()
                load.wait_for_commits(COMMITS_BETWEEN, since=now, seconds=_WORK_SECONDS)
                self._round(load, f"{name} {number + 1}", scenario, number)
            cluster.wait_until_whole()
        self._report(name, load.steps, url)

    def _round(self, load: Load, title: str, scenario: Scenario, number: int) -> None:
        former = self._primary()
        began = time.monotonic()
        scenario.disturb(self._cluster, former, number)
        leader = self._primary(other_than=former if scenario.changes_primary else None)
        took, now = _since(began), time.monotonic()
        load.wait_for_commits(COMMITS_BETWEEN, since=now, seconds=FAILOVER_SECONDS)
        silences = load.silences(since=began).items()
        longest = ", ".join(f"{who} {seconds:.1f} s" for who, seconds in silences)
        print(f"{title}: {former.name} → {leader.name}, primary after {took}")
        print(f"    longest time without a commit: {longest}")
        if scenario.revives:
            self._cluster.revive(former)

    def _primary(self, other_than: Machine | None = None) -> Machine:
        def primary() -> Machine | None:
            leader = self._cluster.leader()
            return None if leader is other_than else leader

        return wait_for("primary", primary, seconds=FAILOVER_SECONDS)

    def _report(self, name: str, steps: Iterable[Step], url: str) -> None:
        told = [step for step in steps if step.who in APPLICATIONS]
        store = _open(url)
        with admit.open(store, key=KEY, worker=False) as engine:
            found = [*contradictions(told, engine, store)]
            fates = Counter(_fate(s, store) for s in told if s.what == "commit-unknown")
        count = Counter(step.what for step in told)
        failed = Counter(s.detail for s in told if s.what.startswith(("failed-", "unknown-")))
        verbs = ("register", "confirm")
        looked_up = {
            f"{v} {how}": count[f"{how}-{v}"] for v in verbs for how in ("found", "absent")
        }
        print(
            f"{name}: {sum(count[what] for what in COMMITS):,} commits acknowledged;"
            f" {count['commit-unknown']} of unknown fate ({_counted(fates)})\n"
            f"    looked up at once by the engine: {count['commit-found']} found,"
            f" {count['commit-absent']} not there\n"
            f"    looked up later by the applications: {_counted(looked_up)}\n"
            f"    acknowledged: {count['registered']:,} registrations,"
            f" {count['confirmed']:,} confirmations; {count['taken']} addresses were another's\n"
            f"    calls that failed: {_counted(failed)}\n"
            f"    the store against what was told: {len(found)} contradictions"
        )
        for contradiction in found[:_SHOWN]:
            print(f"    ! {contradiction}")
        self.contradictions += len(found)


def _open(url: str) -> Store:
    scheme, _, rest = url.partition("://")
    (entry,) = (e for e in entry_points(group="admit.stores") if e.name == scheme)
    opened: Store = entry.load()(rest, read_only=False)
    return opened


def _fate(step: Step, store: Store) -> str:
    if step.detail == "-":
        return "without an event"
    return "not kept" if store.get("event", step.detail) is None else "kept"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in sorted(counts.items())) or "none"


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"
