"""A process that reads stores: for each path on its input it says the digest of what it finds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from oracle import State, held_by

from admit.storage import TinyStore


class ReaderProcess:
    """Another process, which opens what a test names."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def digest(self, path: Path) -> str:
        """Return `State.digest` of what the other process finds at *path*."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def agrees(self, path: Path, state: State) -> bool:
        """Return whether the other process finds *state* at *path*."""
        return self.digest(path) == state.digest


@contextmanager
def reader_process() -> Iterator[ReaderProcess]:
    """Start a process that reads stores; end it."""
    here = Path(__file__)
    with subprocess.Popen(
        [sys.executable, str(here)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=here.parent,
    ) as process:
        try:
            yield ReaderProcess(process)
        finally:
            process.kill()


def _main() -> None:
    for line in sys.stdin:
        with closing(TinyStore(line.strip(), read_only=True)) as store:
            sys.stdout.write(f"{held_by(store).digest}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _main()
