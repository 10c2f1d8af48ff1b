"""A process that copies a store slowly enough to be killed: copier.py SOURCE TARGET

It says how far it is, and waits for a line before it goes on.
"""

from __future__ import annotations

import sys
from contextlib import closing

from admit import care
from admit.care import Progress


def say(progress: Progress) -> None:
    """Tell the test, and wait to be told to go on."""
    sys.stdout.write(f"{progress.stage} {progress.done}\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    _, source, target = sys.argv
    with (
        closing(care.open_store(source, read_only=True)) as one,
        closing(care.open_store(target)) as two,
    ):
        care.copy(one, two, progress=say)
