"""admit on a cluster of PostgreSQL servers, tried for real: kill -9, failover, PgBouncer.

    python tests/cluster/run.py [SCENARIO …] [--rounds N] [--ttl SECONDS …]

Needs, on Debian:  apt-get install postgresql patroni etcd-server pgbouncer
and admit with its extra `postgresql` in the Python that runs it. As root or not: the servers run as
an unprivileged user; `vanish` is left out when not root, or without nftables. All of it is on the
loopback interface, in one temporary folder, on free ports, and ends with the script.
docs/many-machines.md tells what it showed.

failover    Two applications register and confirm; the primary's Patroni and PostgreSQL are killed;
            the standby takes over; the killed machine comes back as a standby.
vanish      The same, but the primary's machine loses its power: it is gone without a word.
switchover  The same, but the primary hands over as it does for an upgrade.
sessions    The same, but only the applications' sessions are ended, while their commits wait.
pgbouncer   The same load through PgBouncer in transaction mode, then with PostgreSQL stopped at
            once underneath, and started again.

Exits with 1 if anything in the store contradicts what the applications were told.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

try:
    import psycopg  # noqa: F401 (said here, before others stumble over it)
except ImportError:
    raise SystemExit("Missing here: pip install 'admit[postgresql]'") from None

import attrs
import network
from machines import Tuning
from processes import Processes
from trial import SCENARIOS, Trial

PROGRAMS = {  # → the Debian package that has it
    "postgres": "postgresql",
    "patroni": "patroni",
    "etcd": "etcd-server",
    "pgbouncer": "pgbouncer",
}
_TAIL_LINES, _TAIL_WIDTH = 10, 160


def find_programs() -> dict[str, Path]:
    """Return where the programs are. Raises SystemExit, naming the packages that are missing."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    path = ":".join([*map(str, places[-1:]), "/usr/local/bin", "/usr/bin", "/usr/sbin"])
    found = {name: shutil.which(name, path=path) for name in PROGRAMS}
    missing = [PROGRAMS[name] for name, place in found.items() if place is None]
    if missing:
        raise SystemExit(f"Missing here: apt-get install {' '.join(missing)}")
    return {name: Path(place) for name, place in found.items() if place is not None}


def main() -> int:
    """Run what was asked for, all of it by default."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenario", nargs="*", help=", ".join(SCENARIOS))
    parser.add_argument("--rounds", type=int, default=3)
    for field in attrs.fields(Tuning):
        parser.add_argument(f"--{field.name}", type=int, default=field.default)
    given = parser.parse_args()
    if not set(given.scenario) <= set(SCENARIOS):
        parser.error(f"a scenario is one of: {', '.join(SCENARIOS)}")
    programs = find_programs()
    wanted = given.scenario or [*SCENARIOS]
    if "vanish" in wanted:
        lacking = network.missing()
        if lacking is None:
            network.move_in()
        else:
            print(f"vanish: left out; it needs {lacking}")
            wanted.remove("vanish")
    tuning = Tuning(**{field.name: getattr(given, field.name) for field in attrs.fields(Tuning)})
    return _run(programs, wanted, given.rounds, tuning)


def _run(programs: dict[str, Path], wanted: Sequence[str], rounds: int, tuning: Tuning) -> int:
    with Processes() as processes:
        trial = Trial(processes, programs, tuning)
        try:
            trial.start()
            for scenario in wanted:
                trial.run(scenario, rounds)
        except BaseException:
            for log in sorted(processes.folder.glob("*.log")):
                lines = log.read_text("utf-8", "replace").splitlines()[-_TAIL_LINES:]
                tail = [line[:_TAIL_WIDTH] for line in lines]
                print(f"--- the end of {log.name}", *tail, sep="\n", file=sys.stderr)
            raise
    return 1 if trial.contradictions else 0


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
