"""Applications at work on one address, a bare connection beside them, and what all of them say."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import TracebackType

from processes import Processes, wait_for
from proof import Step, steps_of

APPLICATIONS = ("one", "two")
THREADS = 3
BARE = "bare psycopg"
COMMITS = {"commit", "commit-unsettled"}
_HERE = Path(__file__).parent
_END_SECONDS = 90.0


class Load:
    """Two applications and the yardstick. Use it with `with`; leaving it ends them."""

    def __init__(self, processes: Processes, label: str, url: str, conninfo: str) -> None:
        self.steps: list[Step] = []
        commands = {
            name: ["application.py", f"{label}-{name}", url, str(THREADS)] for name in APPLICATIONS
        }
        commands[BARE] = ["bare.py", conninfo]
        self._running = {
            who: processes.client(f"{label}-{who.split()[0]}", [_HERE / file, *words])
            for who, (file, *words) in commands.items()
        }
        self._rest = dict.fromkeys(self._running, b"")

    def __enter__(self) -> Load:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process, _ in self._running.values():
            assert process.stdin is not None
            process.stdin.close()
        if kind is not None:
            return  # the guard ends them
        for who, (process, _) in self._running.items():
            if process.wait(_END_SECONDS) != 0:
                raise RuntimeError(f"{who} ended with {process.returncode}")
        self.read()

    def read(self) -> None:
        """Read what was said since."""
        for who, (process, says) in self._running.items():
            *lines, self._rest[who] = (self._rest[who] + says.read()).split(b"\n")
            self.steps += steps_of(who, lines)
            if process.poll():
                raise RuntimeError(f"{who} ended with {process.returncode}")

    def wait_for_commits(self, count: int, *, since: float, seconds: float) -> None:
        """Return when each has had so many commits acknowledged that it made after *since*."""

        def enough() -> bool:
            self.read()
            made = Counter(s.who for s in self.steps if s.what in COMMITS and s.at > since)
            return all(made[who] >= count for who in self._running)

        wait_for(f"{count} commits from each", enough, seconds=seconds)

    def silences(self, since: float) -> dict[str, float]:
        """Return, for each, the longest time without an acknowledged commit since then."""
        found = {}
        for who in self._running:
            times = [s.at for s in self.steps if s.who == who and s.what in COMMITS]
            gaps = [later - earlier for earlier, later in pairwise(times) if later > since]
            found[who] = max(gaps, default=0.0)
        return found
