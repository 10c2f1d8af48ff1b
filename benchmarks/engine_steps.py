"""Where the engine's own time goes: µs of each step of register, rerun, confirm, log in, check.

The same accounts as in `engine_overhead.py`, on a memory store with five plugins. Functions are
wrapped in clocks; a step's time is what passes in its functions, but not in those of another step
that they call; medians. What a clock takes is measured first and taken off. That is not all that it
costs, so the sums are somewhat larger than what `engine_overhead.py` says: read a line against its
neighbours.

    python benchmarks/engine_steps.py [ACCOUNTS]
"""

from __future__ import annotations

import functools
import importlib
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Final

from engine_overhead import RUNS, Plugin, _life, engine

from admit.testing import MemoryStore

STEPS: Final = {
    "input, provider, flow, settings": (
        "_usecases.register:validate _usecases.register:registering_provider addresses:canonical"
        " _usecases.json_data:checked_data _tokens:read_token _usecases.runs:active_flow"
        " _usecases.runs:flow_named _plugins:Plugins.offer _setting_sources:SettingSources.current"
        " _setting_sources:SettingSources.of_provider preparing:user_id"
    ),
    "the gate": (
        "_usecases.gate:open_provider _usecases.gate:checked _usecases.gate:pass_with_claim"
        " _usecases.gate:pass_gate _usecases.register:admission_of _commits:refusals_recorded"
        " _usecases.log_in:check_state"
    ),
    "hooks of five plugins": "_plugins:Plugins.veto _plugins:Plugins.notify",
    "calling provider and flow": (
        "_plugins:Plugins.call _usecases.enter:_entry _usecases.enter:_answer"
        " _usecases.answers:read_answer _usecases.gate:claim_of"
    ),
    "ids and the clock": "_ids:IdSource.mint clock:SystemClock.now",
    "the attempt's secrets": (
        "_tokens:mint_token _tokens:mint_code _tokens:token_digest _tokens:code_digest"
    ),
    "user, run, attempt made and changed": (
        "_usecases.register:new_user _usecases.runs:new_run _usecases.runs:new_attempt"
        " _usecases.runs:login_address _usecases.runs:trimmed _usecases.runs:dispatched"
        " _usecases.runs:ended _usecases.answers:decide_answer lifecycle:move"
        " _usecases.confirming:become_confirmed _usecases.confirm:good_run _usecases.log_in:_seen"
    ),
    "user read and decoded": (
        "_codec:user_from testing.memory:MemoryStore.get testing.memory:MemoryStore.find"
        " testing.memory:MemoryStore.get_many"
    ),
    "user and session to JSON": "_codec:user_body _codec:session_put",
    "keys and labels": "_codec:user_keys _codec:user_labels _codec:user_put",
    "event and its digests": "_events:make _events:digest",
    "the session": ("_usecases.session_opening:open_session _usecases.session_opening:_giving_way"),
    "tokens signed, or verified": (
        "_usecases.session_opening:refresh_token _usecases.token_claims:access_token"
        " _jwt:TokenSigner.sign_access _jwt:TokenSigner.sign_refresh _jwt:TokenSigner.verify_access"
    ),
    "store: versions compared, records kept": (
        "testing.memory:MemoryStore.commit testing.memory:MemoryStore._apply"
        " testing.memory:MemoryStore.count"
    ),
    "store: its index of records": "indexes:RecordIndex.replace indexes:plan",
    "store: its index of events": (
        "event_index:EventIndex.add event_index:EventIndex.__contains__"
    ),
}
REST: Final = "what hands one step to the next"


class Clocks:
    """Exclusive seconds of each step during one call."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._open: list[float] = []
        self._inside = self._outside = 0.0

    def wrapped(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return *function*, timed as part of *step*."""

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            self._open.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                took = time.perf_counter() - start
                self.spent[step] += took - self._open.pop() - self._inside
                if self._open:
                    self._open[-1] += took + self._outside

        return timed

    def calibrate(self, rounds: int = 50, times: int = 2000) -> None:
        """Measure what a clock itself takes: between its two looks, and around them. The least of
        many rounds, for others may use the machine."""

        def nothing() -> None: ...

        def seconds(call: Callable[[], None]) -> float:
            start = time.perf_counter()
            for _ in range(times):
                call()
            return (time.perf_counter() - start) / times

        whole, insides, clocked = [], [], self.wrapped(REST, nothing)
        bare = min(seconds(nothing) for _ in range(rounds))
        for _ in range(rounds):
            self.spent.clear()
            whole.append(seconds(clocked))
            insides.append(self.spent[REST] / times)
        self._inside = min(insides) - bare / 2
        self._outside = min(whole) - bare - self._inside

    def during(self, call: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
        """Return what *call* returns, and the seconds of each step."""
        self.spent.clear()
        result = self.wrapped(REST, call)()
        return result, dict(self.spent)


def wrap_all(clocks: Clocks) -> None:
    """Put clocks around the functions of all steps, wherever they were imported."""
    modules = [module for name, module in sys.modules.items() if name.startswith("admit")]
    for step, names in STEPS.items():
        for name in names.split():
            module, _, path = name.partition(":")
            *owner, last = path.split(".")
            home = importlib.import_module(f"admit.{module}")
            if owner:
                kind = getattr(home, owner[0])
                setattr(kind, last, clocks.wrapped(step, getattr(kind, last)))
                continue
            function = getattr(home, last)
            timed = clocks.wrapped(step, function)
            for other in modules:
                for known in [k for k, value in vars(other).items() if value is function]:
                    setattr(other, known, timed)


def main(accounts: int = 1000) -> None:
    """Measure and print."""
    clocks, plugin = Clocks(), Plugin()
    clocks.calibrate()
    engine(MemoryStore(), Plugin()).close()  # so that every module is there
    wrap_all(clocks)
    seen: dict[str, list[dict[str, float]]] = {what: [] for what in RUNS}

    def timed(who: str, what: str, call: Callable[[], Any]) -> Any:
        result, spent = clocks.during(call)
        seen[what].append(spent)
        return result

    with engine(MemoryStore(), plugin) as subject:
        for number in range(accounts):
            _life("admit", subject, plugin, timed, f"a{number}@example.com")
    print(f"median µs of {accounts} accounts")
    print(f"{'':40}" + "".join(f"{what:>10}" for what in RUNS))
    sums = dict.fromkeys(RUNS, 0.0)
    for step in (*STEPS, REST):
        cells = ""
        for what, found in seen.items():
            micros = statistics.median([spent.get(step, 0.0) for spent in found]) * 1e6
            sums[what] += micros
            cells += f"{micros:10.1f}" if micros else f"{'':10}"
        print(f"{step:40}{cells}")
    print(f"{'together':40}" + "".join(f"{sums[what]:10.1f}" for what in RUNS))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
