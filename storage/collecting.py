"""When garbage is collected while a store is read: not in between, and once at its end."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """Let no garbage be collected: what is made here stays, and looking through it again and again
    takes longer than making it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def collect() -> None:
    """Look through all that was made here now: the first time takes long, and it would else fall
    into somebody's commit."""
    if gc.isenabled():
        gc.collect()
