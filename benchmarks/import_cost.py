"""What `import admit` costs beside importing the five libraries it is made of.

Each in fresh interpreters, in turn, medians of the net time and of the growth in resident memory
over an empty interpreter's. Goal 15: at most 1.25 times the five libraries, at most 10 MiB.
`import admit` loads nothing else, so what an engine needs is measured as well: it is paid for when
the first one opens. Python keeps what it compiled, as it does of the libraries.

    python benchmarks/import_cost.py [ROUNDS]
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

STATEMENTS = {
    "nothing": "pass",
    "the five libraries": "import argon2, attrs, pluggy, tinydb, transitions",
    "import admit": "import admit",
    "a plugin's mark": "from admit import hookimpl",
    "all of the engine": "from admit import Engine, open",
}
_KEEPS_NOTHING = "PYTHONDONTWRITEBYTECODE"
_PROBE = """
import resource, time
start = time.perf_counter()
{statement}
took = time.perf_counter() - start
print(took * 1e3, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def probe(statement: str) -> tuple[float, float]:
    """Return milliseconds of the import and the interpreter's peak memory in MiB."""
    code = _PROBE.format(statement=statement)
    keeps = {name: value for name, value in os.environ.items() if name != _KEEPS_NOTHING}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=keeps
    )
    took, memory = map(float, done.stdout.split())
    return took, memory


def main(rounds: int = 15) -> None:
    """Measure and print."""
    for statement in STATEMENTS.values():
        probe(statement)  # compiles what is not compiled yet
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in STATEMENTS}
    for _ in range(rounds):
        for name, statement in STATEMENTS.items():
            seen[name].append(probe(statement))
    median = {
        name: (
            statistics.median(took for took, _ in values),
            statistics.median(memory for _, memory in values),
        )
        for name, values in seen.items()
    }
    base = median["nothing"][1]
    for name, (took, memory) in median.items():
        print(f"{name:20} {took:7.1f} ms   +{memory - base:5.1f} MiB")
    libraries = median["the five libraries"][0]
    for name in ("import admit", "all of the engine"):
        print(f"{name} / the five libraries: {median[name][0] / libraries:.2f}   (goal 15: 1.25)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
