"""What the command line is tested with: the shapes of the fixtures, and the store's own engine."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import Result

import admit
from admit.testing import CHEAP_HASHING, SettableClock

PASSWORD = "correct horse battery staple"

Call = Callable[..., Result]
RunProcess = Callable[..., "subprocess.CompletedProcess[str]"]
MakePlugin = Callable[..., str]


@contextmanager
def engine_on(path: Path, *, clock: SettableClock | None = None) -> Iterator[admit.Engine]:
    """Open the store that the commands work on: mails land in a folder beside it."""
    with admit.open(path, dev=True, settings=CHEAP_HASHING, clock=clock, worker=False) as engine:
        yield engine
