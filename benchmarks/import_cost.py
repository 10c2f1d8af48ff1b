"""What `import admit` costs beside importing the five libraries it is made of.

Each in fresh interpreters, in turn, medians of the net time (less an empty interpreter's) and of
the growth in resident memory. Goal 15: at most 1.25 times the five libraries, at most 10 MiB.

    python benchmarks/import_cost.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys

STATEMENTS = {
    "nothing": "pass",
    "the five libraries": "import argon2, attrs, pluggy, tinydb, transitions",
    "admit": "import admit",
}
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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    took, memory = map(float, done.stdout.split())
    return took, memory


def main(rounds: int = 15) -> None:
    """Measure and print."""
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
    ratio = median["admit"][0] / median["the five libraries"][0]
    print(f"admit / the five libraries: {ratio:.2f}   (goal 15: 1.25)")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
